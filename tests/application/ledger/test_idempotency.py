import asyncio
from datetime import timedelta

import pytest

from application.ledger.change_account import ChangeAccount
from application.ledger.open_account import OpenAccount
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.shared.idempotency import IdempotencyKey
from domain.ledger.account import AccountType, EntryAccountNotFound
from domain.ledger.balance import Balance
from domain.ledger.ledger import LedgerNotFound
from domain.shared.access import Permission
from domain.shared.errors import IdempotencyConflict, PermissionDenied, ValidationFailed
from tests.application.ledger.office import MAIN, OTHER, Office, done, refused
from tests.builders import key, payment, principal


async def test_a_key_used_again_with_the_same_request_replays_the_first_answer(office: Office) -> None:
    first = await office.submit(PostTransaction(payment("1.00", id="txn_1")), key=key("k"))
    await office.submit(PostTransaction(payment("5.00")))
    again = await office.submit(PostTransaction(payment("1.00", id="txn_2")), key=key("k"))
    assert again.replayed
    assert not first.replayed
    assert again.applied == first.applied
    assert again.sequence == 5
    assert await office.balance("assets:bank") == Balance(600, 0, 2)
    assert office.group_sizes() == [1, 1]


async def test_a_key_used_again_with_another_request_is_a_conflict(office: Office) -> None:
    await office.submit(PostTransaction(payment()), key=key("k", "a request"))
    with pytest.raises(IdempotencyConflict):
        await office.submit(PostTransaction(payment()), key=key("k", "another request"))
    assert office.group_sizes() == [1]


async def test_a_replay_is_still_a_replay_the_second_and_the_third_time(office: Office) -> None:
    for number in range(4):
        outcome = await office.submit(PostTransaction(payment()), key=key("k"))
        assert outcome.replayed is (number > 0)
    assert office.sequence() == 5


async def test_a_second_use_in_the_same_group_sees_the_first(office: Office) -> None:
    answers = await asyncio.gather(
        office.post(payment(), key=key("k")),
        office.post(payment(), key=key("k")),
        office.post(payment(), key=key("k", "another request")),
        office.post(payment(), key=key("other")),
        return_exceptions=True,
    )
    assert office.group_sizes() == [2]
    first, second = done(answers[0]), done(answers[1])
    assert (first.replayed, second.replayed) == (False, True)
    assert second.applied == first.applied
    refused(answers[2], IdempotencyConflict)
    assert not done(answers[3]).replayed


async def test_only_accepted_commands_keep_their_key(office: Office) -> None:
    with pytest.raises(EntryAccountNotFound):
        await office.submit(PostTransaction(payment(credit_to="users:1")), key=key("k", "the first try"))
    await office.submit(OpenAccount("users:1", AccountType.LIABILITY))
    outcome = await office.submit(PostTransaction(payment(credit_to="users:1")), key=key("k", "the second try"))
    assert not outcome.replayed


async def test_a_refusal_in_the_same_group_leaves_the_key_to_the_next(office: Office) -> None:
    answers = await asyncio.gather(
        office.post(payment(credit_to="nowhere"), key=key("k", "one")),
        office.post(payment(), key=key("k", "two")),
        office.post(payment(), key=key("k", "one")),
        return_exceptions=True,
    )
    refused(answers[0], EntryAccountNotFound)
    assert not done(answers[1]).replayed
    refused(answers[2], IdempotencyConflict)


@pytest.mark.parametrize("together", [True, False], ids=["in one group", "one after the other"])
async def test_what_changed_nothing_keeps_no_key(office: Office, together: bool) -> None:
    await office.submit(OpenAccount("assets:bank", metadata={"a": "1"}))
    commands = [
        (ChangeAccount("assets:bank", None, {"a": "1"}), key("k", "no change")),
        (ChangeAccount("assets:bank", None, {"a": "2"}), key("k", "a change")),
    ]
    if together:
        nothing, something = await asyncio.gather(*(office.submit(command, key=its) for command, its in commands))
    else:
        nothing, something = [await office.submit(command, key=its) for command, its in commands]
    assert (nothing.applied, nothing.sequence) == ((), None)
    assert (len(something.applied), something.replayed) == (1, False)


async def test_a_key_lives_for_thirty_days(office: Office) -> None:
    await office.submit(PostTransaction(payment("1.00")), key=key("k"))
    office.clock.advance(timedelta(days=30, microseconds=-1))
    assert (await office.submit(PostTransaction(payment("1.00")), key=key("k"))).replayed
    office.clock.advance(timedelta(microseconds=1))
    outcome = await office.submit(PostTransaction(payment("1.00")), key=key("k", "whatever"))
    assert not outcome.replayed
    assert (await office.submit(PostTransaction(payment("1.00")), key=key("k", "whatever"))).replayed
    assert await office.balance("assets:bank") == Balance(200, 0, 2)


async def test_permission_is_checked_before_a_key_is_replayed(office: Office) -> None:
    await office.submit(PostTransaction(payment()), key=key("k"))
    for its in (key("k"), key("k", "another")):
        with pytest.raises(PermissionDenied):
            await office.submit(PostTransaction(payment()), key=its, by=principal(Permission.EVENTS_READ))


async def test_a_key_belongs_to_its_ledger(office: Office) -> None:
    await office.submit(PostTransaction(payment()), key=key("k", "in main"))
    outcome = await office.submit(PostTransaction(payment()), key=key("k", "in other"), slug="other")
    assert not outcome.replayed
    assert (office.sequence(MAIN), office.sequence(OTHER)) == (5, 5)


async def test_a_key_outlives_the_process(office: Office) -> None:
    first = await office.submit(PostTransaction(payment()), key=key("k"))
    office.journal = office.another_journal()
    again = await office.submit(PostTransaction(payment()), key=key("k"))
    assert (again.replayed, again.applied) == (True, first.applied)


async def test_a_key_of_several_transactions_replays_them_all(office: Office) -> None:
    command = PostAtomically((payment("1.00"), payment("2.00"), payment("3.00")))
    first = await office.submit(command, key=key("k"))
    again = await office.submit(command, key=key("k"))
    assert (again.replayed, again.applied) == (True, first.applied)
    assert len(again.applied) == 3 + 3


async def test_a_replay_says_what_it_did_whatever_it_would_do_now(office: Office) -> None:
    first = await office.submit(PostTransaction(payment(reference="r", id="txn_1")), key=key("k"))
    # Posted anew, its reference would be taken.
    again = await office.submit(PostTransaction(payment(reference="r", id="txn_2")), key=key("k"))
    assert (again.replayed, again.applied) == (True, first.applied)


async def test_a_key_in_a_ledger_that_is_not_there_is_no_use(office: Office) -> None:
    with pytest.raises(LedgerNotFound):
        await office.submit(PostTransaction(payment()), key=key("k"), slug="nowhere")


@pytest.mark.parametrize("text", ["", " ", "k" * 256, "a\nb", "a\x00b", "\ud800"], ids=ascii)
def test_a_key_is_one_line_of_up_to_255_characters(text: str) -> None:
    with pytest.raises(ValidationFailed):
        IdempotencyKey(text, b"")
    assert IdempotencyKey("k" * 255, b"").key == "k" * 255
