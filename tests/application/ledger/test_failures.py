import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import pytest

from application.ledger.ports import Command, Outcome
from application.ledger.post_transaction import PostTransaction
from application.shared.ports import CommitInDoubt, StoreUnavailable
from domain.ledger.account import EntryAccountNotFound
from domain.ledger.balance import Balance
from domain.ledger.book import Book
from domain.ledger.events import Event, TransactionPosted
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.errors import ErrorKind, Unavailable, ValidationFailed
from tests.application.ledger.office import MAIN, Office, done, refused, sequences, turns
from tests.application.ledger.policed import Panic
from tests.application.ledger.wayward_books import Moment
from tests.builders import key, payment, principal

AWAY = StoreUnavailable("the connection was refused")
DOUBT = CommitInDoubt("the connection was lost")
TRIES = 4  # the first one, and one after each delay


class Bug(Exception):
    """A mistake in a program."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A command with a bug in one of its parts."""

    permission: ClassVar = Permission.TRANSACTIONS_POST
    size: ClassVar = 0
    in_scope: BaseException | None = None
    in_execute: BaseException | None = None

    def scope(self) -> Scope:
        if self.in_scope:
            raise self.in_scope
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        if self.in_execute:
            raise self.in_execute
        return []


async def go_away(office: Office, times: int) -> None:
    office.books.fail(Moment.OPENING, *[AWAY] * times)


def brings(reference: str, outcome: Outcome) -> bool:
    return any(
        isinstance(applied.event, TransactionPosted) and applied.event.reference == reference
        for applied in outcome.applied
    )


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (Broken(in_execute=Bug()), Bug),
        (Broken(in_scope=Bug()), Bug),
        (Broken(in_scope=ValidationFailed("Not like this.")), ValidationFailed),
        (Broken(in_execute=Panic()), RuntimeError),
        (Broken(in_scope=Panic()), RuntimeError),
        (Broken(in_execute=asyncio.CancelledError()), RuntimeError),
        (Broken(in_execute=SystemExit(3)), RuntimeError),
    ],
    ids=["in execute", "in scope", "a refusal too early", "a panic", "a panic in scope", "a cancellation", "an exit"],
)
async def test_a_bug_in_one_command_fails_that_command_alone(
    office: Office, command: Command, error: type[Exception]
) -> None:
    answers = await office.submit_together(
        PostTransaction(payment("1.00")),
        command,
        PostTransaction(payment("2.00")),
        PostTransaction(payment(credit_to="nowhere")),
    )
    refused(answers[1], error)
    refused(answers[3], EntryAccountNotFound)
    assert sequences(answers[::2]) == [5, 6]
    assert await office.balance("assets:bank") == Balance(300, 0, 2)
    assert office.sequence() == 6


