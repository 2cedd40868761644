"""Hypothesis strategies for what the rules allow; shared by tests of several rings."""

from datetime import UTC

from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.asset import AMOUNT_MAX, SCALE_MAX, Asset
from domain.ledger.chart import Pattern, Rule
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    Event,
    LedgerChanged,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.transaction import Direction, Entry

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
NAMES = TEXTS.filter(lambda text: bool(text.strip()) and text.isprintable())
METADATA = st.dictionaries(NAMES, TEXTS, max_size=3)
PATHS = st.lists(st.sampled_from(["assets", "users", "42", "w.x", "Ü", "中"]), min_size=1, max_size=4).map(":".join)
CODES = st.from_regex(r"[A-Z0-9][A-Z0-9._-]{0,31}", fullmatch=True)
TIMES = st.datetimes(timezones=st.just(UTC))
TYPES = st.sampled_from(AccountType)
ASSETS = st.builds(Asset, CODES, st.integers(0, SCALE_MAX))
PATTERNS = (
    st.lists(st.sampled_from(["users", "*", "**", "a.b"]), min_size=1, max_size=4)
    .filter(lambda segments: segments.count("**") <= 2)
    .map(lambda segments: Pattern(":".join(segments)))
)
ENTRIES = st.builds(Entry, PATHS, st.sampled_from(Direction), st.integers(1, AMOUNT_MAX), ASSETS)
# One scale for each code, as in a ledger.
CONSISTENT_ENTRIES = st.lists(ENTRIES, min_size=2, max_size=6, unique_by=lambda entry: entry.asset.code).map(tuple)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(LedgerCreated, NAMES, st.just("UTC"), METADATA),
    st.builds(LedgerChanged, NAMES, METADATA),
    st.builds(AssetRegistered, CODES, st.integers(0, SCALE_MAX)),
    st.builds(ChartSet, st.lists(st.builds(Rule, PATTERNS, TYPES), max_size=4).map(tuple)),
    st.builds(AccountOpened, PATHS, TYPES, METADATA),
    st.builds(AccountChanged, PATHS, METADATA),
    st.builds(
        TransactionPosted,
        id=NAMES,
        entries=CONSISTENT_ENTRIES,
        effective_at=TIMES,
        reference=st.none() | NAMES,
        description=TEXTS,
        metadata=METADATA,
    ),
    st.builds(TransactionChanged, NAMES, METADATA),
)
