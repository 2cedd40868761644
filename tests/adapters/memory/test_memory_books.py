from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from adapters.memory.books import NotTheNextEvent
from application.ledger.ports import Applied, LedgerAddress, Outcome
from domain.ledger.account import AccountType
from domain.ledger.chart import Rule
from domain.ledger.effect import NO_EFFECT
from domain.ledger.events import ChartSet, LedgerCreated
from domain.ledger.ledger import LedgerExists
from domain.ledger.scope import Scope, ScopeTooNarrow
from domain.shared.chain import Head, follow
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import (
    BALANCES,
    BANK,
    OPEN_BANK,
    OPENINGS,
    SALES,
    NewLedger,
    chained,
    head,
    recall,
    sale,
    told,
    write,
    write_group,
)
from tests.adapters.ledger_contract import BooksContract
from tests.builders import AUTHOR, NOW, key

CREATED = LedgerCreated("Main", "UTC")
MAIN = LedgerAddress(1, "main")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def books(clock: ManualClock) -> MemoryBooks:
    books = MemoryBooks(clock, CountedIds())
    books.create(MAIN, CREATED, AUTHOR)
    return books


class TestMemoryBooks(BooksContract):
    @pytest.fixture
    def books(self, clock: ManualClock) -> MemoryBooks:
        return MemoryBooks(clock, CountedIds())

    @pytest.fixture
    def new_ledger(self, books: MemoryBooks) -> NewLedger:
        numbers = count(1)

        async def create() -> LedgerAddress:
            address = LedgerAddress(1, f"ledger-{next(numbers)}")
            books.create(address, CREATED, AUTHOR)
            return address

        return create


async def test_a_ledger_cannot_be_created_twice(books: MemoryBooks) -> None:
    await write(books, MAIN, OPEN_BANK)
    with pytest.raises(LedgerExists):
        books.create(MAIN, CREATED, AUTHOR)
    assert len(books.log(MAIN)) == 2


async def test_the_log_can_be_followed_from_its_beginning(books: MemoryBooks) -> None:
    await write(books, MAIN, *OPENINGS)
    await write(books, MAIN, sale(1), sale(2))
    last = Head()
    for content, hash in books.log(MAIN):
        last = follow(last, content, hash)
    assert last == await head(books, MAIN)
    assert last.sequence == 6


@pytest.mark.parametrize(
    ("later", "is_known"),
    [
        (timedelta(days=30, microseconds=-1), True),
        (timedelta(days=30), False),
        (timedelta(days=400), False),
        (timedelta(days=-1), True),
    ],
)
async def test_a_key_lives_for_thirty_days(
    books: MemoryBooks, clock: ManualClock, later: timedelta, is_known: bool
) -> None:
    outcome = await write(books, MAIN, OPEN_BANK, key=key("k"))
    clock.set(outcome.applied[0].recorded_at + later)
    async with books.group(MAIN) as held:
        assert ("k" in await held.known_keys(["k"], used_after=clock.now() - timedelta(days=30))) is is_known


async def test_a_key_whose_time_is_over_can_be_used_anew(books: MemoryBooks, clock: ManualClock) -> None:
    await write(books, MAIN, *OPENINGS, key=key("k", "first"))
    clock.advance(timedelta(days=31))
    second = await write(books, MAIN, sale(1), key=key("k", "second"))
    clock.set(second.applied[0].recorded_at)
    assert told(await recall(books, MAIN, "k")) == told(second)


async def test_lines_made_on_a_book_that_lacked_something_are_not_kept(books: MemoryBooks) -> None:
    await write(books, MAIN, *OPENINGS, sale(100))
    posted = sale(1)
    without_balances = Scope(accounts=[entry.account for entry in posted.entries])
    with pytest.raises(ScopeTooNarrow):
        await write_group(books, MAIN, [([posted], None)], scope=without_balances)
    assert len(books.log(MAIN)) == 5


async def test_only_the_next_event_can_be_appended(books: MemoryBooks) -> None:
    async with books.group(MAIN) as held:
        stale = await chained(held, [([OPEN_BANK], None)])
    await write(books, MAIN, *OPENINGS)
    with pytest.raises(NotTheNextEvent):
        async with books.group(MAIN) as held:
            await held.append(stale)
    dry = Outcome((Applied(OPEN_BANK, NO_EFFECT, NOW),))
    with pytest.raises(NotTheNextEvent):
        async with books.group(MAIN) as held:
            await held.append([dry])
    assert len(books.log(MAIN)) == 4


async def test_a_group_may_append_in_several_steps(books: MemoryBooks) -> None:
    async with books.group(MAIN) as held:
        outcomes = await chained(held, [(OPENINGS, None), ([sale(1)], key("k")), ([sale(2)], None)])
        for outcome in outcomes:
            await held.append([outcome])
    async with books.group(MAIN) as held:
        book = await held.load(BALANCES)
    assert [balance.version for balance in book.balances.values()] == [2, 2]
    assert told(await recall(books, MAIN, "k")) == told(outcomes[1])


@given(st.integers(min_value=1, max_value=2**61))
def test_counted_ids_are_well_formed_and_rise(start: int) -> None:
    ids = CountedIds(start)
    first, second = ids.new("txn"), ids.new("txn")
    assert first < second
    parsed = TypeID.from_string(first)
    assert parsed.prefix == "txn"
    assert (parsed.uuid.version, parsed.uuid.variant) == (7, "specified in RFC 4122")


async def test_a_book_holds_what_its_scope_names_and_nothing_else(books: MemoryBooks) -> None:
    await write(books, MAIN, *OPENINGS, ChartSet((Rule(Pattern("x"), AccountType.ASSET),)), sale(5, reference="r"))
    for opened in (books.group, books.snapshot):
        async with opened(MAIN) as seen:
            book = await seen.load(Scope())
            assert (book.accounts, book.balances, book.assets, book.used_assets) == ({}, {}, {}, set())
            assert (book.references, book.transactions) == ({}, {})
            assert (book.sequence, book.chart.version, book.settings.version) == (6, 2, 1)
            book = await seen.load(Scope(accounts=[BANK], balances=[(SALES, "EUR")], assets=["EUR"]))
            assert set(book.accounts) == {BANK, SALES}  # a balance comes with its account
            assert set(book.balances) == {(SALES, "EUR")}
            assert (set(book.assets), book.used_assets) == ({"EUR"}, set())
            book = await seen.load(Scope(accounts=[BANK]))
            assert (set(book.accounts), book.balances, book.assets) == ({BANK}, {}, {})
