"""Lists, page by page, against plain loops over what was written.

With few rows to a page's budget, small ledgers are read as large ones are: by index, in windows, with pages that end
early. With the usual budget, a filter's few rows are read at once.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.work import PostgresWork
from application.ledger.ports import LedgerAddress
from application.ledger.readers import AccountEntryView, AccountFilter, LedgerReads, TransactionFilter
from application.ledger.spans import Span
from application.shared.pagination import ROWS_READ_MAX, Page, PageRequest, Position
from domain.ledger.account import AccountType
from domain.ledger.events import AccountArchived, AccountOpened, LedgerArchived
from domain.ledger.scope import Scope
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import NewLedger, write, write_group
from tests.adapters.postgres.populated import (
    ASSETS,
    PATHS,
    Populated,
    populated,
    shows_account,
    shows_transaction,
)
from tests.adapters.postgres.reading import LedgerWork, add_ledger, reading
from tests.builders import NOW

Item = TypeVar("Item")

PATTERNS = tuple(
    map(
        Pattern,
        [
            *("assets:bank", "users:1:wallet", "unused", "no:such:account", "\U00010400"),
            *("**", "*", "users:**", "users:*:wallet", "users:1:**", "**:wallet", "*:*", "a.b:**", "assets:bank:*"),
        ],
    )
)
BUDGETS = (ROWS_READ_MAX, 100, 40)
# Of each order and budget; the long soak takes its time.
FILTERS_TRIED = 100 if os.environ.get("PARTITA_SOAK") == "long" else 6


@pytest.fixture(scope="module")
async def told(journal_engine: AsyncEngine, new_ledger: NewLedger) -> Populated:
    return await populated(PostgresBooks(journal_engine), await new_ledger(), seed=7, transactions=100)


@pytest.fixture(params=BUDGETS)
def bounded(request: pytest.FixtureRequest, service_engine: AsyncEngine) -> LedgerWork:
    reads = partial(PostgresLedgerReads, rows_max=request.param)
    return PostgresWork(service_engine, reads=reads, changes=PostgresLedgerChanges)


async def all_pages(read: Callable[[PageRequest], Awaitable[Page[Item]]], sort: str, limit: int) -> list[Item]:
    """Every item, from first page to last."""
    found: list[Item] = []
    after: Position | None = None
    for _ in range(2_000):
        page = await read(PageRequest(sort, limit, after))
        assert len(page.items) <= limit
        found += page.items
        if page.next_after is None:
            return found
        assert page.next_after != after
        after = page.next_after
    pytest.fail("there was always another page")


def some(random: Random, *choices: Item) -> Item | None:
    """One of the choices, or, most of the time, none."""
    return random.choice(choices) if random.random() < 0.3 else None


def some_span(random: Random, values: Sequence[object]) -> Span:
    """A span between two of the values, or an open one."""
    if random.random() < 0.75:
        return Span()
    low, high = random.choice(values), random.choice(values)
    return random.choice([Span(gte=low), Span(gt=low), Span(lt=high), Span(lte=high), Span(gte=low, lt=high)])


def some_transactions(random: Random, told: Populated) -> TransactionFilter:
    references = [view.reference for view in told.transactions if view.reference]
    views = told.transactions
    return TransactionFilter(
        account=some(random, *PATTERNS, *map(Pattern, PATHS)),
        asset=some(random, *[asset.code for asset in ASSETS], "NONE"),
        reference=some(random, random.sample(references, 3), ["none"], [random.choice(references), "none"]) or (),
        reference_prefix=some(random, "order", "order-", "o", "", "réf", "none"),
        has_reference=some(random, True, False),
        metadata=some(random, {"k": "1"}, {"l": "1"}, {"k": "1", "l": "1"}, {"k": "none"}, {"": ""}) or {},
        effective_at=some_span(random, [NOW - timedelta(days=days) for days in range(-1, 8)]),
        recorded_at=some_span(random, [view.recorded_at for view in views] + [NOW, NOW + timedelta(days=1)]),
        sequence=some_span(random, range(told.sequence + 3)),
    )


def some_accounts(random: Random, told: Populated) -> AccountFilter:
    types = [account_type.value for account_type in AccountType]
    return AccountFilter(
        path=some(random, *PATTERNS, *map(Pattern, PATHS)),
        type=some(random, types[:1], types[2:], ["none"]) or (),
        status=some(random, ["open"], ["archived"], ["open", "archived"], ["none"]) or (),
        metadata=some(random, {"k": "1"}, {"l": "1"}, {"k": "1", "l": "1"}, {"k": "none"}) or {},
        opened_at=some_span(random, [view.opened_at for view in told.accounts.values()] + [NOW]),
    )


@pytest.mark.soak
@pytest.mark.parametrize("sort", ["sequence", "recorded_at", "effective_at"])
@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_of_transactions_are_the_filtered_list(
    bounded: LedgerWork, told: Populated, sort: str, sign: str
) -> None:
    random = Random(f"{sign}{sort}")
    for limit, where in [(20, TransactionFilter())] + [
        (random.choice([1, 3, 10, 100]), some_transactions(random, told)) for _ in range(FILTERS_TRIED)
    ]:
        expected = [told.now(view) for view in told.transactions if shows_transaction(where, view)]
        expected.sort(key=lambda view: view.sequence)
        if sort == "effective_at":
            expected.sort(key=lambda view: (view.effective_at, view.sequence))
        if sign:
            expected.reverse()
        async with reading(bounded, told.address) as reads:
            found = await all_pages(partial(reads.transactions.transactions, "main", where), sign + sort, limit)
        assert found == expected, (limit, where)


@pytest.mark.soak
@pytest.mark.parametrize("sort", ["path", "opened_at"])
@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_of_accounts_are_the_filtered_list(
    bounded: LedgerWork, told: Populated, sort: str, sign: str
) -> None:
    random = Random(f"{sign}{sort}")
    for limit, where in [(2, AccountFilter())] + [
        (random.choice([1, 3, 10, 100]), some_accounts(random, told)) for _ in range(FILTERS_TRIED)
    ]:
        expected = [view for view in told.accounts.values() if shows_account(where, view)]
        expected.sort(key=lambda view: view.account.path.encode() if sort == "path" else view.account.number)
        if sign:
            expected.reverse()
        async with reading(bounded, told.address) as reads:
            found = await all_pages(partial(reads.accounts.accounts, "main", where), sign + sort, limit)
        assert found == expected, (limit, where)


@pytest.mark.parametrize("sort", ["path", "-path", "opened_at", "-opened_at"])
async def test_accounts_are_listed_by_status_however_many_are_archived(
    bounded: LedgerWork, journal_engine: AsyncEngine, new_ledger: NewLedger, sort: str
) -> None:
    books, ledger = PostgresBooks(journal_engine), await new_ledger()
    paths = [f"users:{number:03}" for number in range(150)]
    kept = {paths[0], paths[70], paths[149]}
    await write(books, ledger, *[AccountOpened(path, AccountType.LIABILITY, {"k": "v"}) for path in paths])
    archived = [AccountArchived(path, "unused") for path in paths if path not in kept]
    await write_group(books, ledger, [(archived, None)], Scope(accounts=paths))
    for metadata in ({}, {"k": "v"}):
        for status, expected in ((["open"], kept), (["archived"], set(paths) - kept), (["none"], set())):
            where = AccountFilter(status=status, metadata=metadata)
            async with reading(bounded, ledger) as reads:
                found = await all_pages(partial(reads.accounts.accounts, "main", where), sort, 10)
            in_order = sorted(expected, reverse=sort.startswith("-"))
            assert [view.account.path for view in found] == in_order


@pytest.mark.parametrize("sort", ["slug", "-slug"])
async def test_ledgers_are_listed_by_status_however_many_are_archived(
    bounded: LedgerWork, journal_engine: AsyncEngine, new_ledger: NewLedger, sort: str
) -> None:
    books, main = PostgresBooks(journal_engine), await new_ledger()
    slugs = [f"ledger-{number:03}" for number in range(60)]
    for slug in slugs:
        address = LedgerAddress(main.organisation_id, slug)
        await add_ledger(bounded, address, event_id=f"evt_{slug}")
        if slug not in (slugs[3], slugs[59]):
            await write(books, address, LedgerArchived("unused"))
    kept = {slugs[3], slugs[59], "main"}
    for status, expected in (
        (["open"], kept),
        (["archived"], {*slugs} - kept),
        (["open", "archived"], {*slugs, "main"}),
        ([], {*slugs, "main"}),
        (["none"], set()),
    ):
        async with reading(bounded, main) as reads:
            found = await all_pages(partial(reads.ledgers.ledgers, status=status), sort, 5)
        assert [view.slug for view in found] == sorted(expected, reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", ["sequence", "-sequence"])
@pytest.mark.parametrize("limit", [3, 500])
async def test_pages_of_an_accounts_entries_are_its_history(
    bounded: LedgerWork, told: Populated, sort: str, limit: int
) -> None:
    for path in ("assets:bank", "zebra", "users:1:wallet", "unused"):
        account = told.accounts[path].account
        for code in (None, "EUR", "HUGE", "NONE"):
            expected = [
                (view.sequence, position, view.id, view.reference, view.effective_at, view.recorded_at, line.entry)
                for view, position, line in told.history(path, code)
            ]
            balances = [line.balance for line in told.lines(path, code)]
            if sort.startswith("-"):
                expected.reverse()
                balances.reverse()
            async with reading(bounded, told.address) as reads:
                entries = partial(_entries, reads, path, code)
                found = await all_pages(entries, sort, limit)
            assert [
                (
                    *(each.sequence, each.position, each.transaction_id, each.reference, each.effective_at),
                    *(each.recorded_at, each.line.entry),
                )
                for each in found
            ] == expected
            assert [each.line.balance for each in found] == balances
            assert all(each.line.account == account for each in found)


async def _entries(reads: LedgerReads, path: str, asset: str | None, page: PageRequest) -> Page[AccountEntryView]:
    return await reads.accounts.entries("main", path, asset=asset, page=page)
