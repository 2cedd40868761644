"""Random books, as the events of a ledger, with all that names and texts may be; and their balances."""

import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.events import (
    AccountOpened,
    AssetRegistered,
    Event,
    HoldPlaced,
    HoldReleased,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.transaction import Direction, Entry
from tests.strategies import METADATA, NAMES, TEXTS

_EXACTLY = Context(prec=100)
_SEGMENTS = st.text(st.sampled_from("aZ0_.-Üß中٣"), min_size=1, max_size=4).filter(lambda text: text.strip("."))
PATHS = st.lists(_SEGMENTS | st.sampled_from(["assets", "Income", "users"]), min_size=1, max_size=3).map(":".join)
CODES = st.from_regex(r"[A-Z0-9][A-Z0-9._-]{0,31}", fullmatch=True)
# Years in which ledger and beancount keep books, too.
TIMES = st.integers(-98_000, 43_000).map(lambda days: datetime(1970, 1, 1, 5, tzinfo=UTC) + timedelta(days=days))
# Texts as they are, and such as mean something to programs that keep books.
_ODD = st.text(st.sampled_from(string.punctuation + " \n\tab1"), max_size=12) | st.sampled_from(
    ["(code)", "* done", "! now", "; date:2020-99-99", "[2020-01-01]", "a  ; b:c", ":tag:", "x:: 1/0", "=2020-01-01"]
)
_TEXTS = TEXTS | _ODD
_METADATA = METADATA | st.dictionaries(
    st.sampled_from(["date", "Payee", "UUID", "type", "id", "key", "Größe", "a:", "lineno"]), _TEXTS, max_size=3
)
# What is added up has at most 28 digits, with which beancount counts.
_AMOUNTS = st.integers(1, 10**26)


@st.composite
def _books(draw: st.DrawFn) -> list[Event]:
    zone = draw(st.sampled_from(["UTC", "America/New_York", "Pacific/Auckland"]))
    assets = [
        Asset(code, draw(st.integers(0, 12))) for code in draw(st.lists(CODES, min_size=1, max_size=3, unique=True))
    ]
    paths = draw(st.lists(PATHS, min_size=2, max_size=5, unique=True))
    events: list[Event] = [LedgerCreated("Books", zone, draw(METADATA))]
    events += [AssetRegistered(asset.code, asset.scale) for asset in assets]
    for path in paths:
        events.append(AccountOpened(path, draw(st.sampled_from(AccountType)), draw(_METADATA)))
    for number in range(draw(st.integers(0, 4))):
        entries: list[Entry] = []
        for asset in draw(st.lists(st.sampled_from(assets), min_size=1, max_size=2, unique=True)):
            first, second = draw(st.tuples(*[st.sampled_from(paths)] * 2))
            amount = draw(_AMOUNTS)
            entries += [Entry(first, Direction.DEBIT, amount, asset), Entry(second, Direction.CREDIT, amount, asset)]
        id, reference = f"txn_{number}", draw(st.none() | NAMES)
        at, description, metadata = draw(TIMES), draw(_TEXTS), draw(_METADATA)
        events.append(TransactionPosted(id, tuple(entries), at, reference, description, metadata=metadata))
        if draw(st.booleans()):
            events.append(TransactionChanged(id, draw(METADATA)))
            events.append(HoldPlaced(f"hold_{number}", tuple(entries), None, None, draw(_TEXTS), draw(METADATA)))
            events.append(HoldReleased(f"hold_{number}", draw(_TEXTS)))
    return events


BOOKS = _books()


def balances_of(events: Sequence[Event]) -> dict[tuple[str, str], Decimal]:
    """What the transactions add up to by account and asset, debit-positive; nothing of zero."""
    minor: dict[tuple[str, Asset], int] = {}
    for event in events:
        for entry in event.entries if isinstance(event, TransactionPosted) else ():
            key = (entry.account, entry.asset)
            minor[key] = minor.get(key, 0) + (entry.amount if entry.direction is Direction.DEBIT else -entry.amount)
    return {
        (path, asset.code): Decimal(total).scaleb(-asset.scale, _EXACTLY)
        for (path, asset), total in minor.items()
        if total
    }
