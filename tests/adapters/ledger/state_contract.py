"""What every `Books` promises of the state that it keeps."""

from collections.abc import Mapping

import pytest

from application.ledger.ports import Books, LedgerAddress
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.book import Book
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    LedgerChanged,
    TransactionChanged,
)
from domain.ledger.scope import Scope
from domain.ledger.settings import LedgerSettings
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import BANK, OPEN_BANK, OPENINGS, look, sale, write
from tests.builders import transaction_id


class StateContract:
    """What a group wrote is there for whoever comes next."""

    async def test_a_new_ledger_holds_its_first_event_and_nothing_else(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        async with books.group(ledger) as held:
            book = await held.load(Scope(accounts=[BANK], balances=[(BANK, "EUR")], assets=["EUR"], asset_uses=["EUR"]))
        assert held.head.sequence == 1
        assert book.sequence == 1
        assert (book.settings.version, book.settings.time_zone) == (1, "UTC")
        assert (book.chart.rules, book.chart.version) == ((), 1)
        assert (book.accounts, book.balances, book.assets, book.used_assets) == ({}, {}, {}, set())

    async def test_the_head_is_the_last_event_that_was_appended(self, books: Books, ledger: LedgerAddress) -> None:
        outcome = await write(books, ledger, *OPENINGS)
        last = outcome.applied[-1].recorded
        assert last is not None
        async with books.group(ledger) as held:
            assert held.head == last.head
        async with books.snapshot(ledger) as snapshot:
            assert snapshot.head == last.head
        assert last.sequence == 4

    async def test_an_opened_account_has_the_number_of_its_event(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, AssetRegistered("EUR", 2))
        await write(books, ledger, OPEN_BANK, AccountOpened("users:42", AccountType.LIABILITY, {"name": "Ada"}))
        book = await look(books, ledger, Scope(accounts=[BANK, "users:42"]))
        assert book.accounts == {
            BANK: Account(3, BANK, AccountType.ASSET),
            "users:42": Account(4, "users:42", AccountType.LIABILITY, metadata={"name": "Ada"}),
        }

    @pytest.mark.parametrize("account_type", list(AccountType))
    async def test_an_account_of_every_type_can_be_opened(
        self, books: Books, ledger: LedgerAddress, account_type: AccountType
    ) -> None:
        await write(books, ledger, AccountOpened("a", account_type))
        assert (await look(books, ledger, Scope(accounts=["a"]))).accounts["a"].type is account_type

    async def test_changes_of_an_account_count_as_versions(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, OPEN_BANK, AccountChanged(BANK, {"iban": "DE1"}))
        await write(books, ledger, AccountChanged(BANK, {"iban": "DE2"}), AccountChanged(BANK, {"bic": "X"}))
        book = await look(books, ledger, Scope(accounts=[BANK]))
        assert book.accounts[BANK] == Account(2, BANK, AccountType.ASSET, metadata={"bic": "X"}, version=4)

    async def test_an_asset_keeps_its_last_scale_and_counts_its_registrations(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        await write(books, ledger, AssetRegistered("BTC", 8), AssetRegistered("POINTS", 0))
        await write(books, ledger, AssetRegistered("BTC", 11))
        book = await look(books, ledger, Scope(assets=["BTC", "POINTS", "EUR"], asset_uses=["BTC"]))
        assert book.assets == {"BTC": Asset("BTC", 11, 2), "POINTS": Asset("POINTS", 0, 1)}
        assert book.used_assets == set()

    async def test_an_asset_is_used_from_its_first_entry_on(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS, AssetRegistered("JPY", 0), sale(100))
        assert (await look(books, ledger, Scope(asset_uses=["EUR", "JPY", "BTC"]))).used_assets == {"EUR"}

    async def test_the_chart_is_the_last_one_that_was_set(self, books: Books, ledger: LedgerAddress) -> None:
        first = Rule(Pattern("**:fees"), AccountType.EXPENSE)
        second = Rule(Pattern("users:*:wallet"), AccountType.LIABILITY)
        await write(books, ledger, ChartSet((first,)), ChartSet((second, first)))
        chart = (await look(books, ledger, Scope())).chart
        assert (chart.rules, chart.version) == ((second, first), 3)
        await write(books, ledger, ChartSet(()))
        chart = (await look(books, ledger, Scope())).chart
        assert (chart.rules, chart.version) == ((), 4)

    async def test_settings_are_the_last_ones_that_were_given(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, LedgerChanged("Books of 2026", {"a": "1"}))
        await write(books, ledger, LedgerChanged("Books of 2027", {"b": "2"}))
        settings = (await look(books, ledger, Scope())).settings
        assert settings == LedgerSettings("Books of 2027", "UTC", {"b": "2"}, 3)

    async def test_a_transaction_is_found_by_its_id_and_by_its_reference(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        posted = sale(100, reference="order-1", metadata={"order": "1"})
        bare = sale(100)
        await write(books, ledger, *OPENINGS, posted, bare)
        scope = Scope(references=["order-1", "order-2"], transactions=[posted.id, bare.id, transaction_id()])
        book = await look(books, ledger, scope)
        assert book.references == {"order-1": posted.id}
        assert _named(book) == {posted.id: ("order-1", {"order": "1"}, 1), bare.id: (None, {}, 1)}

    async def test_changes_of_a_transaction_count_as_versions(self, books: Books, ledger: LedgerAddress) -> None:
        posted = sale(100, reference="order-1", metadata={"order": "1"})
        await write(books, ledger, *OPENINGS, posted, TransactionChanged(posted.id, {"order": "2"}))
        await write(books, ledger, TransactionChanged(posted.id, {}))
        book = await look(books, ledger, Scope(references=["order-1"], transactions=[posted.id]))
        assert _named(book) == {posted.id: ("order-1", {}, 3)}
        assert book.references == {"order-1": posted.id}

    async def test_a_balance_may_be_named_without_its_account(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS, sale(5))
        book = await look(books, ledger, Scope(balances=[(BANK, "EUR"), (BANK, "JPY"), ("nowhere", "EUR")]))
        assert book.balances == {(BANK, "EUR"): Balance(5, 0, 1)}

    async def test_a_scope_may_name_the_same_thing_twice(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS, sale(5))
        book = await look(books, ledger, Scope(accounts=[BANK, BANK], balances=[(BANK, "EUR")] * 2, assets=["EUR"] * 2))
        assert set(book.accounts) == {BANK}
        assert book.balances == {(BANK, "EUR"): Balance(5, 0, 1)}

    @pytest.mark.parametrize("name", ["", "\x00", "a\x00b", "\ud800", "'; --", "{", "a" * 10_000, "txn_", "\U0001f600"])
    async def test_names_that_nothing_can_have_are_looked_for_in_vain(
        self, books: Books, ledger: LedgerAddress, name: str
    ) -> None:
        # A command says its scope before it is checked: what it names may be anything that JSON can carry.
        await write(books, ledger, *OPENINGS)
        book = await look(
            books,
            ledger,
            Scope(
                accounts=[name, BANK],
                balances=[(name, "EUR"), (BANK, name)],
                assets=[name, "EUR"],
                asset_uses=[name],
                references=[name],
                transactions=[name],
            ),
        )
        assert (set(book.accounts), set(book.assets)) == ({BANK}, {"EUR"})
        assert (book.balances, book.references, book.transactions) == ({}, {}, {})


def _named(book: Book) -> dict[str, tuple[str | None, Mapping[str, str], int]]:
    """What is known of the transactions that a scope names."""
    return {id: (posted.reference, posted.metadata, posted.version) for id, posted in book.transactions.items()}