async def test_what_the_store_cannot_store_fails_alone(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.books.choke_on(lambda outcome: brings("bad", outcome), Bug("cannot be stored"))
    answers = await office.post_together(
        payment("1.00", reference="a"), payment("2.00", reference="bad"), payment("4.00", reference="c")
    )
    refused(answers[1], Bug)
    assert sequences(answers[::2]) == [5, 6]
    assert office.group_sizes() == [1, 1]
    assert await office.balance("assets:bank") == Balance(500, 0, 2)
    assert office.sequence() == 6
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "PostTransaction" in caplog.records[-1].message


async def test_a_culprit_keeps_no_key_and_its_neighbours_keep_theirs(office: Office) -> None:
    office.books.choke_on(lambda outcome: brings("bad", outcome), Bug())
    await asyncio.gather(
        office.post(payment(reference="good"), key=key("good")),
        office.post(payment(reference="bad"), key=key("bad")),
        return_exceptions=True,
    )
    assert (await office.submit(PostTransaction(payment()), key=key("good"))).replayed
    assert not (await office.submit(PostTransaction(payment()), key=key("bad"))).replayed


async def test_a_group_goes_on_after_one_that_failed(office: Office) -> None:
    office.books.fail(Moment.LOADING, Bug())
    with pytest.raises(Bug):
        await office.submit(PostTransaction(payment("1.00")))
    assert (await office.submit(PostTransaction(payment("1.00")))).sequence == 5


@pytest.mark.parametrize("moment", [Moment.OPENING, Moment.LOADING, Moment.APPENDING, Moment.COMMITTING])
async def test_a_store_that_is_away_for_a_moment_is_tried_again(office: Office, moment: Moment) -> None:
    office.books.fail(moment, AWAY, AWAY, AWAY)
    answers = await office.post_together(payment("1.00"), payment("2.00"))
    assert sequences(answers) == [5, 6]
    assert await office.balance("assets:bank") == Balance(300, 0, 2)
    assert office.sequence() == 6


@pytest.mark.parametrize("moment", [Moment.OPENING, Moment.LOADING, Moment.APPENDING, Moment.COMMITTING])
async def test_a_store_that_stays_away_is_unavailable_and_nothing_is_done(office: Office, moment: Moment) -> None:
    office.books.fail(moment, *[AWAY] * TRIES)
    for answer in await office.post_together(payment("1.00"), payment("2.00")):
        refusal = refused(answer, Unavailable)
        assert refusal.kind is ErrorKind.UNAVAILABLE
        assert "Nothing was changed" in refusal.detail
    assert office.sequence() == 1
    assert (await office.submit(PostTransaction(payment("4.00")))).sequence == 5


async def test_a_commit_in_doubt_that_was_kept_is_answered_and_not_done_twice(office: Office) -> None:
    office.books.fail(Moment.COMMITTED, DOUBT)
    answers = await asyncio.gather(
        office.post(payment("1.00"), key=key("k")),
        office.post(payment(credit_to="nowhere")),
        office.post(payment("2.00")),
        return_exceptions=True,
    )
    refused(answers[1], EntryAccountNotFound)
    assert sequences(answers[::2]) == [5, 6]
    assert not done(answers[0]).replayed
    assert office.books.looked_up == 1
    assert await office.balance("assets:bank") == Balance(300, 0, 2)
    assert office.sequence() == 6


async def test_a_commit_in_doubt_that_was_not_kept_is_done_again(office: Office) -> None:
    office.books.fail(Moment.COMMITTING, DOUBT)
    answers = await office.post_together(payment("1.00"), payment("2.00"))
    assert sequences(answers) == [5, 6]
    assert office.books.looked_up == 1
    assert await office.balance("assets:bank") == Balance(300, 0, 2)
    assert office.sequence() == 6


@pytest.mark.parametrize(
    ("moment", "mine", "theirs"),
    # The other one opens an account first.
    [(Moment.COMMITTED, 6, 8), (Moment.COMMITTING, 8, 7)],
    ids=["kept", "not kept"],
)
async def test_a_commit_in_doubt_is_told_from_what_another_process_wrote_meanwhile(
    office: Office, moment: Moment, mine: int, theirs: int
) -> None:
    other = office.another_journal()
    written: list[Outcome] = []

    async def write() -> None:
        command = PostTransaction(payment("2.00", debit_to="assets:till"))
        written.append(await other.submit(principal(), "main", command, request_id="req_of_the_other"))

    await office.submit(PostTransaction(payment("4.00")))
    office.books.fail(moment, DOUBT, meanwhile=write)
    outcome = await office.submit(PostTransaction(payment("1.00")))
    assert (outcome.sequence, written[0].sequence) == (mine, theirs)
    assert await office.balance("assets:bank") == Balance(500, 0, 2)
    assert await office.balance("assets:till") == Balance(200, 0, 1)
    assert office.sequence() == max(mine, theirs)
    await other.close()


async def test_a_commit_in_doubt_is_looked_up_until_the_store_is_back(office: Office) -> None:
    office.books.fail(Moment.COMMITTED, DOUBT, meanwhile=lambda: go_away(office, times=2))
    assert (await office.submit(PostTransaction(payment("1.00")))).sequence == 5
    assert office.sequence() == 5


@pytest.mark.parametrize(("moment", "sequence"), [(Moment.COMMITTED, 5), (Moment.COMMITTING, 1)])
async def test_a_commit_that_stays_in_doubt_is_not_called_undone(office: Office, moment: Moment, sequence: int) -> None:
    office.books.fail(moment, DOUBT, meanwhile=lambda: go_away(office, times=TRIES - 1))
    with pytest.raises(Unavailable, match="may have been done or not"):
        await office.submit(PostTransaction(payment("1.00")), key=key("k"))
    assert office.sequence() == sequence
    # Whoever tries again with the same key is told, or served.
    outcome = await office.submit(PostTransaction(payment("1.00")), key=key("k"))
    assert outcome.replayed is (moment is Moment.COMMITTED)
    assert await office.balance("assets:bank") == Balance(100, 0, 1)


async def test_a_store_that_loses_every_commit_is_unavailable(office: Office) -> None:
    office.books.fail(Moment.COMMITTING, *[DOUBT] * TRIES)
    with pytest.raises(Unavailable, match="Nothing was changed"):
        await office.submit(PostTransaction(payment("1.00")))
    assert office.books.looked_up == TRIES
    assert office.sequence() == 1


async def test_refusals_of_a_commit_in_doubt_are_answered_without_a_look(office: Office) -> None:
    office.books.fail(Moment.COMMITTING, DOUBT)
    with pytest.raises(EntryAccountNotFound):
        await office.submit(PostTransaction(payment(credit_to="nowhere")))
    assert office.books.looked_up == 0


async def test_a_replay_in_a_commit_in_doubt_is_a_replay(office: Office) -> None:
    first = await office.submit(PostTransaction(payment()), key=key("k"))
    office.books.fail(Moment.COMMITTING, DOUBT)
    again = await office.submit(PostTransaction(payment()), key=key("k"))
    assert (again.replayed, again.applied) == (True, first.applied)
    assert office.sequence() == 5


async def test_a_replay_is_answered_by_a_commit_that_went_well(office: Office) -> None:
    await office.submit(PostTransaction(payment()), key=key("k"))
    # What it found may itself be waiting for a standby, which the failure of this commit tells of.
    office.books.fail(Moment.COMMITTING, *[DOUBT] * TRIES)
    with pytest.raises(Unavailable):
        await office.submit(PostTransaction(payment()), key=key("k"))


async def test_a_caller_who_goes_before_the_group_begins_takes_the_command_along(office: Office) -> None:
    office.books.hold_up(MAIN)
    first = office.post(payment("1.00"))
    await office.books.arrival(MAIN)
    going, staying = office.post(payment("2.00")), office.post(payment("4.00"))
    await turns()
    going.cancel()
    await turns()
    office.books.let_go(MAIN)
    await asyncio.gather(first, staying)
    assert going.cancelled()
    assert await office.balance("assets:bank") == Balance(500, 0, 2)


async def test_a_caller_who_goes_after_the_group_began_takes_nothing_back(office: Office) -> None:
    office.books.hold_up(MAIN)
    going, staying = office.post(payment("1.00"), key=key("k")), office.post(payment("2.00"))
    await office.books.arrival(MAIN)
    going.cancel()
    await turns()
    assert going.cancelled()
    office.books.let_go(MAIN)
    assert (await staying).sequence == 6
    assert await office.balance("assets:bank") == Balance(300, 0, 2)
    assert (await office.submit(PostTransaction(payment("1.00")), key=key("k"))).replayed


async def test_a_group_whose_callers_have_all_gone_is_finished_and_the_next_begins(office: Office) -> None:
    office.books.hold_up(MAIN)
    going = [office.post(payment("1.00")) for _ in range(3)]
    await office.books.arrival(MAIN)
    for task in going:
        task.cancel()
    await turns()
    staying = office.post(payment("2.00"))
    await turns()
    office.books.let_go(MAIN)
    assert (await staying).sequence == 8
    assert office.group_sizes() == [3, 1]


async def test_when_all_who_waited_have_gone_the_ledger_is_idle_again(office: Office) -> None:
    tasks = [office.post(payment("1.00")) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait_for(office.journal.close(), timeout=5)
    assert (await office.submit(PostTransaction(payment("2.00")))).sequence == 5
