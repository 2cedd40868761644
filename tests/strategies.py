"""Hypothesis strategies for what the rules allow; shared by tests of several rings."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.asset import AMOUNT_MAX, SCALE_MAX, Asset
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    AttachmentAdded,
    AttachmentRemoved,
    ChartSet,
    Event,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    LedgerArchived,
    LedgerChanged,
    LedgerCreated,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.limit import Limit
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.patterns import Pattern

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

_BOUNDS = st.none() | st.integers(-AMOUNT_MAX, AMOUNT_MAX)
LIMITS = st.lists(st.builds(Limit, ASSETS, _BOUNDS, _BOUNDS), max_size=3, unique_by=lambda limit: limit.asset.code).map(
    tuple
)
# The limits of all rules are in assets of one scale for each code, too.
_RULES = LIMITS.flatmap(
    lambda limits: st.lists(st.builds(Rule, PATTERNS, TYPES, st.sampled_from([(), limits])), max_size=4).map(tuple)
)
_DIRECTIONS = st.frozensets(st.sampled_from(Direction), min_size=1)
# A transaction captures from a hold, or reverses another, or does neither.
_LINKS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"hold": NAMES, "is_final": st.booleans()}),
    st.fixed_dictionaries({"reverses": NAMES}),
)

_BEFORE = st.none() | st.fixed_dictionaries({"metadata": METADATA.map(dict)})
_SUBJECTS = st.builds(Subject, st.sampled_from(SubjectKind), NAMES)
_DIGESTS = st.binary(min_size=32, max_size=32)
_ATTACHMENTS = st.builds(
    Attachment, NAMES, _SUBJECTS, NAMES, NAMES, st.integers(0, 2**40), _DIGESTS, is_removed=st.just(False)
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(LedgerCreated, NAMES, st.just("UTC"), METADATA),
    st.builds(LedgerChanged, NAMES, METADATA, _BEFORE),
    *(st.builds(kind, TEXTS) for kind in (LedgerFrozen, LedgerUnfrozen, LedgerArchived, LedgerRestored)),
    st.builds(AssetRegistered, CODES, st.integers(0, SCALE_MAX)),
    st.builds(ChartSet, _RULES),
    st.builds(PeriodClosed, NAMES, st.none() | st.dates(), st.none() | TIMES, st.dates(), TIMES, TEXTS),
    st.builds(PeriodReopened, NAMES, TEXTS),
    st.builds(AccountOpened, PATHS, TYPES, METADATA, LIMITS),
    st.builds(AccountChanged, PATHS, METADATA, LIMITS, _BEFORE),
    *(st.builds(kind, PATHS, _DIRECTIONS, TEXTS) for kind in (AccountFrozen, AccountUnfrozen)),
    *(st.builds(kind, PATHS, TEXTS) for kind in (AccountArchived, AccountRestored)),
    _LINKS.flatmap(
        lambda links: st.builds(
            TransactionPosted,
            id=NAMES,
            entries=CONSISTENT_ENTRIES,
            effective_at=TIMES,
            reference=st.none() | NAMES,
            description=TEXTS,
            kind=st.sampled_from(TransactionKind),
            metadata=METADATA,
            **{name: st.just(value) for name, value in links.items()},
        )
    ),
    st.builds(TransactionChanged, NAMES, METADATA, _BEFORE),
    st.builds(HoldPlaced, NAMES, CONSISTENT_ENTRIES, st.none() | TIMES, st.none() | NAMES, TEXTS, METADATA),
    st.builds(HoldReleased, NAMES, TEXTS),
    st.builds(HoldExpired, NAMES),
    st.builds(AttachmentAdded, _ATTACHMENTS),
    st.builds(AttachmentRemoved, NAMES, _SUBJECTS, _DIGESTS, TEXTS),
)
