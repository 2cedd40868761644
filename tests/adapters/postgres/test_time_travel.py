"""Balances at any time, as known after any event, beside plain sums over what was written."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from application.ledger.ports import LedgerAddress
from application.ledger.readers import LedgerReads
from application.ledger.spans import AsOf
from domain.ledger.account import AccountNotFound, AccountType
from domain.ledger.events import AccountOpened, AssetRegistered, TransactionPosted
from domain.ledger.transaction import Direction, Entry
from tests.adapters.ledger.by_hand import BANK, OPENINGS, NewLedger, Part, posting, sale, write, write_group
from tests.adapters.postgres.reading import LedgerWork, reading
from tests.builders import EUR, JPY, NOW

HISTORIES = 500 if os.environ.get("PARTITA_SOAK") == "long" else 10
PATHS = ("assets:bank", "assets:till", "income:sales", "equity:owner")
Sums = dict[tuple[str, str], tuple[int, int]]


@dataclass
class Written:
    """A ledger, and every entry in it with its sequence and the minute at which it is effective."""

    address: LedgerAddress
    head: int
    entries: list[tuple[int, int, Entry]] = field(default_factory=list)

    def sums(self, before: int | None, sequence: int | None) -> Sums:
        """All debits and credits of each account and asset, of entries effective before the minute, up to an event."""
        totals: Sums = {}
        for at, minute, entry in self.entries:
            if (sequence is None or at <= sequence) and (before is None or minute < before):
                key = (entry.account, entry.asset.code)
                debits, credits = totals.get(key, (0, 0))
                is_debit = entry.direction is Direction.DEBIT
                totals[key] = (debits + entry.amount, credits) if is_debit else (debits, credits + entry.amount)
        return totals


def minute(number: int) -> datetime:
    return NOW - timedelta(days=400) + timedelta(minutes=number)


def minutes(random: Random, count: int, lateness: float) -> Iterable[int]:
    """Minutes that go on, two entries at most in each, but for so many late ones."""
    for number in range(count):
        yield random.randrange(number // 2 + 1) if random.random() < lateness else number // 2


async def written(
    books: PostgresBooks, address: LedgerAddress, seed: int, *, count: int, lateness: float, group: int
) -> Written:
    """Write so many transactions of two entries, in groups, mostly on two of the accounts."""
    random = Random(seed)
    opened = [AccountOpened(path, AccountType.ASSET) for path in PATHS]
    outcome = await write(books, address, AssetRegistered("EUR", 2), AssetRegistered("JPY", 0), *opened)
    ledger = Written(address, (outcome.sequence or 0))
    parts: list[Part] = []
    for number in minutes(random, count, lateness):
        asset = random.choice([EUR, EUR, EUR, JPY])
        paths = random.choices(PATHS, [8, 1, 8, 1], k=2)  # sometimes both on one
        amount = random.choice([1, 5, 10**30])
        sides = random.sample(list(Direction), 2)
        entries = [Entry(path, side, amount, asset) for path, side in zip(paths, sides, strict=True)]
        parts.append(([posting(*entries, effective_at=minute(number))], None))
        ledger.head += 1
        ledger.entries += [(ledger.head, number, entry) for entry in entries]
        if len(parts) == group:
            await write_group(books, address, parts)
            parts = []
    if parts:
        await write_group(books, address, parts)
    return ledger


async def told(reads: LedgerReads, as_of: AsOf) -> tuple[Sums, Sums]:
    """What the balances of all accounts say, and what the trial balance says."""
    balances: Sums = {}
    for path in PATHS:
        _, held = await reads.accounts.balances("main", path, as_of=as_of)
        assert [each.asset.code for each in held] == sorted(each.asset.code for each in held)
        for each in held:
            balances[path, each.asset.code] = (each.balance.posted_debits, each.balance.posted_credits)
    report = await reads.reports.trial_balance("main", as_of=as_of)
    assert [(line.path, line.asset.code) for line in report.lines] == sorted(balances)
    lines = {
        (line.path, line.asset.code): (line.balance.posted_debits, line.balance.posted_credits) for line in report.lines
    }
    return balances, lines


async def check(work: LedgerWork, ledger: Written, points: Iterable[tuple[int | None, int | None]]) -> None:
    async with reading(work, ledger.address) as reads:
        for before, sequence in points:
            as_of = AsOf(None if before is None else minute(before), sequence)
            expected = ledger.sums(before, sequence)
            assert await told(reads, as_of) == (expected, expected), (before, sequence)


@pytest.mark.soak
@settings(max_examples=HISTORIES)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 150),
    lateness=st.sampled_from([0, 0.02, 0.3, 0.9, 1]),
    group=st.sampled_from([1, 7, 40, 150]),
    data=st.data(),
)
async def test_what_is_read_at_any_time_and_sequence_is_the_sum_of_what_was_effective_and_known(
    work: LedgerWork,
    journal_engine: AsyncEngine,
    new_ledger: NewLedger,
    seed: int,
    count: int,
    lateness: float,
    group: int,
    data: st.DataObject,
) -> None:
    books = PostgresBooks(journal_engine)
    ledger = await written(books, await new_ledger(), seed, count=count, lateness=lateness, group=group)
    befores = st.none() | st.integers(-1, count // 2 + 2)
    # All the accounts are there at sequence 7.
    sequences = st.none() | st.integers(7, ledger.head + 2)
    points = data.draw(st.lists(st.tuples(befores, sequences), min_size=3, max_size=6))
    await check(work, ledger, points)


@pytest.mark.parametrize("lateness", [0.01, 0.5, 1])
async def test_long_histories_are_read_by_milestones_and_by_blocks_of_both_sizes(
    work: LedgerWork,
    books: PostgresBooks,
    new_ledger: NewLedger,
    owner_engine: AsyncEngine,
    lateness: float,
) -> None:
    ledger = await written(books, await new_ledger(), 11, count=4_500, lateness=lateness, group=700)
    random = Random(5)
    points: list[tuple[int | None, int | None]] = [(2_300, None), (0, None), (1, None), (1_000, 8)]
    points += [(random.randrange(2_260), None) for _ in range(8)]
    points += [(random.randrange(2_260), random.randrange(7, ledger.head)) for _ in range(20)]
    await check(work, ledger, points)
    assert (await PostgresRebuilding(owner_engine).rebuild(ledger.address)).differences == ()


async def test_an_account_is_as_old_as_its_sequence_and_no_younger_than_any_time(
    work: LedgerWork, books: PostgresBooks, new_ledger: NewLedger
) -> None:
    address = await new_ledger()
    await write(books, address, *OPENINGS, sale(100, effective_at=minute(5)))
    async with reading(work, address) as reads:
        account, held = await reads.accounts.balances("main", BANK, as_of=AsOf(minute(5)))
        assert (account.path, held) == (BANK, [])
        _, held = await reads.accounts.balances("main", BANK, as_of=AsOf(minute(6)))
        assert [each.balance.posted_debits for each in held] == [100]
        with pytest.raises(AccountNotFound):
            await reads.accounts.balances("main", BANK, as_of=AsOf(minute(6), 2))


async def test_a_backdated_entry_inserts_rows_and_rewrites_none(
    books: PostgresBooks, new_ledger: NewLedger, migrated_url: str
) -> None:
    address = await new_ledger()
    late: list[TransactionPosted] = [sale(1, effective_at=minute(9 - number)) for number in range(31)]
    await write(books, address, *OPENINGS, sale(1, effective_at=minute(10)), *late)
    superuser = await asyncpg.connect(migrated_url)

    async def rows(table: str) -> set[object]:
        # Where a row lies, and which transactions wrote and replaced it.
        found = await superuser.fetch(
            f"SELECT ctid::text, xmin::text, xmax::text, {table}::text FROM {table} WHERE organisation_id = $1",  # noqa: S608 # one of ours
            address.organisation_id,
        )
        return {tuple(row) for row in found}

    tables = ("event_log", "transactions", "entries", "late_entries", "late_blocks", "accounts")
    try:
        before = {table: await rows(table) for table in tables}
        await write(books, address, sale(1, effective_at=minute(-50)))
        after = {table: await rows(table) for table in tables}
    finally:
        await superuser.close()
    added = {table: len(after[table]) - len(before[table]) for table in tables}
    assert all(before[table] <= after[table] for table in tables)
    # On each of the two accounts it is the 32nd late entry, which fills a block.
    expected = {"event_log": 1, "transactions": 1, "entries": 2, "late_entries": 2, "late_blocks": 64, "accounts": 0}
    assert added == expected
