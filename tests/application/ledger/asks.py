"""What callers may ask of a ledger: a small world, so that what they ask for meets; most of it can be done."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from adapters.memory.clock import START
from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.close_period import ClosePeriod, ReopenPeriod
from application.ledger.expire_holds import ExpireHolds
from application.ledger.freeze_account import FreezeAccount, UnfreezeAccount
from application.ledger.freeze_ledger import FreezeLedger, UnfreezeLedger
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from application.ledger.set_chart import RuleDraft, SetChart
from domain.ledger.account import AccountType
from domain.ledger.closing import ClosingDraft
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.limit import LimitDraft
from domain.ledger.posted import ReversalDraft
from domain.ledger.scope import Scope
from domain.ledger.transaction import (
    BalanceCondition,
    Direction,
    EntryDraft,
    TransactionDraft,
    TransferDraft,
)
from domain.shared.patterns import Pattern

Ask = tuple[Command, str | None]  # a command, and the name of its key

OPENED_BY_CHART = ["assets:bank", "Assets:till", "income:sales", "revenue", "expenses:é"]
PATHS = [*OPENED_BY_CHART, "users:1", "users:1:wallet", "shop:fees", "equity:result", "bad path"]
_BUSY = ["assets:bank", "users:1", "users:1", "income:sales", "expenses:é", "equity:result"]
CODES = ["EUR", "JPY", "POINTS", "XAU", "eur"]
PATTERNS = ["users:*", "users:**", "**:fees", "*", "assets:**", "shop:*:x"]
UNIVERSE = Scope(
    accounts=PATHS,
    balances=[(path, code) for path in PATHS for code in CODES],
    assets=CODES,
    asset_uses=CODES,
)

_TEXTS = st.sampled_from(["1", "", "ü'\"\\"])
_NAMES = st.sampled_from(["a", "b/c", "\U0001f600"])
_METADATA = st.dictionaries(_NAMES, _TEXTS, max_size=2)
_CHANGES = st.dictionaries(_NAMES, _TEXTS | st.none(), max_size=2)
_VERSIONS = st.sampled_from([None, None, 1, 2, 3])
_TYPES = st.sampled_from(AccountType)
_REFERENCES = st.sampled_from([None, None, None, "order-1", "order-2", "\U0001f600"])
_BAD_AMOUNTS = ["12.505", "0.1", "0", "-1", "1e3", "1" + "0" * 31]
# Days apart, so that periods may be closed in between; and one that is ahead until the clock has moved.
_EFFECTIVE = st.sampled_from(
    [*[None] * 9, *[START + timedelta(days=days) for days in (-3, -1, -3, -1)], START + timedelta(hours=2)]
)
_FAULTS = [None] * 6 + ["one dropped", "another asset", "another amount", "another account", "shuffled"]


@st.composite
def _drafts(draw: st.DrawFn) -> TransactionDraft:
    code = draw(st.sampled_from(["EUR", "EUR", "JPY", "POINTS"]))
    amounts = ["1", "3", "100", "1" + "0" * 28] if code != "EUR" else ["12.50", "12.5", "0.01", "3", "1" + "0" * 28]
    paths = st.sampled_from(OPENED_BY_CHART)
    entries: list[tuple[str, str, str, str]] = []
    for amount in draw(st.lists(st.sampled_from(amounts), min_size=1, max_size=3)):
        entries.append((draw(paths), "debit", amount, code))
        entries.append((draw(paths), "credit", amount, code))
    fault = draw(st.sampled_from(_FAULTS))
    path, side, amount, code = entries[-1]
    if fault == "one dropped":
        entries.pop()
    elif fault == "another asset":
        entries[-1] = (path, side, amount, draw(st.sampled_from(CODES)))
    elif fault == "another amount":
        entries[-1] = (path, side, draw(st.sampled_from(_BAD_AMOUNTS)), code)
    elif fault == "another account":
        entries[-1] = (draw(st.sampled_from(PATHS)), side, amount, code)
    elif fault == "shuffled":
        entries = draw(st.permutations(entries))
    return TransactionDraft(
        "an id to be drawn",
        tuple(EntryDraft(path, Direction(side), amount, code) for path, side, amount, code in entries),
        reference=draw(_REFERENCES),
        effective_at=draw(_EFFECTIVE),
        metadata=draw(_METADATA),
    )


# Amounts that every one of the assets here can have.
_BOUNDS = st.sampled_from([None, None, "0", "3", "-3", "100"])
_CONDITIONS = st.none() | st.builds(BalanceCondition, _BOUNDS, _BOUNDS, _BOUNDS, st.sampled_from([None, None, 0, 1, 2]))
_BASES = st.sampled_from([None, None, None, 1, 5, 20])


@st.composite
def _decided_by_the_books(draw: st.DrawFn) -> TransactionDraft:
    """A transaction that leaves amounts to the books, or depends on what is there."""
    code = draw(st.sampled_from(["EUR", "EUR", "JPY"]))
    paths, up_to = st.sampled_from([*OPENED_BY_CHART, "users:1"]), draw(st.sampled_from([None, None, "3", "100"]))
    words = draw(st.sampled_from([("all", "rest"), ("all", "rest"), ("3", "rest"), ("3", "3"), ("all", "3")]))
    sides = draw(st.sampled_from([("credit", "debit"), ("debit", "credit"), ("debit", "debit")]))
    entries = [
        EntryDraft(draw(paths), Direction(side), word, code, up_to if word == "all" else None, draw(_CONDITIONS))
        for word, side in zip(words, sides, strict=True)
    ]
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, 2)), EntryDraft(draw(paths), Direction.CREDIT, "1", code))
    return TransactionDraft("an id to be drawn", tuple(entries), draw(_REFERENCES), based_on=draw(_BASES))


@st.composite
def _transfers(draw: st.DrawFn) -> TransactionDraft:
    paths, amount = st.sampled_from(PATHS), draw(st.sampled_from(["all", "3", "100"]))
    up_to = draw(st.sampled_from([None, "3"])) if amount == "all" else None
    transfer = TransferDraft(draw(paths), draw(paths), amount, draw(st.sampled_from(["EUR", "JPY"])), up_to)
    return TransactionDraft("an id to be drawn", (), draw(_REFERENCES), transfer=transfer, based_on=draw(_BASES))


@st.composite
def _plain(draw: st.DrawFn) -> TransactionDraft:
    """A transaction with nothing wrong about it, if only the books allow it."""
    entries: list[EntryDraft] = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        debited, credited = draw(st.sampled_from(_BUSY)), draw(st.sampled_from(_BUSY))
        amount, code = (
            draw(st.sampled_from(["1", "3", "20", "100"])),
            draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY"])),
        )
        entries += [EntryDraft(debited, Direction.DEBIT, amount, code)]
        entries += [EntryDraft(credited, Direction.CREDIT, amount, code)]
    return TransactionDraft(
        "an id to be drawn", tuple(entries), draw(_REFERENCES), effective_at=draw(_EFFECTIVE), metadata=draw(_METADATA)
    )


_ANY_DRAFTS = _plain() | _plain() | _plain() | _plain() | _drafts() | _drafts() | _decided_by_the_books() | _transfers()
_POSTINGS = st.builds(PostTransaction, _ANY_DRAFTS)
_BULKS = st.builds(PostAtomically, st.lists(_ANY_DRAFTS, min_size=1, max_size=4).map(tuple))

# Holds and reversals. A number stands for one of those that there are; in the place of an account, for one of the sides
# that are left in the direction.
_WHICH = st.integers(0, 9).map(str)
_EXPIRIES = st.sampled_from([None, None, *[START + timedelta(hours=hours) for hours in (-1, 3, 7, 24)]])
_PART_AMOUNTS = st.sampled_from([*["1", "3", "20"] * 4, "2.5", "100", "0", "1e3"])
_FLAGS = st.sampled_from([False, False, True])


@st.composite
def _hold_drafts(draw: st.DrawFn) -> HoldDraft:
    asked = draw(_ANY_DRAFTS)
    return HoldDraft(
        "an id to be drawn",
        asked.entries,
        draw(_EXPIRIES),
        asked.reference,
        metadata=asked.metadata,
        transfer=asked.transfer,
        based_on=asked.based_on,
    )


@st.composite
def _parts(draw: st.DrawFn) -> tuple[EntryDraft, ...]:
    entries: list[EntryDraft] = []
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
        amount = draw(_PART_AMOUNTS)
        code = draw(st.sampled_from([*[""] * 12, "JPY", "eur"]))
        debited, credited = draw(_WHICH), draw(st.sampled_from([*["0", "0", "1"] * 4, "assets:bank"]))
        other = draw(st.sampled_from([amount] * 12 + ["3"]))
        entries.append(EntryDraft(debited, Direction.DEBIT, amount, code))
        entries.append(EntryDraft(credited, Direction.CREDIT, other, code))
    return tuple(entries)


_CAPTURES = st.builds(
    CaptureDraft, st.just("an id to be drawn"), _WHICH, _parts(), _FLAGS, _EFFECTIVE, _REFERENCES, metadata=_METADATA
)
_RELEASES = st.builds(ReleaseDraft, _WHICH)
_REVERSALS = st.builds(ReversalDraft, st.just("an id to be drawn"), _WHICH, _parts(), _FLAGS, _REFERENCES)
_HOLDING: st.SearchStrategy[Any] = st.one_of(
    *[st.builds(PlaceHold, _hold_drafts())] * 3,
    *[st.builds(CaptureHold, _CAPTURES)] * 4,
    st.builds(ReleaseHold, _RELEASES),
    st.builds(ResolveHolds, st.lists(_CAPTURES | _RELEASES, min_size=1, max_size=3).map(tuple)),
    *[st.builds(ReverseTransaction, _REVERSALS, _FLAGS)] * 3,
    st.builds(ReverseAtomically, st.lists(_REVERSALS, min_size=1, max_size=3).map(tuple), _FLAGS),
    st.just(ExpireHolds()),
)

# Limits that some amounts here break and others do not.
_LIMIT_BOUNDS = st.sampled_from([None, None, "0", "0", "3", "-3", "100", "-100", "0.5"])
_LIMITS = st.lists(
    st.builds(LimitDraft, st.sampled_from(["EUR", "EUR", "EUR", "JPY", "POINTS"]), _LIMIT_BOUNDS, _LIMIT_BOUNDS),
    max_size=2,
).map(tuple)
_SOME_LIMITS = st.just(()) | _LIMITS
_RULES = st.builds(RuleDraft, st.sampled_from(PATTERNS).map(Pattern), _TYPES, _SOME_LIMITS)
_ON_PATHS = st.sampled_from(PATHS)
_DIRECTIONS = st.frozensets(st.sampled_from(Direction), min_size=1)
_WHY = st.just("why")


@st.composite
def _closings(draw: st.DrawFn) -> ClosePeriod:
    day = (START + timedelta(days=draw(st.integers(-4, 1)))).date()
    result_to = draw(st.sampled_from([None, *["equity:result"] * 4, "assets:bank", "users:1", "bad path"]))
    return ClosePeriod(
        ClosingDraft("an id to be drawn", day, datetime(day.year, day.month, day.day, tzinfo=UTC), "", result_to)
    )


_OTHERS: st.SearchStrategy[Any] = st.one_of(
    st.builds(OpenAccount, _ON_PATHS, _TYPES | st.none(), _METADATA, _SOME_LIMITS),
    st.builds(ChangeAccount, _ON_PATHS, _VERSIONS, _CHANGES, st.none() | _LIMITS),
    st.builds(ChangeAccount, _ON_PATHS, st.none(), _CHANGES, _LIMITS),
    st.builds(ChangeTransaction, _WHICH, _VERSIONS, _CHANGES),
    st.builds(ChangeLedger, _VERSIONS, st.sampled_from([None, "Main", "Bücher"]), _CHANGES),
    st.builds(
        RegisterAsset, st.sampled_from(CODES), st.sampled_from([0, 2, 3, 31]), st.booleans(), st.none() | st.just(1)
    ),
    st.builds(SetChart, st.lists(_RULES, max_size=3).map(tuple), _VERSIONS),
    _closings(),
    st.builds(ReopenPeriod, _WHICH, _WHY),
)
# What keeps others from being done is seldom done, and soon undone.
_BARRING: st.SearchStrategy[Any] = st.one_of(
    st.builds(FreezeAccount, _ON_PATHS, _WHY, _DIRECTIONS),
    st.builds(UnfreezeAccount, _ON_PATHS, _WHY),
    st.builds(ArchiveAccount, _ON_PATHS, _VERSIONS, _WHY),
    st.builds(RestoreAccount, _ON_PATHS, _WHY),
    st.sampled_from(
        [FreezeLedger("why"), ArchiveLedger(None, "why"), ArchiveLedger(1, "why")]
        + [UnfreezeLedger("why"), RestoreLedger("why")] * 3
    ),
)
_KINDS: list[st.SearchStrategy[Any]] = [
    *[_POSTINGS] * 5,
    _BULKS,
    *[_HOLDING] * 6,
    *[_OTHERS] * 4,
    _BARRING,
]


# Composite, as the strategies in it are too many to be shown in a message.
@st.composite
def _commands(draw: st.DrawFn) -> Any:
    return draw(_KINDS[draw(st.integers(0, len(_KINDS) - 1))])


COMMANDS: st.SearchStrategy[Any] = _commands()
ASKS: st.SearchStrategy[Ask] = st.tuples(COMMANDS, st.sampled_from([None, None, None, None, "k1", "k2", "k3", "k4"]))


def _at(days: int, debited: str, credited: str, amount: str, code: str = "EUR") -> PostTransaction:
    entries = (
        EntryDraft(debited, Direction.DEBIT, amount, code),
        EntryDraft(credited, Direction.CREDIT, amount, code),
    )
    return PostTransaction(TransactionDraft("an id to be drawn", entries, effective_at=START + timedelta(days=days)))


def _reserving(debited: str, credited: str, amount: str, hours: int | None) -> PlaceHold:
    entries = (
        EntryDraft(debited, Direction.DEBIT, amount, "EUR"),
        EntryDraft(credited, Direction.CREDIT, amount, "EUR"),
    )
    return PlaceHold(HoldDraft("an id to be drawn", entries, None if hours is None else START + timedelta(hours=hours)))


# Books in use, so that what is asked for next can be done.
SCENE: list[Ask] = [
    (command, None)
    for command in (
        SetChart((RuleDraft(Pattern("users:*"), AccountType.LIABILITY, (LimitDraft("EUR", "0", "120"),)),)),
        _at(0, "assets:bank", "users:1", "60"),
        _at(-3, "assets:bank", "income:sales", "20"),
        _at(-1, "expenses:é", "assets:bank", "3"),
        _at(-1, "assets:bank", "income:sales", "100", "JPY"),
        _reserving("users:1", "income:sales", "20", None),
        _reserving("users:1", "assets:bank", "3", 3),
        OpenAccount("equity:result"),
    )
]
