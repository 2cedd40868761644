"""Books on which limits, holds, reversals and periods can be tried, and short ways to ask for those."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.book import Book
from domain.ledger.events import AccountChanged, AccountOpened, AssetRegistered, Event, TransactionPosted
from domain.ledger.hold import CaptureDraft, HoldDraft
from domain.ledger.holding import capture, place
from domain.ledger.limit import Limit
from domain.ledger.posted import ReversalDraft
from domain.ledger.posting import post
from domain.ledger.reversing import reverse
from domain.ledger.transaction import Entry, EntryDraft
from tests.builders import EUR, NOW, credit, credited, debit, debited, draft, transaction_id

BANK, SALES, COSTS, RESULT = "assets:bank", "income:sales", "expenses:costs", "equity:result"
ANA, BEN = "users:ana", "users:ben"
TYPES = {
    BANK: AccountType.ASSET,
    SALES: AccountType.INCOME,
    COSTS: AccountType.EXPENSE,
    RESULT: AccountType.EQUITY,
    ANA: AccountType.LIABILITY,
    BEN: AccountType.LIABILITY,
}


def books(**wallets: int) -> Book:
    """Books in euros with a bank, sales, costs, a result and two wallets, in which this much was paid in, in cents."""
    book = Book()
    book.apply(AssetRegistered("EUR", 2))
    for path, account_type in TYPES.items():
        book.apply(AccountOpened(path, account_type))
    for name, cents in wallets.items():
        book.apply(TransactionPosted(transaction_id(), (debited(BANK, cents), credited(f"users:{name}", cents)), NOW))
    return book


def take(book: Book, events: Iterable[Event]) -> Event:
    """Let the events happen, and return the last one."""
    happened = list(events)
    for event in happened:
        book.apply(event)
    return happened[-1]


def euros(minimum: int | None = None, maximum: int | None = None, asset: Asset = EUR) -> Limit:
    """A limit, in cents."""
    return Limit(asset, minimum, maximum)


def limit_account(book: Book, path: str, *limits: Limit) -> None:
    """Give the account limits of its own."""
    book.apply(AccountChanged(path, {}, limits))


def move(giver: str, taker: str, cents: int) -> tuple[EntryDraft, EntryDraft]:
    """Debit one, credit the other."""
    return debit(giver, in_euros(cents)), credit(taker, in_euros(cents))


def in_euros(cents: int) -> str:
    """How an amount is written."""
    return f"{cents // 100}.{cents % 100:02}"


def pay(book: Book, *entries: EntryDraft, id: str | None = None, at: datetime | None = None) -> TransactionPosted:
    """Post, and return what was posted."""
    posted = take(book, post(book, draft(*entries, id=id, effective_at=at), NOW))
    assert isinstance(posted, TransactionPosted)
    return posted


def hold(
    book: Book,
    *entries: EntryDraft,
    id: str = "hold_1",
    expires_at: datetime | None = None,
    reference: str | None = None,
) -> None:
    """Place a hold."""
    take(book, place(book, HoldDraft(id, entries, expires_at, reference), NOW))


def captured(
    book: Book, *entries: EntryDraft, of: str = "hold_1", is_final: bool = False, id: str | None = None
) -> tuple[Entry, ...]:
    """Capture from a hold, and return the entries that were posted."""
    asked = CaptureDraft(id or transaction_id(), of, entries, is_final)
    posted = take(book, capture(book, asked, NOW))
    assert isinstance(posted, TransactionPosted)
    return posted.entries


def reversed_entries(
    book: Book, of: str, *entries: EntryDraft, id: str | None = None, is_forced: bool = False
) -> tuple[Entry, ...]:
    """Reverse, and return the entries that were posted."""
    asked = ReversalDraft(id or transaction_id(), of, entries)
    posted = take(book, reverse(book, asked, NOW, is_forced=is_forced))
    assert isinstance(posted, TransactionPosted)
    return posted.entries


def posted_cents(book: Book, path: str) -> int:
    """What is posted on the account, in cents, on its normal side."""
    return book.balance(path, "EUR").posted(book.account(path).type)


def available_cents(book: Book, path: str) -> int:
    """What is available on the account, in cents."""
    return book.available(book.account(path), "EUR")


def types_of(events: Sequence[Event]) -> list[str]:
    """What happened, by type."""
    return [event.type for event in events]
