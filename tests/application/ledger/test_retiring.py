"""Freezing, archiving, reversing several and resolving several, as commands."""

import json

import pytest

from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
from application.ledger.change_account import ChangeAccount
from application.ledger.freeze_account import FreezeAccount, UnfreezeAccount
from application.ledger.freeze_ledger import FreezeLedger, UnfreezeLedger
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from domain.ledger.account import AccountExists, AccountNotEmpty
from domain.ledger.events import AccountChanged, AccountFrozen, AccountUnfrozen, TransactionPosted
from domain.ledger.hold import CaptureDraft, HoldDraft, HoldExceeded, ReleaseDraft
from domain.ledger.limit import Limit, LimitDraft
from domain.ledger.posted import ReversalDraft, ReversalExceeded
from domain.ledger.settings import ArchivedLedger, LedgerNotEmpty
from domain.ledger.transaction import Direction
from domain.shared.access import Permission
from domain.shared.errors import PermissionDenied, ValidationFailed, VersionConflict
from tests.accounting import move
from tests.application.ledger.office import MAIN, Office
from tests.builders import EUR, draft, payment, principal

BANK, SALES = "assets:bank", "income:sales"
DEBIT, CREDIT = frozenset([Direction.DEBIT]), frozenset([Direction.CREDIT])


async def test_only_what_is_new_is_frozen_and_only_what_is_frozen_is_unfrozen(office: Office) -> None:
    await office.submit(OpenAccount(BANK))
    await office.submit(FreezeAccount(BANK, "why", DEBIT))
    assert [each.event for each in (await office.submit(FreezeAccount(BANK, "fraud"))).applied] == [
        AccountFrozen(BANK, CREDIT, "fraud")
    ]
    assert (await office.submit(FreezeAccount(BANK, "again"))).applied == ()
    await office.submit(UnfreezeAccount(BANK, "why", CREDIT))
    assert [each.event for each in (await office.submit(UnfreezeAccount(BANK, "done"))).applied] == [
        AccountUnfrozen(BANK, DEBIT, "done")
    ]


