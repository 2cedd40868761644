"""What every `Books` promises of holds."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from adapters.memory import CountedIds
from application.ledger.ports import Books, DueHolds, LedgerAddress, TooManyEntries
from domain.ledger.account import AccountType
from domain.ledger.balance import Balance
from domain.ledger.events import (
    AccountOpened,
    AssetRegistered,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    TransactionPosted,
)
from domain.ledger.held import Held
from domain.ledger.hold import Hold, HoldStatus
from domain.ledger.scope import Scope
from domain.ledger.transaction import Direction, Entry
from tests.adapters.ledger.by_hand import (
    BALANCES,
    BANK,
    OPENINGS,
    SALES,
    look,
    posting,
    sale,
    write,
    write_group,
)
from tests.builders import JPY, NOW, credited, debited, hold_id, transaction_id

DEBIT, CREDIT = Direction.DEBIT, Direction.CREDIT
_ids = CountedIds(start=4_000_000)
_numbers = count(1)


def placed(
    minor: int,
    *,
    expires_at: datetime | None = None,
    reference: str | None = None,
    entries: tuple[Entry, ...] | None = None,
) -> HoldPlaced:
    """A hold of so many cents from sales to the bank, with an id of its own."""
    entries = entries or (debited(BANK, minor), credited(SALES, minor))
    return HoldPlaced(_ids.new("hold"), entries, expires_at, reference, f"Hold {next(_numbers)}", {"a": "1"})


def capture(of: HoldPlaced, minor: int, *, is_final: bool = False) -> TransactionPosted:
    """A capture of so many cents."""
    entries = (debited(BANK, minor), credited(SALES, minor))
    return TransactionPosted(transaction_id(), entries, NOW, hold=of.id, is_final=is_final)


def held(cents: int) -> dict[tuple[str, str], Held]:
    """What holds of so much hold back."""
    return {(BANK, "EUR"): Held(debits=cents), (SALES, "EUR"): Held(credits=cents)} if cents else {}


def sides(cents: int) -> dict[tuple[str, Direction, str], int]:
    """What is left of a hold, where so much is left."""
    return {(BANK, DEBIT, "EUR"): cents, (SALES, CREDIT, "EUR"): cents}


class HoldContract:
    """A hold is there with all that is needed to resolve it, and what is held is there beside what is posted."""

    async def test_a_hold_comes_with_its_accounts_their_balances_and_assets(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        one = placed(500, expires_at=NOW + timedelta(days=1), reference="r")
        await write(books, ledger, *OPENINGS, sale(70), one)
        async with books.snapshot(ledger) as snapshot:
            book = await snapshot.load(Scope(holds=[one.id]))
        assert book.holds == {
            one.id: Hold(
                6, one.id, one.entries, sides(500), one.expires_at, "r", one.description, {"a": "1"}, HoldStatus.OPEN
            )
        }
        assert set(book.accounts) == {BANK, SALES}
        assert set(book.assets) == {"EUR"}
        assert book.balances == {(BANK, "EUR"): Balance(70, 0, 1), (SALES, "EUR"): Balance(0, 70, 1)}
        assert book.held == held(500)

    async def test_what_is_held_stands_beside_what_is_posted(self, books: Books, ledger: LedgerAddress) -> None:
        one, other = placed(500), placed(30)
        await write(books, ledger, *OPENINGS, one)
        await write(books, ledger, other, sale(7))
        book = await look(books, ledger, BALANCES)
        assert book.held == held(530)
        assert book.balances[BANK, "EUR"] == Balance(7, 0, 1)
        await write(books, ledger, HoldReleased(one.id, "why"))
        assert (await look(books, ledger, BALANCES)).held == held(30)

    async def test_what_is_held_knows_the_last_event_that_changed_it(self, books: Books, ledger: LedgerAddress) -> None:
        one = placed(500)
        outcome = await write(books, ledger, *OPENINGS, one)
        book = await look(books, ledger, BALANCES)
        assert {book.held[key].sequence for key in BALANCES.balances} == {outcome.sequence}
        outcome = await write(books, ledger, capture(one, 100), AssetRegistered("JPY", 0))
        book = await look(books, ledger, BALANCES)
        assert {book.held[key].sequence for key in BALANCES.balances} == {6} == {(outcome.sequence or 0) - 1}

    async def test_a_hold_is_captured_in_parts_from_group_to_group(self, books: Books, ledger: LedgerAddress) -> None:
        one = placed(500)
        await write(books, ledger, *OPENINGS, one)
        await write(books, ledger, capture(one, 100))
        await write(books, ledger, capture(one, 150))
        scope = Scope(BALANCES.accounts, BALANCES.balances, holds=[one.id])
        book = await look(books, ledger, scope)
        assert (book.holds[one.id].left, book.holds[one.id].status) == (sides(250), HoldStatus.OPEN)
        assert book.held == held(250)
        await write(books, ledger, capture(one, 250))
        book = await look(books, ledger, scope)
        assert (book.holds[one.id].left, book.holds[one.id].status) == (sides(0), HoldStatus.CAPTURED)
        assert book.held == {}
        assert book.balances[BANK, "EUR"] == Balance(500, 0, 3)

    async def test_a_final_capture_closes_a_hold_and_says_what_was_left(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        one = placed(500)
        await write(books, ledger, *OPENINGS, one)
        await write(books, ledger, capture(one, 100, is_final=True))
        book = await look(books, ledger, Scope(BALANCES.accounts, BALANCES.balances, holds=[one.id]))
        assert (book.holds[one.id].left, book.holds[one.id].status) == (sides(400), HoldStatus.CAPTURED)
        assert book.held == {}

    async def test_a_hold_that_is_released_or_expired_stays_so(self, books: Books, ledger: LedgerAddress) -> None:
        one, other = placed(500), placed(30, expires_at=NOW)
        await write(books, ledger, *OPENINGS, one, other)
        await write(books, ledger, HoldReleased(one.id, "why"), HoldExpired(other.id))
        book = await look(books, ledger, Scope(BALANCES.accounts, BALANCES.balances, holds=[one.id, other.id]))
        assert [book.holds[each.id].status for each in (one, other)] == [HoldStatus.RELEASED, HoldStatus.EXPIRED]
        assert book.held == {}

    async def test_a_hold_may_be_placed_and_resolved_in_one_group(self, books: Books, ledger: LedgerAddress) -> None:
        one, other, third = placed(500), placed(30), placed(4)
        await write_group(
            books,
            ledger,
            [
                (OPENINGS, None),
                ([one, other], None),
                ([capture(one, 500), capture(other, 10)], None),
                ([third, HoldReleased(third.id, "")], None),
            ],
        )
        book = await look(
            books, ledger, Scope(BALANCES.accounts, BALANCES.balances, holds=[one.id, other.id, third.id])
        )
        assert [book.holds[each.id].status.value for each in (one, other, third)] == ["captured", "open", "released"]
        assert book.held == held(20)

    async def test_a_hold_is_open_until_nothing_is_left_of_any_side(self, books: Books, ledger: LedgerAddress) -> None:
        one = placed(0, entries=(debited(BANK, 3), credited(SALES, 3), debited(SALES, 4), credited(BANK, 4)))
        await write(books, ledger, *OPENINGS, one)
        await write(books, ledger, capture(one, 3))
        scope = Scope(BALANCES.accounts, BALANCES.balances, holds=[one.id])
        book = await look(books, ledger, scope)
        others = {(SALES, DEBIT, "EUR"): 4, (BANK, CREDIT, "EUR"): 4}
        assert (book.holds[one.id].left, book.holds[one.id].status) == (sides(0) | others, HoldStatus.OPEN)
        rest = TransactionPosted(transaction_id(), (debited(SALES, 4), credited(BANK, 4)), NOW, hold=one.id)
        await write(books, ledger, rest)
        book = await look(books, ledger, scope)
        nothing = sides(0) | dict.fromkeys(others, 0)
        assert (book.holds[one.id].left, book.holds[one.id].status) == (nothing, HoldStatus.CAPTURED)

    async def test_a_hold_may_have_several_entries_of_a_side_and_several_assets(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        entries = (
            debited(BANK, 1),
            debited(BANK, 2),
            credited(SALES, 3),
            debited(SALES, 70, JPY),
            credited(BANK, 70, JPY),
            debited(SALES, 5),
            credited(SALES, 5),
        )
        one = placed(0, entries=entries)
        await write(books, ledger, *OPENINGS, AssetRegistered("JPY", 0), one)
        scope = Scope(
            [BANK, SALES],
            [(path, code) for path in (BANK, SALES) for code in ("EUR", "JPY")],
            asset_uses=["EUR", "JPY"],
            holds=[one.id],
        )
        book = await look(books, ledger, scope)
        assert book.holds[one.id].entries == entries
        assert book.holds[one.id].left == {
            (BANK, DEBIT, "EUR"): 3,
            (SALES, CREDIT, "EUR"): 8,
            (SALES, DEBIT, "JPY"): 70,
            (BANK, CREDIT, "JPY"): 70,
            (SALES, DEBIT, "EUR"): 5,
        }
        assert book.held == {
            (BANK, "EUR"): Held(debits=3),
            (SALES, "EUR"): Held(5, 8),
            (BANK, "JPY"): Held(credits=70),
            (SALES, "JPY"): Held(debits=70),
        }
        assert book.used_assets == {"EUR", "JPY"}

    async def test_held_amounts_are_kept_to_the_last_digit(self, books: Books, ledger: LedgerAddress) -> None:
        most = 10**30
        await write(books, ledger, *OPENINGS, placed(most), placed(most), placed(1))
        assert (await look(books, ledger, BALANCES)).held == held(2_000_000_000_000_000_000_000_000_000_001)

    async def test_transactions_and_holds_share_their_references(self, books: Books, ledger: LedgerAddress) -> None:
        one, posted = placed(5, reference="of-a-hold"), sale(5, reference="of-a-posting")
        await write(books, ledger, *OPENINGS, one, posted)
        book = await look(books, ledger, Scope(references=["of-a-hold", "of-a-posting", "of-nobody"]))
        assert book.references == {"of-a-hold": one.id, "of-a-posting": posted.id}

    # What is due.

    async def test_due_holds_are_told_in_the_order_in_which_they_expire(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        late, early, same, never = (
            placed(1, expires_at=NOW + timedelta(seconds=2)),
            placed(1, expires_at=NOW + timedelta(seconds=1)),
            placed(1, expires_at=NOW + timedelta(seconds=2)),
            placed(1),
        )
        await write(books, ledger, *OPENINGS, late, early, same, never)
        due = [early.id, late.id, same.id]
        for opened in (books.group, books.snapshot):
            async with opened(ledger) as seen:
                assert await seen.due_holds(NOW, entries_max=9) == DueHolds()
                for after, ids in ((1, due[:1]), (2, due)):
                    found = await seen.due_holds(NOW + timedelta(seconds=after), entries_max=9)
                    assert (list(found.ids), found.are_all) == (ids, True)

    async def test_due_holds_are_as_many_as_have_so_many_entries_and_one_at_least(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        holds = [placed(1, expires_at=NOW + timedelta(seconds=number)) for number in range(3)]
        await write(books, ledger, *OPENINGS, *holds)
        ids = [hold.id for hold in holds]
        for opened in (books.group, books.snapshot):
            async with opened(ledger) as seen:
                for entries_max, found in ((1, ids[:1]), (3, ids[:1]), (4, ids[:2]), (5, ids[:2]), (6, ids)):
                    due = await seen.due_holds(NOW + timedelta(days=1), entries_max=entries_max)
                    assert (list(due.ids), due.are_all) == (found, found == ids)

    async def test_too_many_entries_are_not_looked_at_at_once(self, books: Books, ledger: LedgerAddress) -> None:
        entries = (*[debited(BANK, 1)] * 2_600, *[credited(SALES, 1)] * 2_600)
        holds = [HoldPlaced(hold_id(), entries) for _ in range(10)]
        # One by one, as a group may pause for five seconds only, and a busy machine takes long over so many.
        await write(books, ledger, *OPENINGS)
        for hold in holds:
            await write(books, ledger, hold)
        async with books.snapshot(ledger) as seen:
            book = await seen.load(Scope(holds=[hold.id for hold in holds[:9]]))
            assert len(book.holds) == 9
            with pytest.raises(TooManyEntries, match="52,000"):
                await seen.load(Scope(holds=[hold.id for hold in holds]))
        posted = [TransactionPosted(transaction_id(), entries, NOW) for _ in range(10)]
        for transaction in posted:
            await write(books, ledger, transaction)
        async with books.snapshot(ledger) as seen:
            with pytest.raises(TooManyEntries, match="52,000"):
                await seen.load(Scope(reversals=[each.id for each in posted]))

    async def test_a_closed_hold_is_never_due(self, books: Books, ledger: LedgerAddress) -> None:
        holds = [placed(5, expires_at=NOW + timedelta(seconds=number)) for number in range(4)]
        await write(books, ledger, *OPENINGS, *holds)
        await write(books, ledger, capture(holds[0], 5), HoldReleased(holds[1].id, ""), HoldExpired(holds[2].id))
        async with books.group(ledger) as group:
            assert list((await group.due_holds(NOW + timedelta(days=1), entries_max=9)).ids) == [holds[3].id]

    # What a store remembers from one group to the next.

    async def test_what_is_held_stays_right_between_groups_of_two_processes(
        self, books: Books, other_books: Books, ledger: LedgerAddress
    ) -> None:
        one, other = placed(500), placed(30)
        await write(books, ledger, *OPENINGS, one)
        await write(other_books, ledger, capture(one, 100), other)
        await write(books, ledger, capture(one, 150))
        await write(other_books, ledger, HoldReleased(other.id, ""), capture(one, 1))
        await write(books, ledger, capture(one, 249))
        for each in (books, other_books):
            book = await look(each, ledger, Scope(BALANCES.accounts, BALANCES.balances, holds=[one.id]))
            assert book.held == {}
            assert book.holds[one.id].status is HoldStatus.CAPTURED
            assert book.balances[BANK, "EUR"] == Balance(500, 0, 4)

    async def test_a_hold_on_accounts_with_many_words_can_be_resolved_later(
        self, books: Books, ledger: LedgerAddress
    ) -> None:
        many = {f"key {number}": "word " * 20 for number in range(64)}
        entries = (debited("a", 5), credited("b", 5))
        one = placed(0, entries=entries)
        openings = (AccountOpened("a", AccountType.ASSET, many), AccountOpened("b", AccountType.INCOME, many))
        await write(books, ledger, AssetRegistered("EUR", 2), *openings, posting(*entries), one)
        await write(books, ledger, AssetRegistered("JPY", 0))
        async with books.group(ledger) as group:
            book = await group.load(Scope(holds=[one.id]))
            assert {path: dict(account.metadata) for path, account in book.accounts.items()} == {"a": many, "b": many}
        captured = TransactionPosted(transaction_id(), entries, NOW, hold=one.id)
        # As the journal does it: the command names the hold, and nothing else.
        await write_group(books, ledger, [([captured], None)], scope=Scope(holds=[one.id]))
        assert (await look(books, ledger, Scope(balances=[("a", "EUR")]))).balances == {("a", "EUR"): Balance(10, 0, 2)}
