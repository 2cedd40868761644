"""Each command by itself; how they are committed is tested elsewhere."""

import pytest

from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.open_account import OpenAccount
from application.ledger.ports import Command, Outcome
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.set_chart import RuleDraft, SetChart
from domain.ledger.account import AccountExists, AccountNotFound, AccountType
from domain.ledger.asset import ScaleFixed
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    Event,
    LedgerChanged,
    TransactionChanged,
)
from domain.shared.access import Permission
from domain.shared.errors import (
    DomainError,
    NotFound,
    PermissionDenied,
    PreconditionRequired,
    ValidationFailed,
    VersionConflict,
)
from domain.shared.patterns import Pattern
from tests.application.ledger.office import Office
from tests.builders import draft, payment, principal, transaction_id

WALLETS = RuleDraft(Pattern("users:*:wallet"), AccountType.LIABILITY)
FULL = {str(number): "" for number in range(64)}


def events(outcome: Outcome) -> list[Event]:
    return [applied.event for applied in outcome.applied]


async def check_refused(
    office: Office, command: Command, refusal: type[DomainError], pointer: str | None = None
) -> None:
    log = office.sequence()
    with pytest.raises(refusal) as refused:
        await office.submit(command)
    assert type(refused.value) is refusal
    assert [blame.pointer for blame in refused.value.blames] == ([] if pointer is None else [pointer])
    assert office.sequence() == log


@pytest.mark.parametrize(
    ("command", "permission"),
    [
        (PostTransaction(payment()), Permission.TRANSACTIONS_POST),
        (PostAtomically((payment(),)), Permission.TRANSACTIONS_POST),
        (OpenAccount("a", AccountType.ASSET), Permission.ACCOUNTS_OPEN),
        (ChangeAccount("a", None, {}), Permission.ACCOUNTS_CHANGE),
        (ChangeTransaction("txn_1", None, {}), Permission.TRANSACTIONS_CHANGE),
        (ChangeLedger(None), Permission.LEDGERS_CHANGE),
        (RegisterAsset("BTC", 8), Permission.ASSETS_REGISTER),
        (SetChart((WALLETS,)), Permission.CHART_SET),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, Permission) else value.value,
)
async def test_a_command_needs_its_own_permission(office: Office, command: Command, permission: Permission) -> None:
    assert command.permission is permission
    with pytest.raises(PermissionDenied, match=permission.value):
        await office.submit(command, by=principal(*set(Permission) - {permission}))
    assert office.sequence() == 1


# Posting: the rules are tested in the domain; here, that the scope names all that they look at.


async def test_a_posting_sees_balances_references_assets_and_accounts_of_groups_before(office: Office) -> None:
    await office.submit(PostTransaction(payment("1.00", reference="r")))
    outcome = await office.submit(PostTransaction(payment("2.00", reference="s")))
    assert [event.type for event in events(outcome)] == ["transaction.posted"]
    with pytest.raises(DomainError, match="'r'"):
        await office.submit(PostTransaction(payment(reference="r")))


def test_a_posting_is_as_large_as_its_entries() -> None:
    assert PostTransaction(payment()).size == 2
    assert PostTransaction(draft()).size == 0


# Opening accounts.


async def test_an_account_is_opened_with_the_type_that_is_asked_for(office: Office) -> None:
    outcome = await office.submit(OpenAccount("users:1", AccountType.LIABILITY, {"name": "Ada"}))
    assert events(outcome) == [AccountOpened("users:1", AccountType.LIABILITY, {"name": "Ada"})]


async def test_an_account_without_a_type_gets_that_of_the_chart(office: Office) -> None:
    await office.submit(SetChart((WALLETS,)))
    assert events(await office.submit(OpenAccount("users:1:wallet"))) == [
        AccountOpened("users:1:wallet", AccountType.LIABILITY)
    ]
    assert events(await office.submit(OpenAccount("expenses:rent"))) == [
        AccountOpened("expenses:rent", AccountType.EXPENSE)
    ]


async def test_the_type_asked_for_comes_before_that_of_the_chart(office: Office) -> None:
    outcome = await office.submit(OpenAccount("assets:odd", AccountType.EQUITY))
    assert events(outcome) == [AccountOpened("assets:odd", AccountType.EQUITY)]


async def test_an_account_cannot_be_opened_twice_or_without_a_type_or_a_good_name(office: Office) -> None:
    await office.submit(OpenAccount("users:1", AccountType.LIABILITY))
    await check_refused(office, OpenAccount("users:1", AccountType.LIABILITY), AccountExists, "/path")
    await check_refused(office, OpenAccount("users:2"), ValidationFailed, "/type")
    await check_refused(office, OpenAccount("users::2", AccountType.ASSET), ValidationFailed, "/path")
    await check_refused(office, OpenAccount("\ud800", AccountType.ASSET), ValidationFailed, "/path")
    await check_refused(office, OpenAccount("a", AccountType.ASSET, {"": ""}), ValidationFailed, "/metadata")