@pytest.mark.parametrize(
    "command",
    [
        FreezeAccount(BANK, ""),
        ArchiveAccount(BANK, None, " "),
        FreezeLedger(""),
        ArchiveLedger(None, "\n"),
        FreezeLedger("r" * 1_001),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_whoever_bars_something_says_why(office: Office, command: Command) -> None:
    await office.submit(OpenAccount(BANK))
    with pytest.raises(ValidationFailed) as refused:
        await office.submit(command)
    assert [blame.pointer for blame in refused.value.blames] == ["/reason"]


async def test_who_when_and_why_stand_in_the_log(office: Office) -> None:
    await office.submit(FreezeLedger("an audit"))
    document = json.loads(office.kept.log(MAIN)[-1][0])
    assert (document["type"], document["data"]) == ("ledger.frozen", {"reason": "an audit"})
    assert document["recorded_at"] == "2026-11-24T10:00:00.000000Z"
    assert "key_of_the_tests" in json.dumps(document)


async def test_an_account_is_archived_when_nothing_is_on_it_in_any_asset(office: Office) -> None:
    await office.submit(PostTransaction(payment("5", asset="JPY")))
    with pytest.raises(AccountNotEmpty) as refused:
        await office.submit(ArchiveAccount(BANK, None, "why"))
    assert refused.value.facts == {
        "account": BANK,
        "asset": "JPY",
        "balance": "5",
        "held_debits": "0",
        "held_credits": "0",
    }
    await office.submit(PostTransaction(payment("5", asset="JPY", debit_to=SALES, credit_to=BANK)))
    await office.submit(PlaceHold(HoldDraft("hold_1", move(BANK, SALES, 1))))
    with pytest.raises(AccountNotEmpty) as refused:
        await office.submit(ArchiveAccount(BANK, None, "why"))
    assert refused.value.facts["held_debits"] == "0.01"
    await office.submit(ReleaseHold(ReleaseDraft("hold_1")))
    with pytest.raises(VersionConflict):
        await office.submit(ArchiveAccount(BANK, 2, "why"))
    await office.submit(ArchiveAccount(BANK, 1, "why"))


async def test_the_path_of_an_archived_account_stays_its_own(office: Office) -> None:
    await office.submit(OpenAccount(BANK))
    await office.submit(ArchiveAccount(BANK, None, "why"))
    with pytest.raises(AccountExists, match="restoring it is the only way back"):
        await office.submit(OpenAccount(BANK))
    await office.submit(RestoreAccount(BANK, "why"))
    await office.submit(PostTransaction(payment()))


async def test_a_ledger_is_archived_when_nothing_is_left_in_it(office: Office) -> None:
    posted = payment(id="txn_1")
    await office.submit(PostTransaction(posted))
    with pytest.raises(LedgerNotEmpty):
        await office.submit(ArchiveLedger(None, "why"))
    await office.submit(ReverseTransaction(ReversalDraft("txn_2", "txn_1")))
    await office.submit(PlaceHold(HoldDraft("hold_1", move(BANK, SALES, 1))))
    with pytest.raises(LedgerNotEmpty) as refused:
        await office.submit(ArchiveLedger(None, "why"))
    assert refused.value.facts["asset"] == "EUR"
    await office.submit(ReleaseHold(ReleaseDraft("hold_1")))
    await office.submit(ArchiveLedger(None, "why"))
    for command in (PostTransaction(payment()), OpenAccount("assets:new"), UnfreezeLedger("why")):
        with pytest.raises(ArchivedLedger):
            await office.submit(command)
        with pytest.raises(ArchivedLedger):
            await office.journal.try_out(principal(), "main", command)
    await office.submit(RestoreLedger("why"))
    await office.submit(PostTransaction(payment()))


async def test_a_posting_beside_the_archiving_comes_before_it_or_is_refused(office: Office) -> None:
    await office.submit(OpenAccount(BANK))
    archived, posted = await office.submit_together(ArchiveAccount(BANK, None, "why"), PostTransaction(payment()))
    assert not isinstance(archived, BaseException)
    assert getattr(posted, "code", None) == "account-archived"
    await office.submit(RestoreAccount(BANK, "why"))
    posted, archived = await office.submit_together(PostTransaction(payment()), ArchiveAccount(BANK, None, "why"))
    assert not isinstance(posted, BaseException)
    assert getattr(archived, "code", None) == "account-not-empty"


async def test_limits_are_replaced_as_a_whole_and_kept_where_none_are_given(office: Office) -> None:
    await office.submit(OpenAccount(BANK, limits=(LimitDraft("EUR", "0"),)))
    outcome = await office.submit(ChangeAccount(BANK, 1, {"a": "1"}))
    assert outcome.applied[-1].event == AccountChanged(
        BANK,
        {"a": "1"},
        (Limit(EUR, 0),),
        {"metadata": {}, "limits": [{"asset": "EUR", "minimum": "0.00", "maximum": None}]},
    )
    assert (await office.submit(ChangeAccount(BANK, 2, limits=(LimitDraft("EUR", "0.00"),)))).applied == ()
    outcome = await office.submit(ChangeAccount(BANK, 2, limits=()))
    assert outcome.applied[-1].event == AccountChanged(
        BANK,
        {"a": "1"},
        (),
        {"metadata": {"a": "1"}, "limits": [{"asset": "EUR", "minimum": "0.00", "maximum": None}]},
    )
    with pytest.raises(VersionConflict):
        await office.submit(ChangeAccount(BANK, 2, limits=()))


# Several at once.


async def test_several_holds_are_resolved_all_or_none(office: Office) -> None:
    for id in ("hold_1", "hold_2"):
        await office.submit(PlaceHold(HoldDraft(id, move(BANK, SALES, 500))))
    before = office.sequence()
    part = CaptureDraft("txn_1", "hold_1", move(BANK, SALES, 300))
    with pytest.raises(HoldExceeded, match="at index 2") as refused:
        await office.submit(
            ResolveHolds((part, ReleaseDraft("hold_2"), CaptureDraft("txn_2", "hold_1", move(BANK, SALES, 201))))
        )
    assert [blame.pointer for blame in refused.value.blames] == ["/resolutions/2/entries"]
    assert office.sequence() == before
    rest = CaptureDraft("txn_2", "hold_1", move(BANK, SALES, 200))
    outcome = await office.submit(ResolveHolds((part, ReleaseDraft("hold_2"), rest)))
    assert [each.event.type for each in outcome.applied] == [
        "transaction.posted",
        "hold.released",
        "transaction.posted",
    ]
    assert (await office.balance(BANK)).posted_debits == 500


async def test_several_transactions_are_reversed_all_or_none(office: Office) -> None:
    for id in ("txn_1", "txn_2"):
        await office.submit(PostTransaction(draft(*move(BANK, SALES, 500), id=id)))
    before = office.sequence()
    with pytest.raises(ReversalExceeded) as refused:
        await office.submit(
            ReverseAtomically(
                (
                    ReversalDraft("txn_3", "txn_1"),
                    ReversalDraft("txn_4", "txn_2", move(BANK, SALES, 501)),
                    ReversalDraft("txn_5", "txn_1"),
                )
            )
        )
    assert [blame.pointer for blame in refused.value.blames] == ["/reversals/1/entries", "/reversals/2"]
    assert office.sequence() == before
    await office.submit(ReverseAtomically((ReversalDraft("txn_3", "txn_1"), ReversalDraft("txn_4", "txn_2"))))
    assert (await office.balance(BANK)).posted_credits == 1_000


async def test_a_captured_transaction_names_its_hold_and_a_reversal_what_it_reverses(office: Office) -> None:
    await office.submit(PlaceHold(HoldDraft("hold_1", move(BANK, SALES, 500))))
    outcome = await office.submit(CaptureHold(CaptureDraft("txn_1", "hold_1")))
    captured = outcome.applied[-1].event
    assert isinstance(captured, TransactionPosted)
    assert (captured.hold, captured.reverses) == ("hold_1", None)
    outcome = await office.submit(ReverseTransaction(ReversalDraft("txn_2", "txn_1")))
    back = outcome.applied[-1].event
    assert isinstance(back, TransactionPosted)
    assert (back.hold, back.reverses) == (None, "txn_1")


# Who may.


@pytest.mark.parametrize(
    ("command", "permission"),
    [
        (ReverseTransaction(ReversalDraft("txn_2", "txn_1")), Permission.TRANSACTIONS_REVERSE),
        (ReverseTransaction(ReversalDraft("txn_2", "txn_1"), is_forced=True), Permission.TRANSACTIONS_FORCE),
        (ReverseAtomically((), is_forced=True), Permission.TRANSACTIONS_FORCE),
        (FreezeAccount(BANK, "why"), Permission.ACCOUNTS_FREEZE),
        (ArchiveAccount(BANK, None, "why"), Permission.ACCOUNTS_ARCHIVE),
        (ArchiveLedger(None, "why"), Permission.LEDGERS_ARCHIVE),
        (CaptureHold(CaptureDraft("txn_1", "hold_1")), Permission.HOLDS_RESOLVE),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_command_asks_for_its_own_permission(office: Office, command: Command, permission: Permission) -> None:
    others = principal(*set(Permission) - {permission})
    with pytest.raises(PermissionDenied, match=permission.value):
        await office.submit(command, by=others)
