"""Permissions that are limited to ledgers and accounts, and what commands concern."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.close_period import ClosePeriod
from application.ledger.expire_holds import ExpireHolds
from application.ledger.freeze_account import FreezeAccount
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command, Outcome
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from application.ledger.set_chart import RuleDraft, SetChart
from domain.ledger.account import AccountType
from domain.ledger.closing import ClosingDraft
from domain.ledger.events import AccountOpened, Event, HoldPlaced, TransactionPosted
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.posted import ReversalDraft
from domain.ledger.transaction import TransferDraft
from domain.shared.access import Grant, LedgerPattern, Permission, Principal
from domain.shared.errors import DomainError, PermissionDenied
from domain.shared.patterns import Pattern
from tests.application.ledger.asks import COMMANDS, SCENE
from tests.application.ledger.office import Office
from tests.builders import NOW, credit, debit, draft, hold_id, key, payment, principal, transaction_id


def limited(*accounts: str, ledgers: Sequence[str] | None = None) -> Principal:
    patterns = None if ledgers is None else tuple(map(LedgerPattern, ledgers))
    return Principal(1, "key_limited", (Grant(frozenset(Permission), patterns, tuple(map(Pattern, accounts))),))


USERS = limited("users:*:**")


async def posted(office: Office, debited: str, credited: str) -> str:
    """The id of a transaction between two accounts, by someone who may do everything."""
    command = PostTransaction(payment("5.00", debit_to=debited, credit_to=credited))
    await office.submit(command)
    return command.draft.id


async def held(office: Office, debited: str, credited: str) -> str:
    """The id of a hold between two accounts, by someone who may do everything."""
    made = HoldDraft(hold_id(), (debit(debited, "1.00"), credit(credited, "1.00")))
    await office.submit(PlaceHold(made))
    return made.id


@pytest.fixture
async def wallets(office: Office) -> Office:
    """A ledger with accounts of users and of others."""
    await office.submit(SetChart((RuleDraft(Pattern("users:**"), AccountType.LIABILITY),)))
    await posted(office, "users:1", "users:2")
    await posted(office, "assets:bank", "users:1")
    return office


async def denied(office: Office, command: Command, why: str, by: Principal = USERS, slug: str = "main") -> None:
    """See that the command is denied alone, in a dry run, and beside another, and that nothing comes of it."""
    before = office.sequence()
    with pytest.raises(PermissionDenied, match=why) as refused:
        await office.submit(command, by=by, slug=slug)
    assert refused.value.facts == {"permission": command.permission.value}
    with pytest.raises(PermissionDenied, match=why):
        await office.journal.try_out(by, slug, command)
    assert office.sequence() == before


async def test_who_may_post_on_some_accounts_posts_there(wallets: Office) -> None:
    outcome = await wallets.submit(PostTransaction(payment(debit_to="users:1", credit_to="users:3:wallet")), by=USERS)
    assert [type(applied.event) for applied in outcome.applied] == [AccountOpened, TransactionPosted]
    await wallets.submit(OpenAccount("users:4"), by=USERS)
    await wallets.submit(FreezeAccount("users:4", "why"), by=USERS)
    await wallets.submit(
        PostTransaction(replace(draft(), transfer=TransferDraft("users:1", "users:2", "1", "EUR"))), by=USERS
    )


async def test_one_account_beyond_is_too_many(wallets: Office) -> None:
    for command in (
        PostTransaction(payment(debit_to="users:1", credit_to="assets:bank")),
        PostTransaction(payment(debit_to="assets:bank", credit_to="users:1")),
        PostTransaction(replace(draft(), transfer=TransferDraft("assets:bank", "users:1", "1", "EUR"))),
        PostAtomically((payment(debit_to="users:1", credit_to="users:2"), payment())),
        PlaceHold(HoldDraft(hold_id(), (debit("users:1", "1"), credit("assets:bank", "1")))),
    ):
        await denied(wallets, command, "without assets:bank|without income:sales")
    await denied(wallets, OpenAccount("users", AccountType.LIABILITY), r"users:\*:\*\*, without users")


async def test_the_accounts_of_a_hold_are_those_of_the_commands_that_name_it(wallets: Office) -> None:
    mine, theirs = await held(wallets, "users:1", "users:2"), await held(wallets, "users:1", "assets:bank")
    capture, of_theirs = CaptureDraft(transaction_id(), mine), CaptureDraft(transaction_id(), theirs)
    for command in (
        CaptureHold(of_theirs),
        ReleaseHold(ReleaseDraft(theirs)),
        ResolveHolds((capture, ReleaseDraft(theirs))),
    ):
        await denied(wallets, command, r"users:\*:\*\*, without an account that this concerns\.")
    await wallets.submit(CaptureHold(capture), by=USERS)
    again = await held(wallets, "users:1", "users:2")
    await wallets.submit(ReleaseHold(ReleaseDraft(again)), by=USERS)


async def test_the_accounts_of_a_transaction_are_those_of_the_commands_that_name_it(wallets: Office) -> None:
    mine, theirs = await posted(wallets, "users:1", "users:2"), await posted(wallets, "users:1", "assets:bank")
    reversal, of_theirs = ReversalDraft(transaction_id(), mine), ReversalDraft(transaction_id(), theirs)
    for command in (
        ReverseTransaction(of_theirs),
        ReverseAtomically((reversal, of_theirs)),
        ChangeTransaction(theirs, None, {"a": "1"}),
    ):
        await denied(wallets, command, r"users:\*:\*\*, without an account that this concerns\.")
    await wallets.submit(ReverseTransaction(reversal), by=USERS)
    await wallets.submit(ChangeTransaction(mine, None, {"a": "1"}), by=USERS)


@pytest.mark.parametrize(
    "command",
    [
        ChangeLedger(None, "New name"),
        RegisterAsset("BTC", 8),
        SetChart(()),
        ClosePeriod(ClosingDraft("prd_1", NOW.date(), NOW, "", None)),
        ExpireHolds(),
        # What is not there concerns nobody's accounts.
        ReleaseHold(ReleaseDraft("hold_00000000000000000000000000")),
        ChangeTransaction("txn_00000000000000000000000000", None, {}),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_what_concerns_a_ledger_as_a_whole_takes_a_permission_without_limits(
    wallets: Office, command: Command
) -> None:
    await denied(wallets, command, "this takes all accounts")
    # Not even one that reaches whatever accounts there are.
    await denied(wallets, command, "this takes all accounts", by=limited("**"))


async def test_a_permission_in_some_ledgers_is_none_in_others(wallets: Office) -> None:
    who = limited("**", ledgers=["oth*"])
    await wallets.submit(PostTransaction(payment()), by=who, slug="other")
    await denied(wallets, PostTransaction(payment()), r"limited to the ledgers oth\*, and not to main", by=who)


async def test_a_denial_tells_nothing_of_what_lies_beyond(wallets: Office) -> None:
    # 5.00 of it are there: who may not look is told neither that, nor whether the account exists.
    too_much = payment("9.00", debit_to="users:1", credit_to="assets:nowhere")
    with pytest.raises(PermissionDenied) as refused:
        await wallets.submit(PostTransaction(too_much), by=USERS)
    assert refused.value.detail == (
        "The permission transactions:post is missing: it is limited to users:*:**, without assets:nowhere."
    )


async def test_a_key_s_first_answer_is_not_given_to_who_may_not_have_it(wallets: Office) -> None:
    theirs = await held(wallets, "users:1", "assets:bank")
    command = ReleaseHold(ReleaseDraft(theirs))
    await wallets.submit(command, key=key("K"))
    assert (await wallets.submit(command, key=key("K"))).replayed
    with pytest.raises(PermissionDenied):
        await wallets.submit(command, key=key("K"), by=USERS)


async def test_a_denied_command_does_not_keep_its_neighbours_from_being_done(wallets: Office) -> None:
    good, also_good = [PostTransaction(payment(debit_to="users:1", credit_to="users:2")) for _ in range(2)]
    bad = PostTransaction(payment())
    answers = [
        wallets.journal.enqueue(USERS, "main", command, request_id="req_1") for command in (good, bad, also_good)
    ]
    with pytest.raises(PermissionDenied):
        await answers[1]
    for answer in (answers[0], answers[2]):
        assert (await answer).applied
    assert wallets.group_sizes()[-1] == 2


def _accounts(outcome: Outcome) -> set[str]:
    """The accounts on which something happened."""
    found: set[str] = set()
    for applied in outcome.applied:
        event: Any = applied.event
        if isinstance(event, TransactionPosted | HoldPlaced):
            found |= {entry.account for entry in event.entries}
        elif hasattr(event, "account"):
            found.add(event.account)
    return found


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(command=COMMANDS, pattern=st.sampled_from(["users:*", "assets:**", "**", "income:sales"]))
async def test_whatever_is_asked_for_a_limit_only_takes_away(command: Command, pattern: str) -> None:
    office = Office()
    for asked, _ in SCENE:
        await office.submit(asked)
    answers: list[tuple[set[str], list[Event]] | str | None] = []
    for who in (principal(), limited(pattern)):
        try:
            outcome = await office.journal.try_out(who, "main", command)
            answers.append((_accounts(outcome), [applied.event for applied in outcome.applied]))
        except PermissionDenied:
            answers.append(None)
        except DomainError as refusal:
            answers.append(refusal.detail)
    of_all, of_limited = answers
    assert of_all is not None
    if of_limited is not None:
        assert of_limited == of_all
        if isinstance(of_limited, tuple):
            assert all(Pattern(pattern).matches(path) for path in of_limited[0])
