"""What every `Books` promises of limits, freezing, archiving, reversals and periods."""

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.memory import CountedIds
from application.ledger.ports import Books, LedgerAddress
from domain.ledger.account import Account, AccountStatus, AccountType
from domain.ledger.balance import Balance
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    ChartSet,
    Event,
    HoldReleased,
    LedgerArchived,
    LedgerChanged,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.limit import Limit
from domain.ledger.period import Period
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import Scope
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import (
    BANK,
    OPEN_BANK,
    OPENINGS,
    SALES,
    look,
    posting,
    sale,
    write,
    write_group,
)
from tests.adapters.ledger.hold_contract import placed
from tests.builders import EUR, JPY, NOW, credited, debited, transaction_id

DEBIT, CREDIT = Direction.DEBIT, Direction.CREDIT
COSTS = "expenses:costs"
OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
_ids = CountedIds(start=5_000_000)


def back(of: TransactionPosted, minor: int, *, is_forth: bool = False) -> TransactionPosted:
    """A reversal of so many cents of a sale, or of a reversal of one."""
    entries: tuple[Entry, ...] = (credited(BANK, minor), debited(SALES, minor))
    if is_forth:
        entries = (debited(BANK, minor), credited(SALES, minor))
    return TransactionPosted(transaction_id(), entries, NOW, reverses=of.id)


def closed(until: datetime, since: datetime | None = None, reason: str = "") -> PeriodClosed:
    """A period of days in UTC."""
    starts_on = None if since is None else since.date()
    return PeriodClosed(_ids.new("prd"), starts_on, since, until.date(), until, reason)


def at(moment: datetime, *entries: Entry, kind: TransactionKind = TransactionKind.ORDINARY) -> TransactionPosted:
    """A posting that is effective then."""
    return TransactionPosted(transaction_id(), entries, moment, kind=kind)


