import asyncio

import pytest

from application.ledger.group import GroupQueue, Submission
from application.ledger.ports import Outcome
from application.ledger.post_transaction import PostTransaction
from domain.shared.errors import ErrorKind, Overloaded
from tests.builders import AUTHOR, credit, debit, draft, payment

SMALL = PostTransaction(payment())


def of_size(entries: int) -> PostTransaction:
    assert entries % 2 == 0
    return PostTransaction(draft(*[debit("a", "1"), credit("b", "1")] * (entries // 2)))


def waiting(command: PostTransaction = SMALL) -> Submission:
    return Submission(command, AUTHOR, None, asyncio.get_running_loop().create_future())


def sizes(group: list[Submission]) -> list[int]:
    return [submission.command.size for submission in group]


async def test_commands_leave_in_the_order_in_which_they_came() -> None:
    queue = GroupQueue()
    came = [waiting() for _ in range(5)]
    for submission in came:
        queue.add(submission, is_bulk=False)
    assert queue.take() == came
    assert queue.take() == []


async def test_a_group_has_at_most_a_thousand_commands() -> None:
    queue = GroupQueue()
    for _ in range(2_500):
        queue.add(waiting(), is_bulk=False)
    assert [len(queue.take()) for _ in range(4)] == [1_000, 1_000, 500, 0]


async def test_a_group_has_at_most_ten_thousand_entries() -> None:
    queue = GroupQueue()
    for entries in (4_000, 4_000, 2_000, 2, 4_998, 5_000, 2):
        queue.add(waiting(of_size(entries)), is_bulk=False)
    assert sizes(queue.take()) == [4_000, 4_000, 2_000]
    assert sizes(queue.take()) == [2, 4_998, 5_000]
    assert sizes(queue.take()) == [2]


async def test_a_command_alone_may_have_more_entries_than_a_group() -> None:
    queue = GroupQueue()
    for entries in (2, 20_000, 2):
        queue.add(waiting(of_size(entries)), is_bulk=False)
    assert [sizes(queue.take()) for _ in range(3)] == [[2], [20_000], [2]]


async def test_single_commands_leave_before_those_of_a_bulk() -> None:
    queue = GroupQueue()
    bulk, singles = [waiting() for _ in range(3)], [waiting() for _ in range(2)]
    for submission in bulk:
        queue.add(submission, is_bulk=True)
    for submission in singles:
        queue.add(submission, is_bulk=False)
    assert queue.take() == singles + bulk


async def test_a_bulk_fills_a_group_up_to_125_commands() -> None:
    queue = GroupQueue()
    for _ in range(600):
        queue.add(waiting(), is_bulk=True)
    for _ in range(100):
        queue.add(waiting(), is_bulk=False)
    assert [len(queue.take()) for _ in range(7)] == [125, 125, 125, 125, 125, 75, 0]


async def test_beside_many_single_commands_a_bulk_still_has_some_place_in_every_group() -> None:
    queue = GroupQueue()
    for _ in range(100):
        queue.add(waiting(of_size(4)), is_bulk=True)
    for _ in range(2_000):
        queue.add(waiting(), is_bulk=False)
    assert sizes(queue.take()) == [2] * 975 + [4] * 25
    assert sizes(queue.take()) == [2] * 975 + [4] * 25


async def test_who_has_gone_before_the_group_began_is_left_out() -> None:
    queue = GroupQueue()
    stays, gone = waiting(), waiting()
    for submission in (gone, stays, waiting()):
        queue.add(submission, is_bulk=False)
    gone.answer.cancel()
    assert queue.take()[0] is stays
    queue.add(gone, is_bulk=True)
    assert queue.take() == []


async def test_twenty_thousand_commands_may_wait_and_no_more() -> None:
    queue = GroupQueue()
    for number in range(20_000):
        queue.add(waiting(), is_bulk=number % 2 == 0)
    for is_bulk in (False, True):
        with pytest.raises(Overloaded) as refused:
            queue.add(waiting(), is_bulk=is_bulk)
        assert refused.value.kind is ErrorKind.UNAVAILABLE
    assert len(queue.take()) == 1_000
    queue.add(waiting(), is_bulk=False)


async def test_an_answer_reaches_who_is_still_there() -> None:
    answered, refused, gone = waiting(), waiting(), waiting()
    answered.give(Outcome(()))
    refused.give(Overloaded("No."))
    gone.answer.cancel()
    gone.give(Outcome(()))
    assert await answered.answer == Outcome(())
    with pytest.raises(Overloaded):
        await refused.answer
    assert gone.answer.cancelled()
