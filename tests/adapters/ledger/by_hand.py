"""Writing to a ledger through its ports alone, as the journal does, and looking at what came of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.memory import CountedIds
from application.ledger.ports import Applied, Books, Group, LedgerAddress, Outcome
from application.shared.idempotency import IdempotencyKey
from domain.ledger.account import AccountType
from domain.ledger.balance import NOTHING
from domain.ledger.book import Book
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    AttachmentRemoved,
    Event,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.held import NOTHING_HELD
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import Scope
from domain.ledger.transaction import Entry
from domain.shared.chain import BEGINNING_OF_TIME, Head, record
from tests.builders import AUTHOR, NOW, credited, debited, transaction_id

NewLedger = Callable[[], Awaitable[LedgerAddress]]
Part = tuple[Sequence[Event], IdempotencyKey | None]  # the events of one command, and its key

BANK, SALES = "assets:bank", "income:sales"
OPEN_BANK = AccountOpened(BANK, AccountType.ASSET)
OPEN_SALES = AccountOpened(SALES, AccountType.INCOME)
OPENINGS = (AssetRegistered("EUR", 2), OPEN_BANK, OPEN_SALES)

_event_ids = CountedIds(start=1_000_000)


BALANCES = Scope(accounts=[BANK, SALES], balances=[(BANK, "EUR"), (SALES, "EUR")])


def posting(
    *entries: Entry,
    id: str | None = None,
    reference: str | None = None,
    effective_at: datetime = NOW,
    metadata: dict[str, str] | None = None,
) -> TransactionPosted:
    """A posting with an id of its own."""
    return TransactionPosted(
        id or transaction_id(), entries, effective_at, reference=reference, metadata=metadata or {}
    )


def sale(
    minor: int,
    *,
    id: str | None = None,
    reference: str | None = None,
    effective_at: datetime = NOW,
    metadata: dict[str, str] | None = None,
) -> TransactionPosted:
    """A posting of so many cents from sales to the bank."""
    entries = (debited(BANK, minor), credited(SALES, minor))
    return posting(*entries, id=id, reference=reference, effective_at=effective_at, metadata=metadata)


def scope_of(events: Sequence[Event]) -> Scope:
    """All that the events touch."""
    return Scope.union(_scope_of(event) for event in events)


def _scope_of(event: Event) -> Scope:
    match event:
        case TransactionPosted():
            return Scope(
                accounts=[entry.account for entry in event.entries],
                balances=[(entry.account, entry.asset.code) for entry in event.entries],
                assets=[entry.asset.code for entry in event.entries],
                references=[] if event.reference is None else [event.reference],
                transactions=[event.id],
                holds=[] if event.hold is None else [event.hold],
                reversals=[] if event.reverses is None else [event.reverses],
            )
        case HoldPlaced():
            return Scope(
                accounts=[entry.account for entry in event.entries],
                balances=[(entry.account, entry.asset.code) for entry in event.entries],
                assets=[entry.asset.code for entry in event.entries],
                references=[] if event.reference is None else [event.reference],
                holds=[event.id],
            )
        case HoldReleased() | HoldExpired():
            return Scope(holds=[event.id])
        case AttachmentRemoved():
            return Scope(attachments=[event.id])
        case PeriodReopened():
            return Scope(periods=[event.id])
        case TransactionChanged():
            return Scope(transactions=[event.id])
        case AccountOpened() | AccountChanged() | AccountFrozen() | AccountUnfrozen():
            return Scope(accounts=[event.account])
        case AccountArchived() | AccountRestored():
            return Scope(accounts=[event.account])
        case AssetRegistered():
            return Scope(assets=[event.code], asset_uses=[event.code])
        case _:
            return Scope()


async def chained(held: Group, parts: Sequence[Part], scope: Scope | None = None) -> list[Outcome]:
    """Do as the journal does: take each command's events into a book of all they touch, and chain them to the head."""
    book = await held.load(scope or scope_of([event for events, _ in parts for event in events]))
    last = held.head
    # Of the ledger's own time, so that keys are fresh by whichever clock the store has.
    now = last.recorded_at + timedelta(milliseconds=1)
    outcomes = []
    for events, its_key in parts:
        applied = []
        for event in events:
            recorded = record(event, last, id=_event_ids.new("evt"), author=AUTHOR, recorded_at=now)
            applied.append(Applied(event, book.apply(event), now, recorded))
            last = recorded.head
        outcomes.append(Outcome(tuple(applied), its_key))
    return outcomes


