"""What every `Books` promises of groups, snapshots and whose a ledger is."""

import asyncio

import pytest

from application.ledger.ports import Books, LedgerAddress
from domain.ledger.account import AccountType
from domain.ledger.balance import Balance
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountChanged,
    ChartSet,
    Event,
    LedgerChanged,
)
from domain.ledger.ledger import LedgerNotFound
from domain.shared.chain import BEGINNING_OF_TIME
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import (
    BALANCES,
    BANK,
    OPEN_BANK,
    OPEN_SALES,
    OPENINGS,
    SALES,
    NewLedger,
    chained,
    head,
    look,
    look_aside,
    sale,
    scope_of,
    write,
    write_and_raise,
)
from tests.builders import key


class GroupContract:
    """Groups are all or nothing, one at a time; a snapshot is one moment, without a lock."""

    @pytest.mark.parametrize("error", [RuntimeError("after the append"), asyncio.CancelledError()], ids=repr)
    async def test_nothing_is_kept_of_a_group_that_ends_in_an_error(
        self, books: Books, ledger: LedgerAddress, error: BaseException
    ) -> None:
        await write(books, ledger, *OPENINGS, sale(100))
        before = await head(books, ledger)
        posted = sale(7, reference="r")
        events: list[Event] = [posted, ChartSet((Rule(Pattern("x"), AccountType.ASSET),)), LedgerChanged("x", {})]
        with pytest.raises(type(error)):
            await write_and_raise(books, ledger, events, key("k"), error)
        assert await head(books, ledger) == before
        book = await look(books, ledger, scope_of([posted]))
        assert book.balances == {(BANK, "EUR"): Balance(100, 0, 1), (SALES, "EUR"): Balance(0, 100, 1)}
        assert (book.references, book.transactions) == ({}, {})
        assert (book.chart.version, book.settings.version) == (1, 1)
        async with books.group(ledger) as held:
            assert await held.known_keys(["k"], used_after=BEGINNING_OF_TIME) == {}
        await write(books, ledger, posted, key=key("k"))
        assert (await look(books, ledger, BALANCES)).balances[BANK, "EUR"] == Balance(107, 0, 2)

    async def test_a_group_that_appends_nothing_changes_nothing(self, books: Books, ledger: LedgerAddress) -> None:
        before = await head(books, ledger)
        async with books.group(ledger) as held:
            await held.load(BALANCES)
        assert await head(books, ledger) == before

    async def test_groups_of_one_ledger_wait_for_each_other(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS)
        entered, may_end = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with books.group(ledger) as held:
                entered.set()
                await held.append(await chained(held, [([sale(1)], None)]))
                await may_end.wait()

        holding = asyncio.create_task(hold())
        await entered.wait()
        waiting = asyncio.create_task(write(books, ledger, sale(10)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        may_end.set()
        await asyncio.gather(holding, waiting)
        book = await look(books, ledger, BALANCES)
        assert book.balances[BANK, "EUR"] == Balance(11, 0, 2)
        assert book.sequence == 6

    async def test_many_groups_at_once_lose_nothing(self, books: Books, ledger: LedgerAddress) -> None:
        await write(books, ledger, *OPENINGS)
        await asyncio.gather(*(write(books, ledger, sale(2**number)) for number in range(12)))
        book = await look(books, ledger, BALANCES)
        assert book.balances == {(BANK, "EUR"): Balance(4_095, 0, 12), (SALES, "EUR"): Balance(0, 4_095, 12)}
        assert book.sequence == 4 + 12

    async def test_a_held_ledger_keeps_no_other_from_being_written(self, books: Books, new_ledger: NewLedger) -> None:
        first, second = await new_ledger(), await new_ledger()
        async with books.group(first):
            await asyncio.wait_for(write(books, second, OPEN_BANK), timeout=5)
        assert (await head(books, second)).sequence == 2
        assert (await head(books, first)).sequence == 1

    async def test_a_waiting_group_that_is_cancelled_leaves_the_ledger_free(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        async with books.group(ledger):
            waiting = asyncio.create_task(write(books, ledger, OPEN_BANK))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await asyncio.wait_for(write(books, ledger, OPEN_SALES), timeout=5)
        assert set((await look(books, ledger, scope_of(OPENINGS))).accounts) == {SALES}

    async def test_what_another_process_wrote_in_between_is_seen(
        self, books: Books, other_books: Books, ledger: LedgerAddress
    ) -> None:
        first, second = sale(1, reference="first"), sale(10, reference="second")
        await write(books, ledger, *OPENINGS, first)
        await write(other_books, ledger, second, AccountChanged(BANK, {"a": "1"}), LedgerChanged("x", {}))
        await write(books, ledger, sale(100))
        await write(other_books, ledger, ChartSet(()), sale(1_000))
        for each in (books, other_books):
            book = await look(each, ledger, scope_of([first, second]))
            assert book.balances[BANK, "EUR"] == Balance(1_111, 0, 4)
            assert book.references == {"first": first.id, "second": second.id}
            assert book.accounts[BANK].metadata == {"a": "1"}
            assert (book.sequence, book.settings.version, book.chart.version) == (11, 2, 2)

    async def test_groups_of_two_processes_wait_for_each_other(
        self, books: Books, other_books: Books, ledger: LedgerAddress
    ) -> None:
        await write(books, ledger, *OPENINGS)
        stores = [books, other_books] * 6
        await asyncio.gather(*(write(store, ledger, sale(2**number)) for number, store in enumerate(stores)))
        book = await look(books, ledger, BALANCES)
        assert book.balances == {(BANK, "EUR"): Balance(4_095, 0, 12), (SALES, "EUR"): Balance(0, 4_095, 12)}

    async def test_whether_an_event_is_held_is_told_by_its_hash(self, books: Books, ledger: LedgerAddress) -> None:
        outcome = await write(books, ledger, *OPENINGS)
        hashes = [applied.recorded.hash for applied in outcome.applied if applied.recorded]
        async with books.group(ledger) as held:
            assert [await held.has_event(sequence, hash) for sequence, hash in enumerate(hashes, 2)] == [True] * 3
            assert not await held.has_event(2, hashes[1])
            assert not await held.has_event(5, hashes[2])
            assert not await held.has_event(0, bytes(32))

    # Snapshots: one moment, no lock.

    async def test_a_snapshot_neither_waits_for_a_held_group_nor_sees_it(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        await write(books, ledger, *OPENINGS, sale(100))
        async with books.group(ledger) as held:
            await held.append(await chained(held, [([sale(1)], None)]))
            book = await asyncio.wait_for(look_aside(books, ledger, BALANCES), timeout=5)
        assert book.sequence == 5
        assert book.balances[BANK, "EUR"] == Balance(100, 0, 1)
        assert (await look(books, ledger, BALANCES)).balances[BANK, "EUR"] == Balance(101, 0, 2)

    async def test_a_snapshot_stays_at_its_moment_while_the_ledger_goes_on(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        await write(books, ledger, *OPENINGS, sale(100))
        async with books.snapshot(ledger) as snapshot:
            assert snapshot.head.sequence == 5
            await write(books, ledger, sale(1), LedgerChanged("x", {}))
            book = await snapshot.load(BALANCES)
        assert snapshot.head.sequence == 5
        assert (book.sequence, book.settings.version) == (5, 1)
        assert book.balances == {(BANK, "EUR"): Balance(100, 0, 1), (SALES, "EUR"): Balance(0, 100, 1)}

    async def test_what_was_tried_on_a_book_and_not_appended_leaves_no_trace(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        tried = sale(1, reference="r")
        await write(books, ledger, *OPENINGS)
        for opened in (books.group, books.snapshot):
            async with opened(ledger) as seen:
                book = await seen.load(scope_of([tried]))
                book.apply(tried)
                book.apply(AccountChanged(BANK, {"a": "1"}))
                book.apply(LedgerChanged("x", {}))
        book = await look(books, ledger, scope_of([tried]))
        assert (book.balances, book.references, book.transactions) == ({}, {}, {})
        assert (book.sequence, book.settings.version, book.accounts[BANK].version) == (4, 1, 1)

    # Ledgers that are not there, or are someone else's.

    async def test_a_ledger_that_does_not_exist_is_not_found(self, books: Books, ledger: LedgerAddress) -> None:
        await self._is_not_found(books, LedgerAddress(ledger.organisation_id, f"{ledger.slug}-not"))

    async def test_another_organisations_ledger_is_not_found(self, books: Books, ledger: LedgerAddress) -> None:
        await self._is_not_found(books, LedgerAddress(ledger.organisation_id + 1_000_000_000, ledger.slug))

    async def _is_not_found(self, books: Books, address: LedgerAddress) -> None:
        with pytest.raises(LedgerNotFound):
            async with books.group(address):
                pytest.fail("a group began")
        with pytest.raises(LedgerNotFound):
            async with books.snapshot(address):
                pytest.fail("a snapshot opened")

    async def test_ledgers_know_nothing_of_each_other(self, books: Books, new_ledger: NewLedger) -> None:
        first, second = await new_ledger(), await new_ledger()
        posted = sale(1, reference="r")
        await write(books, first, *OPENINGS, posted)
        book = await look(books, second, scope_of([*OPENINGS, posted]))
        assert (book.accounts, book.balances, book.assets, book.used_assets) == ({}, {}, {}, set())
        assert (book.references, book.transactions) == ({}, {})
        await write(books, second, *OPENINGS, sale(5, id=posted.id, reference="r"))
        assert (await look(books, first, BALANCES)).balances[BANK, "EUR"] == Balance(1, 0, 1)
        assert (await look(books, second, BALANCES)).balances[BANK, "EUR"] == Balance(5, 0, 1)
