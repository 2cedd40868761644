"""What ends the writing of a ledger leaves nobody without an answer."""

import asyncio
from dataclasses import dataclass, field

from application.ledger.post_transaction import PostTransaction
from domain.shared.errors import Unavailable
from tests.application.ledger.office import MAIN, Office, done, refused, turns
from tests.application.ledger.policed import Panic
from tests.builders import payment


@dataclass(frozen=True, slots=True)
class Fickle(PostTransaction):
    """A command whose size can be asked for once."""

    asked: list[None] = field(default_factory=list)

    @property
    def size(self) -> int:
        self.asked.append(None)
        if len(self.asked) > 1:
            raise Panic
        return 2


async def test_those_who_wait_are_answered_when_the_writing_ends_before_their_turn(office: Office) -> None:
    tasks = [asyncio.create_task(office.submit(Fickle(payment()))), office.post(payment())]
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=5)
    for answer in answers:
        assert "it will not be done twice" in refused(answer, Unavailable).detail
    assert office.journal.waiting == (0, 0)
    assert done(await office.submit(PostTransaction(payment()))).sequence == 5


async def test_those_in_a_group_that_is_given_up_and_those_behind_it_are_answered(office: Office) -> None:
    office.books.hold_up(MAIN)
    first = office.post(payment("1.00"))
    await office.books.arrival(MAIN)
    second = office.post(payment("2.00"))
    await turns()
    await office.journal.close(patience_seconds=0.01)
    for answer in await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), timeout=5):
        refused(answer, Unavailable)
    assert office.sequence() == 1
