"""Expiry (rule 11): before the commands of a group run, every hold that is due expires."""

from datetime import datetime, timedelta

import pytest

from application.ledger.expire_holds import ExpireHolds
from application.ledger.journal import EXPIRY_ACTOR
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command, DueHolds, TooManyEntries
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from domain.ledger.account import AccountType
from domain.ledger.events import HoldExpired
from domain.ledger.held import NOTHING_HELD
from domain.ledger.hold import CaptureDraft, HoldDraft, HoldNotOpen, ReleaseDraft
from domain.ledger.limit import InsufficientFunds, LimitDraft
from domain.ledger.scope import Scope
from domain.ledger.transaction import NothingToMove
from domain.shared.errors import NotFound
from tests.accounting import move
from tests.application.ledger.office import MAIN, Office, done, refused
from tests.builders import credit, debit, draft, key, principal

ANA, BANK = "liabilities:ana", "assets:bank"
HOUR = timedelta(hours=1)


def hold(office: Office, *, expires_at: datetime | None = None, cents: int = 600) -> PlaceHold:
    return PlaceHold(HoldDraft(office.ids.new("hold"), move(ANA, BANK, cents), expires_at))


def capture(office: Office, of: PlaceHold) -> CaptureHold:
    return CaptureHold(CaptureDraft(office.ids.new("txn"), of.draft.id))


async def with_hold(office: Office, hours: int = 1) -> PlaceHold:
    """Give Ana 10.00 and no credit, and hold 6.00 of it for an hour."""
    placed = hold(office, expires_at=office.clock.now() + hours * HOUR)
    await office.submit(OpenAccount(ANA, limits=(LimitDraft("EUR", "0"),)))
    await office.submit(PostTransaction(draft(*move(BANK, ANA, 1_000))))
    await office.submit(placed)
    return placed


def written(office: Office) -> list[tuple[str, str]]:
    """The type and the actor of each event that was written by the last group."""
    return [
        (applied.event.type, applied.recorded.content.decode().split('"actor":"')[1].split('"')[0])
        for outcome in office.books.appended[-1]
        for applied in outcome.applied
        if applied.recorded
    ]


async def test_what_a_due_hold_held_can_be_spent_by_the_next_command(office: Office) -> None:
    await with_hold(office)
    spending = PostTransaction(draft(*move(ANA, BANK, 1_000)))
    with pytest.raises(InsufficientFunds):
        await office.submit(spending)
    office.clock.advance(HOUR)
    await office.submit(spending)
    assert written(office) == [
        ("hold.expired", EXPIRY_ACTOR),
        ("transaction.posted", "key_of_the_tests"),
    ]


async def test_a_hold_that_is_not_due_yet_is_captured(office: Office) -> None:
    placed = await with_hold(office)
    office.clock.advance(HOUR - timedelta(microseconds=1))
    await office.submit(capture(office, placed))
    office.clock.advance(HOUR)
    await office.submit(ExpireHolds())
    assert office.books.appended[-1][0].applied[0].event.type == "transaction.posted"


@pytest.mark.parametrize("what", ["capture", "release"])
async def test_an_expiry_stands_even_if_the_command_is_refused(office: Office, what: str) -> None:
    placed = await with_hold(office)
    office.clock.advance(HOUR)
    command: Command = capture(office, placed) if what == "capture" else ReleaseHold(ReleaseDraft(placed.draft.id))
    before = office.sequence()
    with pytest.raises(HoldNotOpen) as refused:
        await office.submit(command)
    assert refused.value.facts["hold_status"] == "expired"
    assert office.sequence() == before + 1
    assert written(office) == [("hold.expired", EXPIRY_ACTOR)]
    with pytest.raises(HoldNotOpen):
        await office.submit(command)
    assert office.sequence() == before + 1


async def test_expiry_is_no_answer_to_a_command(office: Office) -> None:
    await with_hold(office)
    office.clock.advance(HOUR)
    outcome = await office.submit(ExpireHolds())
    assert (outcome.applied, outcome.sequence) == ((), None)
    assert written(office) == [("hold.expired", EXPIRY_ACTOR)]