async def test_an_account_opened_by_an_entry_is_open(office: Office) -> None:
    await office.submit(PostTransaction(payment()))
    await check_refused(office, OpenAccount("assets:bank"), AccountExists, "/path")


# Changing accounts, transactions and the ledger.


async def test_an_accounts_metadata_are_changed_key_by_key(office: Office) -> None:
    await office.submit(OpenAccount("assets:bank", metadata={"a": "1", "b": "2"}))
    outcome = await office.submit(ChangeAccount("assets:bank", 1, {"a": None, "c": "3"}))
    assert events(outcome) == [
        AccountChanged("assets:bank", {"b": "2", "c": "3"}, before={"metadata": {"a": "1", "b": "2"}})
    ]
    outcome = await office.submit(ChangeAccount("assets:bank", 2, {"b": None, "c": None}))
    assert events(outcome) == [AccountChanged("assets:bank", {}, before={"metadata": {"b": "2", "c": "3"}})]


async def test_a_change_of_an_account_that_changes_nothing_is_no_event(office: Office) -> None:
    await office.submit(OpenAccount("assets:bank", metadata={"a": "1"}))
    assert events(await office.submit(ChangeAccount("assets:bank", 1, {"a": "1", "b": None}))) == []
    assert events(await office.submit(ChangeAccount("assets:bank", 1, {}))) == []


async def test_an_account_cannot_be_changed_from_a_stale_version_or_beyond_its_bounds(office: Office) -> None:
    await office.submit(OpenAccount("assets:bank", metadata=FULL))
    for version in (0, 2):
        await check_refused(office, ChangeAccount("assets:bank", version, {"0": "x"}), VersionConflict)
    await check_refused(office, ChangeAccount("assets:bank", 1, {"one more": ""}), ValidationFailed, "/metadata")
    await check_refused(office, ChangeAccount("assets:till", None, {}), AccountNotFound)
    await check_refused(office, ChangeAccount("\x00", None, {}), AccountNotFound)


async def test_entries_do_not_count_as_changes_of_an_account(office: Office) -> None:
    await office.submit(OpenAccount("assets:bank"))
    await office.submit(PostTransaction(payment()))
    assert len(events(await office.submit(ChangeAccount("assets:bank", 1, {"a": "1"})))) == 1


async def test_a_transactions_metadata_are_changed_key_by_key(office: Office) -> None:
    id = transaction_id()
    await office.submit(PostTransaction(draft(*payment().entries, id=id, metadata={"a": "1", "b": "2"})))
    outcome = await office.submit(ChangeTransaction(id, 1, {"a": None, "c": "3"}))
    assert events(outcome) == [TransactionChanged(id, {"b": "2", "c": "3"}, {"metadata": {"a": "1", "b": "2"}})]
    assert events(await office.submit(ChangeTransaction(id, 2, {"c": "3"}))) == []
    await check_refused(office, ChangeTransaction(id, 1, {"d": "4"}), VersionConflict)
    await check_refused(office, ChangeTransaction(id, None, FULL), ValidationFailed, "/metadata")
    await check_refused(office, ChangeTransaction(transaction_id(), None, {}), NotFound)
    await check_refused(office, ChangeTransaction("no id at all", None, {}), NotFound)


async def test_a_ledger_is_renamed_and_its_metadata_changed(office: Office) -> None:
    assert events(await office.submit(ChangeLedger(1, name="Books"))) == [
        LedgerChanged("Books", {}, {"name": "Main", "metadata": {}})
    ]
    assert events(await office.submit(ChangeLedger(2, metadata={"a": "1"}))) == [
        LedgerChanged("Books", {"a": "1"}, {"name": "Books", "metadata": {}})
    ]
    assert events(await office.submit(ChangeLedger(3, "Books", {"a": "1"}))) == []
    assert events(await office.submit(ChangeLedger(None))) == []
    assert events(await office.submit(ChangeLedger(3, metadata={"a": None}))) == [
        LedgerChanged("Books", {}, {"name": "Books", "metadata": {"a": "1"}})
    ]
    await check_refused(office, ChangeLedger(3, name="x"), VersionConflict)
    await check_refused(office, ChangeLedger(None, name=""), ValidationFailed, "/name")
    await check_refused(office, ChangeLedger(None, name="x" * 256), ValidationFailed, "/name")
    await check_refused(office, ChangeLedger(None, metadata={"k": "\x00"}), ValidationFailed, "/metadata/k")


