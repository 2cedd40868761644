"""Races between processes that write one ledger. What holds is read off the log and the balances, not off the clock."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.close_period import ClosePeriod
from application.ledger.journal import Journal
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command, LedgerAddress
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold
from application.ledger.reverse_transactions import ReverseTransaction
from domain.ledger.account import AccountStatus, AccountType
from domain.ledger.balance import NOTHING
from domain.ledger.book import Book
from domain.ledger.closing import ClosingDraft
from domain.ledger.events import AccountArchived, Event, PeriodClosed, TransactionPosted
from domain.ledger.events.parsing import parse_event
from domain.ledger.held import NOTHING_HELD
from domain.ledger.hold import CaptureDraft, HoldDraft, HoldStatus
from domain.ledger.limit import LimitDraft
from domain.ledger.posted import ReversalDraft
from domain.ledger.transaction import TransactionKind
from domain.shared.chain import Head, follow
from tests.accounting import available_cents, move, posted_cents
from tests.adapters.ledger.by_hand import NewLedger
from tests.adapters.postgres.racer import DONE, TAKING_TURNS, Racers, submit
from tests.adapters.postgres.reading import LedgerWork, reading
from tests.builders import draft

BANK, SALES, ANA, BEN, RESULT = "assets:bank", "income:sales", "liabilities:ana", "liabilities:ben", "equity:result"
OCTOBER, NOVEMBER = datetime(2026, 10, 15, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
IDS = TypeIds()


@dataclass
class Course:
    """A ledger to race on."""

    racers: Racers
    ledger: LedgerAddress
    journal_engine: AsyncEngine
    owner_engine: AsyncEngine
    work: LedgerWork

    async def prepare(self, *commands: Command) -> None:
        """Do something beforehand."""
        journal = Journal(PostgresBooks(self.journal_engine), SystemClock(), IDS)
        for command in commands:
            assert await submit(journal, self.ledger, command) == DONE
        await journal.close()

    async def race(self, *of_processes: list[Command], at_once: int = TAKING_TURNS) -> list[Counter[str]]:
        """Let each process do its commands, so many at once, and return how often each answer was given to it."""
        answers_of_processes = await self.racers.race(self.ledger, *of_processes, at_once=at_once)
        return [Counter(answers) for answers in answers_of_processes]

    async def log(self) -> list[Event]:
        """Every event, in order; the chain holds, and the projections are what the events say."""
        head, events = Head(), list[Event]()
        book = Book()
        async with reading(self.work, self.ledger) as reads:
            while stored := await reads.events.events(self.ledger.slug, after=head.sequence, limit=1_000):
                for each in stored:
                    head = follow(head, each.content, each.hash)
                    document = json.loads(each.content)
                    event = parse_event(document["type"], document["data"], book.assets.__getitem__)
                    book.apply(event)
                    events.append(event)
        rebuilt = await PostgresRebuilding(self.owner_engine).rebuild(self.ledger)
        assert rebuilt.differences == ()
        assert rebuilt.head.sequence == len(events)
        return events

    async def books(self) -> Book:
        """What the whole log comes to."""
        book = Book()
        for event in await self.log():
            book.apply(event)
        return book


@pytest.fixture(scope="module")
async def racers(migrated_url: str) -> AsyncIterator[Racers]:
    """Processes that write to the database."""
    made = Racers(migrated_url)
    yield made
    await made.stop()


@pytest.fixture
async def course(
    racers: Racers,
    new_ledger: NewLedger,
    journal_engine: AsyncEngine,
    owner_engine: AsyncEngine,
    work: LedgerWork,
) -> Course:
    return Course(racers, await new_ledger(), journal_engine, owner_engine, work)


def dealt(commands: list[Command], processes: int = 4) -> list[list[Command]]:
    """The commands, dealt out to processes."""
    return [commands[process::processes] for process in range(processes)]


def together(answers: list[Counter[str]]) -> Counter[str]:
    return sum(answers, Counter())


def post(giver: str, taker: str, cents: int, at: datetime | None = None, id: str | None = None) -> PostTransaction:
    return PostTransaction(draft(*move(giver, taker, cents), effective_at=at, id=id or IDS.new("txn")))


@pytest.mark.parametrize("at_once", [TAKING_TURNS, 25], ids=["in turns", "all at once"])
async def test_a_hundred_captures_of_one_hold_take_what_was_held_and_no_more(course: Course, at_once: int) -> None:
    hold = IDS.new("hold")
    await course.prepare(PlaceHold(HoldDraft(hold, move(BANK, SALES, 1_000))))
    captures: list[Command] = [
        CaptureHold(CaptureDraft(IDS.new("txn"), hold, move(BANK, SALES, 20))) for _ in range(100)
    ]
    answers = await course.race(*dealt(captures), at_once=at_once)
    assert together(answers) == {DONE: 50, "hold-not-open": 50}
    book = await course.books()
    assert posted_cents(book, BANK) == posted_cents(book, SALES) == 1_000
    assert book.held_on(BANK, "EUR") == book.held_on(SALES, "EUR") == NOTHING_HELD
    assert book.hold(hold).status is HoldStatus.CAPTURED


async def test_captures_that_do_not_come_out_even_leave_the_rest_held(course: Course) -> None:
    hold = IDS.new("hold")
    await course.prepare(PlaceHold(HoldDraft(hold, move(BANK, SALES, 1_000))))
    captures: list[Command] = [
        CaptureHold(CaptureDraft(IDS.new("txn"), hold, move(BANK, SALES, 30))) for _ in range(100)
    ]
    answers = await course.race(*dealt(captures))
    assert together(answers) == {DONE: 33, "hold-exceeded": 67}
    book = await course.books()
    assert posted_cents(book, BANK) == 990
    assert book.held_on(BANK, "EUR").debits == book.held_on(SALES, "EUR").credits == 10


async def test_holds_and_postings_of_several_processes_stop_at_one_floor(course: Course) -> None:
    await course.prepare(
        OpenAccount(ANA, AccountType.LIABILITY, limits=(LimitDraft("EUR", "0"),)), post(BANK, ANA, 1_000)
    )
    commands: list[Command] = []
    for _ in range(40):
        commands += [PlaceHold(HoldDraft(IDS.new("hold"), move(ANA, BEN, 30))), post(ANA, BANK, 30)]
    answers = await course.race(*dealt(commands))
    assert together(answers) == {DONE: 33, "insufficient-funds": 47}
    book = await course.books()
    assert available_cents(book, ANA) == 10
    assert 1_000 - posted_cents(book, ANA) + book.held_on(ANA, "EUR").debits == 990


async def test_nothing_is_posted_to_an_account_while_it_is_archived(course: Course) -> None:
    await course.prepare(post(BANK, ANA, 5), post(ANA, BANK, 5))
    to_and_fro: list[Command] = [post(BANK, ANA, 5) if turn % 2 else post(ANA, BANK, 5) for turn in range(60)]
    away: list[Command] = []
    for _ in range(20):
        away += [ArchiveAccount(ANA, None, "why"), RestoreAccount(ANA, "why")]
    *posted, archived = await course.race(to_and_fro[:30], to_and_fro[30:], away)
    assert set(together(posted)) <= {DONE, "account-archived"}
    assert set(archived) <= {DONE, "account-not-empty"}
    book = Book()
    for event in await course.log():
        if isinstance(event, TransactionPosted):
            assert book.account(ANA).status is AccountStatus.OPEN
        book.apply(event)
        if isinstance(event, AccountArchived):
            assert posted_cents(book, ANA) == 0
    assert book.balance(ANA, "EUR").version == together(posted)[DONE] + 2


async def test_what_is_backdated_is_closed_with_its_period_or_refused(course: Course) -> None:
    await course.prepare(post(BANK, SALES, 100, OCTOBER))
    sales: list[Command] = [post(BANK, SALES, 100, OCTOBER) for _ in range(90)]
    other: list[Command] = [post(BANK, SALES, 7, NOVEMBER) for _ in range(8)]
    closing = ClosePeriod(
        ClosingDraft(IDS.new("prd"), date(2026, 11, 1), NOVEMBER, "", RESULT, (IDS.new("txn"), IDS.new("txn")))
    )
    first, second, third = dealt(sales, 3)
    answers = together(await course.race(first, second, third, [*other, closing]))
    assert set(answers) <= {DONE, "period-closed"}
    assert sum(answers.values()) == 90 + 8 + 1
    taken = answers[DONE] - len(other)  # the closing is no sale, and one was made before the race
    events = await course.log()
    (closed,) = [place for place, event in enumerate(events) if isinstance(event, PeriodClosed)]
    in_october = [
        place
        for place, event in enumerate(events)
        if isinstance(event, TransactionPosted)
        and event.effective_at < NOVEMBER
        and event.kind is TransactionKind.ORDINARY
    ]
    assert len(in_october) == taken
    assert max(in_october) < closed
    book = await course.books()
    assert posted_cents(book, RESULT) == taken * 100
    assert posted_cents(book, SALES) == 8 * 7


async def test_a_transaction_is_reversed_once_however_many_do_it_at_once(course: Course) -> None:
    sale = IDS.new("txn")
    await course.prepare(post(BANK, SALES, 1_000, id=sale))
    reversals: list[Command] = [ReverseTransaction(ReversalDraft(IDS.new("txn"), sale)) for _ in range(40)]
    answers = await course.race(*dealt(reversals))
    assert together(answers) == {DONE: 1, "reversal-exceeded": 39}
    book = await course.books()
    assert posted_cents(book, BANK) == posted_cents(book, SALES) == 0
    assert set(book.transaction(sale).left.values()) == {0}


async def test_parts_of_a_transaction_are_reversed_until_nothing_more_fits(course: Course) -> None:
    sale = IDS.new("txn")
    await course.prepare(post(BANK, SALES, 1_000, id=sale))
    reversals: list[Command] = [
        ReverseTransaction(ReversalDraft(IDS.new("txn"), sale, move(BANK, SALES, 30))) for _ in range(80)
    ]
    answers = await course.race(*dealt(reversals))
    assert together(answers) == {DONE: 33, "reversal-exceeded": 47}
    book = await course.books()
    assert posted_cents(book, SALES) == 10
    assert set(book.transaction(sale).left.values()) == {10}
    assert book.balance(BEN, "EUR") == NOTHING
