"""What callers may ask of a ledger: a small world, so that what they ask for meets; most of it can be done."""

from typing import Any

from hypothesis import strategies as st

from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.open_account import OpenAccount
from application.ledger.ports import Command
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.set_chart import SetChart
from domain.ledger.account import AccountType
from domain.ledger.chart import Pattern, Rule
from domain.ledger.scope import Scope
from domain.ledger.transaction import (
    BalanceCondition,
    Direction,
    EntryDraft,
    TransactionDraft,
    TransferDraft,
)

Ask = tuple[Command, str | None]  # a command, and the name of its key

OPENED_BY_CHART = ["assets:bank", "Assets:till", "income:sales", "revenue", "expenses:é"]
PATHS = [*OPENED_BY_CHART, "users:1", "users:1:wallet", "shop:fees", "bad path"]
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


_ANY_DRAFTS = _drafts() | _drafts() | _decided_by_the_books() | _transfers()
_POSTINGS = st.builds(PostTransaction, _ANY_DRAFTS)
_BULKS = st.builds(PostAtomically, st.lists(_ANY_DRAFTS, min_size=1, max_size=4).map(tuple))
_RULES = st.builds(Rule, st.sampled_from(PATTERNS).map(Pattern), _TYPES)
_OTHERS: st.SearchStrategy[Any] = st.one_of(
    st.builds(OpenAccount, st.sampled_from(PATHS), _TYPES | st.none(), _METADATA),
    st.builds(ChangeAccount, st.sampled_from(PATHS), _VERSIONS, _CHANGES),
    # The number stands for one of the transactions that there are.
    st.builds(ChangeTransaction, st.integers(0, 9).map(str), _VERSIONS, _CHANGES),
    st.builds(ChangeLedger, _VERSIONS, st.sampled_from([None, "Main", "Bücher"]), _CHANGES),
    st.builds(
        RegisterAsset, st.sampled_from(CODES), st.sampled_from([0, 2, 3, 31]), st.booleans(), st.none() | st.just(1)
    ),
    st.builds(SetChart, st.lists(_RULES, max_size=3).map(tuple), _VERSIONS),
)
COMMANDS: st.SearchStrategy[Any] = st.sampled_from([_POSTINGS] * 5 + [_BULKS] + [_OTHERS] * 3).flatmap(
    lambda strategy: strategy
)
ASKS: st.SearchStrategy[Ask] = st.tuples(COMMANDS, st.sampled_from([None, None, None, None, "k1", "k2", "k3", "k4"]))