async def write_group(
    books: Books, ledger: LedgerAddress, parts: Sequence[Part], scope: Scope | None = None
) -> list[Outcome]:
    """Write several commands' events in one group."""
    async with books.group(ledger) as held:
        outcomes = await chained(held, parts, scope)
        await held.append(outcomes)
    return outcomes


async def write(books: Books, ledger: LedgerAddress, *events: Event, key: IdempotencyKey | None = None) -> Outcome:
    """Write one command's events in a group of its own."""
    (outcome,) = await write_group(books, ledger, [(events, key)])
    return outcome


async def write_and_raise(
    books: Books, ledger: LedgerAddress, events: Sequence[Event], key: IdempotencyKey, error: BaseException
) -> None:
    """Append, and fail before the group ends."""
    async with books.group(ledger) as held:
        await held.append(await chained(held, [(events, key)]))
        raise error


async def look(books: Books, ledger: LedgerAddress, scope: Scope) -> Book:
    """Load the scope, and see that a held group and a snapshot agree on what is there."""
    aside = await look_aside(books, ledger, scope)
    async with books.group(ledger) as held:
        book = await held.load(scope)
        assert within(scope, book) == within(scope, aside)
    return aside


async def look_aside(books: Books, ledger: LedgerAddress, scope: Scope) -> Book:
    """Load the scope from a snapshot alone, as can be done while a group is held."""
    async with books.snapshot(ledger) as snapshot:
        return within(scope, await snapshot.load(scope))


def within(scope: Scope, book: Book) -> Book:
    """The book without what the scope does not name: a store may load more, and nothing depends on that."""
    return Book(
        book.sequence,
        book.settings,
        book.chart,
        assets={code: book.assets[code] for code in scope.assets if code in book.assets},
        used_assets={code for code in scope.asset_uses if code in book.used_assets},
        accounts={path: book.accounts[path] for path in scope.accounts if path in book.accounts},
        balances={key: book.balances[key] for key in scope.balances if book.balances.get(key, NOTHING) != NOTHING},
        held={key: book.held[key] for key in scope.balances if book.held.get(key, NOTHING_HELD) != NOTHING_HELD},
        references={name: book.references[name] for name in scope.references if name in book.references},
        transactions={
            **{id: without_entries(book.transactions[id]) for id in scope.transactions if id in book.transactions},
            **{id: book.transactions[id] for id in scope.reversals if id in book.transactions},
        },
        holds={id: book.holds[id] for id in scope.holds if id in book.holds},
        attachments={id: book.attachments[id] for id in scope.attachments if id in book.attachments},
        periods={id: book.periods[id] for id in scope.periods if id in book.periods},
        results={before: book.results[before] for before in scope.results},
    )


def without_entries(transaction: PostedTransaction) -> PostedTransaction:
    """The transaction as it is known where only its metadata may change."""
    return replace(transaction, entries=(), reverses=None, reduced=None)


async def head(books: Books, ledger: LedgerAddress) -> Head:
    """Return the ledger's head."""
    async with books.snapshot(ledger) as snapshot:
        return snapshot.head


async def recall(books: Books, ledger: LedgerAddress, name: str) -> Outcome:
    """Recall what the key did."""
    async with books.group(ledger) as held:
        return (await held.recall(await held.known_keys([name], used_after=BEGINNING_OF_TIME)))[name]


def told(outcome: Outcome) -> list[object]:
    """What an outcome tells its caller: its events in the chain, and each line with the balance that it left."""
    return [
        (
            applied.event.type,
            applied.event.data(),
            applied.recorded_at,
            applied.recorded and (applied.recorded.sequence, applied.recorded.id, applied.recorded.recorded_at),
            applied.recorded and (applied.recorded.content, applied.recorded.previous_hash, applied.recorded.hash),
            [
                (line.entry, line.account.number, line.account.path, line.account.type, line.balance)
                for line in applied.lines
            ],
        )
        for applied in outcome.applied
    ]