class AccountingContract:
    """What decisions on limits, reversals and periods depend on is there for whoever comes next."""

    # Limits.

    async def test_limits_of_accounts_come_back_as_they_were_set(self, books: Books, ledger: LedgerAddress) -> None:
        most = 10**30
        limits = (Limit(EUR, -most, most), Limit(JPY, None, 0))
        await write(books, ledger, AssetRegistered("EUR", 2), AssetRegistered("JPY", 0))
        await write(books, ledger, AccountOpened(BANK, AccountType.ASSET, {}, limits))
        scope = Scope(accounts=[BANK], asset_uses=["EUR", "JPY"])
        book = await look(books, ledger, scope)
        assert book.accounts[BANK] == Account(4, BANK, AccountType.ASSET, limits={"EUR": limits[0], "JPY": limits[1]})
        assert book.used_assets == {"EUR", "JPY"}
        await write(books, ledger, AccountChanged(BANK, {"a": "1"}, (Limit(JPY),)))
        account = (await look(books, ledger, scope)).accounts[BANK]
        assert (account.limits, account.metadata, account.version) == ({"JPY": Limit(JPY)}, {"a": "1"}, 2)
        await write(books, ledger, AccountChanged(BANK, {"a": "1"}))
        assert (await look(books, ledger, scope)).accounts[BANK].limits == {}

    async def test_limits_of_the_chart_come_back_and_apply_at_once(
        self, books: Books, other_books: Books, ledger: LedgerAddress
    ) -> None:
        first = Rule(Pattern("assets:*"), AccountType.ASSET, (Limit(EUR, 0), Limit(JPY, None, 7)))
        await write(books, ledger, *OPENINGS, AssetRegistered("JPY", 0), ChartSet((first,)))
        scope = Scope(accounts=[BANK, SALES], asset_uses=["EUR", "JPY"])
        async with books.group(ledger) as group:
            book = await group.load(scope)
            assert (book.limit(BANK, "EUR"), book.limit(BANK, "JPY")) == (Limit(EUR, 0), Limit(JPY, None, 7))
            assert (book.limit(SALES, "EUR"), book.used_assets) == (None, {"EUR", "JPY"})
            assert book.chart.rules == (first,)
        second = Rule(Pattern("assets:*"), AccountType.ASSET, (Limit(EUR, 5),))
        await write(other_books, ledger, ChartSet((second,)))
        for each in (books, other_books):
            async with each.group(ledger) as group:
                book = await group.load(scope)
                assert (book.limit(BANK, "EUR"), book.limit(BANK, "JPY")) == (Limit(EUR, 5), None)

    # Freezing and archiving.

    async def test_what_an_account_does_not_take_is_kept(self, books: Books, ledger: LedgerAddress) -> None:
        scope = Scope(accounts=[BANK])
        await write(books, ledger, OPEN_BANK, AccountChanged(BANK, {"a": "1"}, ()))
        seen: list[tuple[set[Direction], AccountStatus]] = []
        events: list[Event] = [
            AccountFrozen(BANK, frozenset([DEBIT]), "why"),
            AccountFrozen(BANK, frozenset([CREDIT]), "why"),
            AccountUnfrozen(BANK, frozenset([DEBIT]), "why"),
            AccountArchived(BANK, "why"),
            AccountRestored(BANK, "why"),
            AccountUnfrozen(BANK, frozenset([CREDIT]), "why"),
        ]
        for event in events:
            await write(books, ledger, event)
            account = (await look(books, ledger, scope)).accounts[BANK]
            seen.append((set(account.frozen), account.status))
        opened, archived = AccountStatus.OPEN, AccountStatus.ARCHIVED
        assert seen == [
            ({DEBIT}, opened),
            ({DEBIT, CREDIT}, opened),
            ({CREDIT}, opened),
            ({CREDIT}, archived),
            ({CREDIT}, opened),
            (set(), opened),
        ]
        account = (await look(books, ledger, scope)).accounts[BANK]
        assert account == Account(2, BANK, AccountType.ASSET, metadata={"a": "1"}, version=8)

    async def test_several_changes_of_an_account_in_one_group_add_up(self, books: Books, ledger: LedgerAddress) -> None:
        await write(
            books,
            ledger,
            AssetRegistered("EUR", 2),
            OPEN_BANK,
            AccountFrozen(BANK, frozenset([DEBIT, CREDIT]), "why"),
            AccountChanged(BANK, {"a": "1"}, (Limit(EUR, 0),)),
            AccountUnfrozen(BANK, frozenset([CREDIT]), "why"),
            AccountArchived(BANK, "why"),
        )
        account = (await look(books, ledger, Scope(accounts=[BANK]))).accounts[BANK]
        assert account == Account(
            3,
            BANK,
            AccountType.ASSET,
            AccountStatus.ARCHIVED,
            {"a": "1"},
            5,
            {"EUR": Limit(EUR, 0)},
            frozenset([DEBIT]),
        )

    async def test_what_a_ledger_does_not_take_is_kept(self, books: Books, ledger: LedgerAddress) -> None:
        seen = []
        for event in (LedgerFrozen("a"), LedgerArchived("b"), LedgerUnfrozen("c"), LedgerRestored("d")):
            await write(books, ledger, event)
            settings = (await look(books, ledger, Scope())).settings
            seen.append((settings.is_frozen, settings.is_archived, settings.version))
        assert seen == [(True, False, 2), (True, True, 3), (False, True, 4), (False, False, 5)]
        await write(books, ledger, LedgerFrozen("a"), LedgerChanged("x", {}), LedgerArchived("b"))
        settings = (await look(books, ledger, Scope())).settings
        assert (settings.is_frozen, settings.is_archived, settings.name, settings.version) == (True, True, "x", 8)

    async def test_a_whole_account_comes_with_the_balances_of_all_assets(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        in_yen = posting(debited(BANK, 70, JPY), credited(SALES, 70, JPY))
        one = placed(5)
        await write(books, ledger, *OPENINGS, AssetRegistered("JPY", 0), AssetRegistered("XAU", 3), in_yen, one)
        await write(books, ledger, ChartSet(()))
        for opened in (books.group, books.snapshot):
            async with opened(ledger) as seen:
                book = await seen.load(Scope(whole_accounts=[BANK, "nowhere"]))
                of_bank = {key: each for key, each in book.balances.items() if key[0] == BANK and each.version}
                assert of_bank == {(BANK, "JPY"): Balance(70, 0, 1)}
                assert book.held_on(BANK, "EUR").debits == 5
                assert BANK in book.accounts
                assert {"EUR", "JPY"} <= set(book.assets)

    async def test_what_is_unsettled_in_a_ledger_is_found(self, books: Books, ledger: LedgerAddress) -> None:
        settled, one, released = sale(5), placed(7), placed(9)
        await write(
            books,
            ledger,
            *OPENINGS,
            AssetRegistered("JPY", 0),
            AccountOpened("a", AccountType.ASSET),
            AccountOpened("b", AccountType.ASSET),
            AccountOpened("c", AccountType.ASSET),
            settled,
            back(settled, 5),
            posting(debited("a", 70, JPY), credited("b", 70, JPY)),
            placed(0, entries=(debited("b", 3), credited("c", 3))),
            released,
            HoldReleased(released.id, ""),
        )
        assert await _unsettled(books, ledger) == {("a", "JPY"), ("b", "JPY"), ("b", "EUR"), ("c", "EUR")}
        await write(books, ledger, one)
        assert await _unsettled(books, ledger) >= {(BANK, "EUR"), (SALES, "EUR")}

    # Reversals.

    async def test_a_transaction_to_reverse_comes_with_its_entries_and_their_balances(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        posted = sale(100, reference="r", metadata={"a": "1"})
        await write(books, ledger, *OPENINGS, posted)
        async with books.snapshot(ledger) as snapshot:
            book = await snapshot.load(Scope(reversals=[posted.id]))
        assert book.transactions == {
            posted.id: PostedTransaction(5, posted.id, "r", {"a": "1"}, posted.entries, posted.effective_at)
        }
        assert book.transactions[posted.id].left == {(BANK, DEBIT, "EUR"): 100, (SALES, CREDIT, "EUR"): 100}
        assert (set(book.accounts), set(book.assets)) == ({BANK, SALES}, {"EUR"})
        assert book.balances[BANK, "EUR"] == Balance(100, 0, 1)

    async def test_what_is_left_to_reverse_goes_on_from_group_to_group(
        self, books: Books, other_books: Books, ledger: LedgerAddress
    ) -> None:
        posted = sale(100)
        await write(books, ledger, *OPENINGS, posted)
        await write(other_books, ledger, back(posted, 30))
        await write(books, ledger, back(posted, 50), TransactionChanged(posted.id, {"b": "2"}))
        book = await look(books, ledger, Scope([BANK], [(BANK, "EUR")], reversals=[posted.id]))
        transaction = book.transactions[posted.id]
        assert transaction.left == {(BANK, DEBIT, "EUR"): 20, (SALES, CREDIT, "EUR"): 20}
        assert (transaction.metadata, transaction.version) == ({"b": "2"}, 2)
        assert book.balances[BANK, "EUR"] == Balance(100, 80, 3)

    async def test_a_reversal_comes_with_all_that_it_reverses_in_its_turn(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        posted = sale(100)
        first = back(posted, 100)
        second = back(first, 40, is_forth=True)
        await write(books, ledger, *OPENINGS, posted)
        await write(books, ledger, first)
        await write(books, ledger, second, back(second, 15))
        async with books.group(ledger) as group:
            book = await group.load(Scope(reversals=[second.id]))
            assert [each.id for each in book.lineage(second.id)] == [second.id, first.id, posted.id]
            left = {id: sorted(set(each.left.values())) for id, each in book.transactions.items()}
        # 100 back, 40 forth, 15 back again: 25 stand; of the first 75 can be undone, and of the second 25.
        assert left == {posted.id: [25], first.id: [75], second.id: [25]}
        book = await look(books, ledger, Scope(reversals=[posted.id]))
        assert book.transactions[posted.id].left == {(BANK, DEBIT, "EUR"): 25, (SALES, CREDIT, "EUR"): 25}

    async def test_a_transaction_may_be_posted_and_reversed_in_one_group(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        posted = sale(100)
        first = back(posted, 60)
        await write_group(
            books, ledger, [([*OPENINGS, posted], None), ([first], None), ([back(first, 60, is_forth=True)], None)]
        )
        book = await look(books, ledger, Scope(reversals=[first.id]))
        assert {id: set(each.left.values()) for id, each in book.transactions.items()} == {first.id: {0}}

    # Periods.

    async def test_a_period_is_found_by_its_id_and_the_settings_know_the_last_one(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        first, second = closed(OCTOBER, reason="Third quarter"), closed(NOVEMBER, OCTOBER)
        await write(books, ledger, first)
        await write(books, ledger, second)
        scope = Scope(periods=[first.id, second.id, _ids.new("prd")])
        book = await look(books, ledger, scope)
        assert book.periods == {
            first.id: Period(first.id, None, None, date(2026, 10, 1), OCTOBER),
            second.id: Period(second.id, date(2026, 10, 1), OCTOBER, date(2026, 11, 1), NOVEMBER),
        }
        assert (book.settings.closed_until, book.settings.closed_until_day) == (NOVEMBER, date(2026, 11, 1))
        assert book.settings.version == 1
        await write(books, ledger, PeriodReopened(second.id, "why"))
        book = await look(books, ledger, scope)
        assert [book.periods[each.id].is_closed for each in (first, second)] == [True, False]
        assert (book.settings.closed_until, book.settings.closed_until_day) == (OCTOBER, date(2026, 10, 1))
        await write(books, ledger, PeriodReopened(first.id, "why"), closed(NOVEMBER))
        assert (await look(books, ledger, Scope())).settings.closed_until == NOVEMBER

    async def test_a_period_may_be_closed_and_reopened_in_one_group(self, books: Books, ledger: LedgerAddress) -> None:
        first, second = closed(OCTOBER), closed(NOVEMBER)
        await write(books, ledger, first, PeriodReopened(first.id, "why"), second)
        await write(books, ledger, PeriodReopened(second.id, "why"))
        book = await look(books, ledger, Scope(periods=[first.id, second.id]))
        assert [each.is_closed for each in book.periods.values()] == [False, False]
        assert (book.settings.closed_until, book.settings.closed_until_day) == (None, None)

    async def test_results_are_of_income_and_expenses_that_are_effective_before(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        moment = timedelta(microseconds=1)
        await write(books, ledger, *OPENINGS, AssetRegistered("JPY", 0), AccountOpened(COSTS, AccountType.EXPENSE))
        await write(
            books,
            ledger,
            at(OCTOBER - moment, debited(BANK, 1_000), credited(SALES, 1_000)),
            at(OCTOBER, debited(BANK, 70), credited(SALES, 70), debited(COSTS, 5, JPY), credited(BANK, 5, JPY)),
            at(OCTOBER - moment, debited(COSTS, 300), credited(BANK, 300)),  # late
            at(NOVEMBER, debited(BANK, 4), credited(SALES, 4)),
        )
        scope = Scope(results=[OCTOBER, NOVEMBER])
        book = await look(books, ledger, scope)
        assert book.results == {
            OCTOBER: {(SALES, "EUR"): -1_000, (COSTS, "EUR"): 300},
            NOVEMBER: {(SALES, "EUR"): -1_070, (COSTS, "EUR"): 300, (COSTS, "JPY"): 5},
        }
        async with books.group(ledger) as group:
            book = await group.load(scope)
            assert {SALES, COSTS} <= set(book.accounts)
            assert book.balances[SALES, "EUR"] == Balance(0, 1_074, 3)
            assert {"EUR", "JPY"} <= set(book.assets)
        closing = at(
            OCTOBER - moment,
            debited(SALES, 1_000),
            credited(COSTS, 300),
            credited(BANK, 700),
            kind=TransactionKind.CLOSING,
        )
        await write(books, ledger, closing)
        book = await look(books, ledger, Scope(results=[OCTOBER]))
        assert set(book.results[OCTOBER].values()) <= {0}

    async def test_results_of_a_snapshot_are_those_of_its_moment(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS, at(OCTOBER, debited(BANK, 70), credited(SALES, 70)))
        async with books.snapshot(ledger) as snapshot:
            await write(books, ledger, at(OCTOBER, debited(BANK, 5), credited(SALES, 5)))
            book = await snapshot.load(Scope(results=[NOVEMBER]))
        assert book.results == {NOVEMBER: {(SALES, "EUR"): -70}}

    @pytest.mark.parametrize("name", ["", "\x00", "\ud800", "hold_", "txn_", "prd_1", "a" * 10_000])
    async def test_ids_that_nothing_can_have_are_looked_for_in_vain(
        self, books: Books, ledger: LedgerAddress, name: str
    ) -> None:
        await write(books, ledger, *OPENINGS, sale(5))
        book = await look(
            books,
            ledger,
            Scope(holds=[name], reversals=[name], periods=[name], whole_accounts=[name]),
        )
        assert (book.holds, book.transactions, book.periods) == ({}, {}, {})


async def _unsettled(books: Books, ledger: LedgerAddress) -> set[tuple[str, str]]:
    """Where something is posted or held, as a group and a snapshot find it."""
    found = []
    for opened in (books.group, books.snapshot):
        async with opened(ledger) as seen:
            book = await seen.load(Scope(unsettled=True))
            posted = {key for key, each in book.balances.items() if each.posted_debits != each.posted_credits}
            found.append(posted | {key for key, each in book.held.items() if each.debits or each.credits})
            assert {path for path, _ in found[-1]} <= set(book.accounts)
            assert {code for _, code in found[-1]} <= set(book.assets)
    assert found[0] == found[1]
    return found[0]