async def test_an_answer_that_is_replayed_lets_due_holds_expire_too(office: Office) -> None:
    await with_hold(office)
    posting = PostTransaction(draft(*move(BANK, ANA, 5)))
    first = await office.submit(posting, key=key("k"))
    office.clock.advance(HOUR)
    again = await office.submit(posting, key=key("k"))
    assert again.replayed
    assert again.sequence == first.sequence
    assert written(office) == [("hold.expired", EXPIRY_ACTOR)]


async def test_a_hold_is_captured_once_however_often_a_key_is_sent(office: Office) -> None:
    placed = await with_hold(office)
    command = capture(office, placed)
    first = await office.submit(command, key=key("k"))
    again = await office.submit(command, key=key("k"))
    assert again.replayed
    assert again.sequence == first.sequence
    assert (await office.balance(ANA)).posted_debits == 600


async def test_a_dry_run_sees_what_will_have_expired_and_writes_nothing(office: Office) -> None:
    placed = await with_hold(office)
    office.clock.advance(HOUR)
    before = office.sequence()
    outcome = await office.journal.try_out(
        principal(), "main", PostTransaction(draft(debit(ANA, "all"), credit(BANK, "rest")))
    )
    assert [line.entry.amount for line in outcome.applied[-1].lines] == [1_000, 1_000]
    with pytest.raises(HoldNotOpen):
        await office.journal.try_out(principal(), "main", capture(office, placed))
    assert office.sequence() == before


async def test_a_hold_of_a_group_counts_for_the_next_command_in_it(office: Office) -> None:
    await with_hold(office)
    placed = hold(office, cents=400)
    first, second, third = await office.submit_together(
        placed, PostTransaction(draft(debit(ANA, "all"), credit(BANK, "rest"))), capture(office, placed)
    )
    assert done(first).sequence
    assert isinstance(second, NothingToMove)
    assert second.facts["available"] == "0.00"
    assert done(third).sequence


async def test_holds_with_more_entries_than_one_group_lets_expire_take_groups_of_their_own(office: Office) -> None:
    soon = office.clock.now() + HOUR
    entries = (*[debit(BANK, "0.01")] * 2_000, *[credit(ANA, "0.01")] * 2_000)
    await office.submit(OpenAccount(ANA, AccountType.LIABILITY))
    for _ in range(3):
        await office.submit(PlaceHold(HoldDraft(office.ids.new("hold"), entries, soon)))
    office.clock.advance(HOUR)
    groups = len(office.group_sizes())
    await office.submit(PostTransaction(draft(*move(BANK, ANA, 1))))
    written_in_groups = [
        [applied.event.type for outcome in group for applied in outcome.applied]
        for group in office.books.appended[groups:]
    ]
    assert written_in_groups == [["hold.expired"] * 2, ["hold.expired", "transaction.posted"]]
    async with office.kept.snapshot(MAIN) as snapshot:
        book = await snapshot.load(Scope(balances=[(ANA, "EUR")]))
        assert await snapshot.due_holds(office.clock.now(), entries_max=1) == DueHolds()
    assert book.held_on(ANA, "EUR") == NOTHING_HELD


async def test_commands_that_look_at_too_much_together_are_done_one_by_one(office: Office) -> None:
    entries = (*[debit(BANK, "0.01")] * 2_000, *[credit(ANA, "0.01")] * 2_000)
    await office.submit(OpenAccount(ANA, AccountType.LIABILITY))
    ids = [office.ids.new("hold") for _ in range(13)]
    for id in ids:
        await office.submit(PlaceHold(HoldDraft(id, entries)))
    together = await office.submit_together(*[ReleaseHold(ReleaseDraft(id)) for id in ids[:12]])
    assert [done(answer).applied[-1].event.type for answer in together] == ["hold.released"] * 12
    all_of_them = ResolveHolds(tuple(ReleaseDraft(id) for id in ids))
    (refusal,) = await office.submit_together(all_of_them)
    refused(refusal, TooManyEntries)


async def test_holds_of_other_ledgers_are_left_alone(office: Office) -> None:
    placed = await with_hold(office)
    office.clock.advance(HOUR)
    before = office.sequence()
    await office.submit(ExpireHolds(), slug="other")
    with pytest.raises(NotFound):
        await office.submit(capture(office, placed), slug="other")
    assert office.sequence() == before


def test_an_expiry_says_which_hold_and_nothing_else() -> None:
    assert HoldExpired("hold_1").data() == {"id": "hold_1"}
