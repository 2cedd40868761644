"""Entries by effective time, and what closing transactions posted, beside plain loops over what was written."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.work import tenant_view
from application.ledger.ports import LedgerAddress
from application.ledger.readers import AccountEntryView, LedgerReads
from application.ledger.spans import AsOf
from application.shared.pagination import PageRequest
from domain.ledger.account import AccountNotFound, AccountType
from domain.ledger.asset import Asset
from domain.ledger.events import AccountOpened, AssetRegistered, TransactionPosted
from domain.ledger.transaction import Direction, Entry, TransactionKind
from tests.adapters.ledger.by_hand import NewLedger, Part, write, write_group
from tests.adapters.postgres.reading import LedgerWork, reading
from tests.builders import EUR, JPY, NOW, transaction_id

BANK, SALES, OWNER = "assets:bank", "income:sales", "equity:owner"
TYPES = {BANK: AccountType.ASSET, SALES: AccountType.INCOME, OWNER: AccountType.EQUITY}
ALL = 10**6
# Where an entry stands, and what it is.
Row = tuple[datetime, int, int, Direction, int, str]


class Written:
    """A ledger, and the transactions in it, each with its sequence."""

    def __init__(self, address: LedgerAddress, sequence: int) -> None:
        self.address = address
        self.sequence = sequence
        self.posted: list[tuple[int, TransactionPosted]] = []

    def seen(self, since: datetime | None, as_of: AsOf) -> list[tuple[int, TransactionPosted]]:
        """The transactions that are effective in a span, as known after an event."""
        return [
            (sequence, event)
            for sequence, event in self.posted
            if (since is None or event.effective_at >= since)
            and (as_of.before is None or event.effective_at < as_of.before)
            and (as_of.sequence is None or sequence <= as_of.sequence)
        ]

    def entries(self, path: str, asset: str | None, since: datetime | None, as_of: AsOf) -> list[Row]:
        rows = [
            (event.effective_at, sequence, position, entry.direction, entry.amount, entry.asset.code)
            for sequence, event in self.seen(since, as_of)
            for position, entry in enumerate(event.entries)
            if entry.account == path and asset in (None, entry.asset.code)
        ]
        return sorted(rows, key=lambda row: row[:3])

    def closings(self, since: datetime | None, as_of: AsOf) -> dict[tuple[str, str], tuple[int, int]]:
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for _, event in self.seen(since, as_of):
            for entry in event.entries if event.kind is TransactionKind.CLOSING else ():
                debits, credits = sums.get((entry.account, entry.asset.code), (0, 0))
                is_debit = entry.direction is Direction.DEBIT
                sums[entry.account, entry.asset.code] = (
                    debits + (entry.amount if is_debit else 0),
                    credits + (0 if is_debit else entry.amount),
                )
        return dict(sorted(sums.items()))


def hour(number: int) -> datetime:
    return NOW - timedelta(days=400) + timedelta(hours=number)


async def written(
    books: PostgresBooks, address: LedgerAddress, seed: int, *, count: int, lateness: float, closings: float = 0.1
) -> Written:
    """Write so many transactions of two entries, several at the same hour, and some of them late."""
    random = Random(seed)
    opened = [AccountOpened(path, of_type) for path, of_type in TYPES.items()]
    outcome = await write(books, address, AssetRegistered("EUR", 2), AssetRegistered("JPY", 0), *opened)
    ledger = Written(address, outcome.sequence or 0)
    parts: list[Part] = []
    for number in range(count):
        asset: Asset = random.choice([EUR, EUR, EUR, JPY])
        paths = random.choices(list(TYPES), [8, 2, 1], k=2)  # sometimes both on one
        sides = random.sample(list(Direction), 2)
        amount = random.choice([1, 5, 10**30])
        event = TransactionPosted(
            transaction_id(),
            tuple(Entry(path, side, amount, asset) for path, side in zip(paths, sides, strict=True)),
            hour(random.randrange(number // 2 + 1) if random.random() < lateness else number // 2),
            description=f"Number {number}",
            kind=TransactionKind.CLOSING if random.random() < closings else TransactionKind.ORDINARY,
        )
        ledger.sequence += 1
        ledger.posted.append((ledger.sequence, event))
        parts.append(([event], None))
    await write_group(books, address, parts)
    return ledger


def row_of(view: AccountEntryView) -> Row:
    entry = view.line.entry
    return view.effective_at, view.sequence, view.position, entry.direction, entry.amount, entry.asset.code


async def check(work: LedgerWork, ledger: Written, points: Iterable[tuple[int | None, int | None, int | None]]) -> None:
    async with reading(work, ledger.address) as reads:
        for start, end, sequence in points:
            since = None if start is None else hour(start)
            as_of = AsOf(None if end is None else hour(end), sequence)
            for path in TYPES:
                for asset in (None, "EUR", "JPY", "USD"):
                    found = await reads.accounts.entries_within(
                        "main", path, asset=asset, since=since, as_of=as_of, limit=ALL
                    )
                    assert found is not None
                    assert [row_of(view) for view in found] == ledger.entries(path, asset, since, as_of)
            closings = await reads.reports.closings("main", since=since, as_of=as_of)
            assert [(line.path, line.type) for line in closings] == [(line.path, TYPES[line.path]) for line in closings]
            told = {
                (line.path, line.asset.code): (line.balance.posted_debits, line.balance.posted_credits)
                for line in closings
            }
            assert list(told.items()) == list(ledger.closings(since, as_of).items())


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 300),
    lateness=st.sampled_from([0, 0.02, 0.3, 0.9, 1]),
    data=st.data(),
)
async def test_the_entries_and_closings_of_any_span_are_those_that_were_written(
    work: LedgerWork,
    journal_engine: AsyncEngine,
    new_ledger: NewLedger,
    seed: int,
    count: int,
    lateness: float,
    data: st.DataObject,
) -> None:
    ledger = await written(PostgresBooks(journal_engine), await new_ledger(), seed, count=count, lateness=lateness)
    bound = st.one_of(st.none(), st.integers(-1, count // 2 + 2))
    sequence = st.one_of(st.none(), st.integers(6, ledger.sequence + 1))
    points = st.lists(st.tuples(bound, bound, sequence), min_size=1, max_size=6)
    await check(work, ledger, data.draw(points))


async def test_entries_beyond_the_limit_are_refused(
    work: LedgerWork, books: PostgresBooks, new_ledger: NewLedger
) -> None:
    ledger = await written(books, await new_ledger(), 1, count=100, lateness=0.3)
    count = len(ledger.entries(BANK, None, None, AsOf()))
    async with reading(work, ledger.address) as reads:
        for limit, is_refused in ((count, False), (count - 1, True), (1, True)):
            found = await reads.accounts.entries_within("main", BANK, asset=None, since=None, as_of=AsOf(), limit=limit)
            assert (found is None) is is_refused
        with pytest.raises(AccountNotFound):
            await reads.accounts.entries_within("main", "no", asset=None, since=None, as_of=AsOf(), limit=1)
        early = AsOf(sequence=2)
        with pytest.raises(AccountNotFound):
            await reads.accounts.entries_within("main", BANK, asset=None, since=None, as_of=early, limit=1)


async def test_an_entry_of_a_statement_says_what_a_list_of_entries_says(
    work: LedgerWork, books: PostgresBooks, new_ledger: NewLedger
) -> None:
    ledger = await written(books, await new_ledger(), 2, count=20, lateness=0.3)
    async with reading(work, ledger.address) as reads:
        found = await reads.accounts.entries_within("main", BANK, asset=None, since=None, as_of=AsOf(), limit=ALL)
        page = await reads.accounts.entries("main", BANK, asset=None, page=PageRequest("sequence", 100))
    assert found is not None
    assert sorted(found, key=lambda view: (view.sequence, view.position)) == list(page.items)


_READ = text(
    "SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_blocks_fetched(oid))::bigint"
    " FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
)


async def read_so_far(connection: AsyncConnection) -> int:
    read: int | None = await connection.scalar(_READ)
    return read or 0


@pytest.fixture(scope="module")
async def long_ledger(journal_engine: AsyncEngine, new_ledger: NewLedger) -> Written:
    """A ledger of 6,000 transactions, of which a fifth came late."""
    books, address = PostgresBooks(journal_engine), await new_ledger()
    return await written(books, address, 3, count=6_000, lateness=0.2, closings=0.002)


@pytest.mark.parametrize("start", [0, 1_500, 2_990])
async def test_a_short_span_of_a_long_history_is_read_without_the_rest(
    service_engine: AsyncEngine, long_ledger: Written, start: int
) -> None:
    since, as_of = hour(start), AsOf(hour(start + 10))

    async def entries(reads: LedgerReads) -> int:
        found = await reads.accounts.entries_within("main", BANK, asset=None, since=since, as_of=as_of, limit=ALL)
        return len(found or ())

    async def closings(reads: LedgerReads) -> int:
        return len(await reads.reports.closings("main", since=since, as_of=as_of))

    for read in (entries, closings):
        async with tenant_view(service_engine, long_ledger.address.organisation_id) as connection:
            before = await read_so_far(connection)
            count = await read(PostgresLedgerReads(connection, long_ledger.address.organisation_id))
            # Some for each entry, and two stretches between milestones for each of two assets.
            assert await read_so_far(connection) - before < 30 * count + 2_500, read


async def test_the_closings_of_all_time_are_found_without_the_other_transactions(
    service_engine: AsyncEngine, long_ledger: Written
) -> None:
    async with tenant_view(service_engine, long_ledger.address.organisation_id) as connection:
        before = await read_so_far(connection)
        reads = PostgresLedgerReads(connection, long_ledger.address.organisation_id)
        found = await reads.reports.closings("main", since=None, as_of=AsOf())
        assert await read_so_far(connection) - before < 1_000
    assert {(line.path, line.asset.code) for line in found} == set(long_ledger.closings(None, AsOf()))
    assert found