# Assets.


async def test_an_asset_is_registered_and_registering_it_again_changes_nothing(office: Office) -> None:
    assert events(await office.submit(RegisterAsset("POINTS", 0))) == [AssetRegistered("POINTS", 0)]
    assert events(await office.submit(RegisterAsset("POINTS", 0))) == []
    assert events(await office.submit(RegisterAsset("POINTS", 0, True, 1))) == []


async def test_a_currency_may_be_given_another_scale_than_the_standard_one(office: Office) -> None:
    assert events(await office.submit(RegisterAsset("EUR", 4))) == [AssetRegistered("EUR", 4)]
    assert (await office.submit(PostTransaction(payment("0.0001")))).applied[-1].lines[0].entry.amount == 1


async def test_a_scale_can_be_corrected_until_something_is_posted_in_it(office: Office) -> None:
    await office.submit(RegisterAsset("EUR", 4))
    assert events(await office.submit(RegisterAsset("EUR", 2, True, 1))) == [AssetRegistered("EUR", 2, {"scale": 4})]
    await office.submit(PostTransaction(payment()))
    for command in (RegisterAsset("EUR", 4), RegisterAsset("EUR", 4, True), RegisterAsset("EUR", 4, True, 2)):
        await check_refused(office, command, ScaleFixed, "/scale")
    assert events(await office.submit(RegisterAsset("EUR", 2, True, 2))) == []


async def test_an_asset_used_in_the_same_group_has_its_scale_fixed(office: Office) -> None:
    answers = await office.submit_together(PostTransaction(payment()), RegisterAsset("EUR", 3, True, 1))
    assert isinstance(answers[1], ScaleFixed)


async def test_an_asset_is_not_registered_over_a_registration_that_was_not_seen(office: Office) -> None:
    await check_refused(office, RegisterAsset("POINTS", 0, True, 1), VersionConflict)
    await check_refused(office, RegisterAsset("POINTS", 0, True), VersionConflict)
    answers = await office.submit_together(RegisterAsset("POINTS", 0), RegisterAsset("POINTS", 3))
    assert isinstance(answers[1], PreconditionRequired)
    await check_refused(office, RegisterAsset("POINTS", 3, True, 2), VersionConflict)
    assert events(await office.submit(RegisterAsset("POINTS", 3, True))) == [AssetRegistered("POINTS", 3, {"scale": 0})]


async def test_a_bad_code_or_scale_is_not_registered(office: Office) -> None:
    await check_refused(office, RegisterAsset("POINTS", 31), ValidationFailed, "/scale")
    await check_refused(office, RegisterAsset("POINTS", -1), ValidationFailed, "/scale")
    await check_refused(office, RegisterAsset("points", 0), ValidationFailed)
    await check_refused(office, RegisterAsset("\x00", 0), ValidationFailed)


# The chart.


async def test_a_chart_replaces_the_one_before_and_open_accounts_keep_their_types(office: Office) -> None:
    await office.submit(PostTransaction(payment(debit_to="assets:odd")))
    odd = RuleDraft(Pattern("assets:odd:**"), AccountType.EXPENSE)
    assert events(await office.submit(SetChart((odd, WALLETS), 1))) == [
        ChartSet((Rule(odd.pattern, odd.type), Rule(WALLETS.pattern, WALLETS.type)), {"rules": []})
    ]
    outcome = await office.submit(PostTransaction(payment(debit_to="assets:odd", credit_to="assets:odd:new")))
    assert [(line.account.path, line.account.type) for line in outcome.applied[-1].lines] == [
        ("assets:odd", AccountType.ASSET),
        ("assets:odd:new", AccountType.EXPENSE),
    ]
    assert events(await office.submit(SetChart((), 2))) == [
        ChartSet(
            (),
            {
                "rules": [
                    {"pattern": "assets:odd:**", "type": "expense"},
                    {"pattern": "users:*:wallet", "type": "liability"},
                ]
            },
        )
    ]


async def test_the_chart_in_force_is_not_set_again(office: Office) -> None:
    assert events(await office.submit(SetChart(()))) == []
    await office.submit(SetChart((WALLETS,)))
    assert events(await office.submit(SetChart((WALLETS,), 2))) == []


async def test_a_stale_or_too_long_chart_is_refused(office: Office) -> None:
    await check_refused(office, SetChart((WALLETS,), 2), VersionConflict)
    await check_refused(office, SetChart((WALLETS,) * 1_001), ValidationFailed, "/rules")
