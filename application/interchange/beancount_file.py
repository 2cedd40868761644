"""A ledger as a file that beancount reads."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from application.interchange.beancount_names import AccountNames, asset_name
from application.interchange.event_documents import Document, LedgerFacts, comment, documents
from application.interchange.export_ledger import LedgerFormat
from application.ledger.readers import StoredEvent
from application.ledger.report_reader import AccountBalance
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset, format_amount
from domain.ledger.events import AccountOpened, AssetRegistered, LedgerCreated, TransactionPosted
from domain.ledger.transaction import TransactionKind

# Beancount knows no day before this one. An account may have entries from before it was opened here.
_FIRST_DAY: Final = "1700-01-01"
# It counts with so many digits.
_DIGITS_MAX: Final = 28
_KEY: Final = re.compile(r"[a-z][a-zA-Z0-9_-]+")
# Keys that are ours, and those that beancount keeps for itself.
_TAKEN: Final = frozenset(
    (
        *("id", "sequence", "effective_at", "recorded_at", "reference", "kind", "hold", "final", "reverses"),
        *("path", "opened_at", "filename", "lineno"),
    )
)
_ESCAPED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})


class BeancountFile(LedgerFormat):
    """Writes directives in the order of the log, and `balance` assertions at the end.

    It keeps the names of all accounts in memory, about 300 bytes for each, and the sums of those that have others below
    them: beancount counts these as one.
    """

    def __init__(self) -> None:
        self._facts = LedgerFacts()
        self._names = AccountNames()
        self._asset_names: dict[str, str] = {}
        self._sums: dict[tuple[str, str], int] = {}

    @property
    def proved_assets(self) -> Sequence[Asset]:
        """Return all assets."""
        return list(self._facts.assets.values())

    def events(self, events: Sequence[StoredEvent]) -> bytes:
        """Return directives, and comments for what there is no directive for."""
        self._facts.head = events[-1]
        return "".join(map(self._event, documents(events))).encode()

    def balances(self, asset: Asset, balances: Sequence[AccountBalance]) -> bytes:
        """Return assertions."""
        lines: list[str] = []
        for each in balances:
            if each.debit_balance is None:
                continue
            name = self._names.of(each.path)
            for parent in self._names.above(name):
                key = (parent, asset.code)
                self._sums[key] = self._sums.get(key, 0) + each.debit_balance
            if not self._names.has_others_below(name):
                lines.append(self._assertion(name, each.debit_balance, asset))
        return "".join(lines).encode()

    def end(self) -> bytes:
        """Return the comment that says up to where the file goes."""
        sums = [self._assertion(name, total, self._facts.assets[code]) for (name, code), total in self._sums.items()]
        return f"{''.join(sums)}\n{self._facts.ending()}".encode()

    def _assertion(self, name: str, minor: int, asset: Asset) -> str:
        # A day's assertions come before what happens on it.
        day = date.fromisoformat(max(self._facts.last_day, _FIRST_DAY)) + timedelta(days=1)
        stated = f"{day} balance {name}  {format_amount(minor, asset.scale)} ~ 0 {self._asset_names[asset.code]}\n"
        return f"; {stated}" if len(str(abs(minor))) > _DIGITS_MAX else stated

    def _event(self, document: Document) -> str:
        match document["type"]:
            case TransactionPosted.type:
                return self._transaction(document)
            case AccountOpened.type:
                return self._account(document)
            case AssetRegistered.type:
                return self._asset(document)
            case LedgerCreated.type:
                self._facts.learn(document)
                return f'{comment(document)}option "title" {_text(self._facts.name)}\n'
            case _:
                return f"\n{comment(document)}"

    def _asset(self, document: Document) -> str:
        code = document["data"]["code"]
        self._facts.learn(document)
        said = f"\n{comment(document)}"
        if code in self._asset_names:
            return said
        name = self._asset_names[code] = asset_name(code, document["sequence"])
        return f"{said}{_FIRST_DAY} commodity {name}\n  code: {_text(code)}\n"

    def _account(self, document: Document) -> str:
        data = document["data"]
        left = {name: value for name, value in data.items() if name not in ("account", "type", "metadata")}
        name = self._names.add(data["account"], AccountType(data["type"]))
        keys = _keys(data["metadata"], left)
        said = comment(document, {"account": data["account"], **left}) if left else ""
        return (
            f"\n{said}{_FIRST_DAY} open {name}\n  path: {_text(data['account'])}\n  sequence: {document['sequence']}\n"
            f'  opened_at: "{document["recorded_at"]}"\n{keys}'
        )

    def _transaction(self, document: Document) -> str:
        data = document["data"]
        left: dict[str, Any] = {}
        day = max(self._facts.day(data["effective_at"]), _FIRST_DAY)
        keys = (
            f'{day} * {_text(data["description"])}\n  id: "{data["id"]}"\n  sequence: {document["sequence"]}\n'
            f'  effective_at: "{data["effective_at"]}"\n  recorded_at: "{document["recorded_at"]}"\n'
        )
        if data["reference"] is not None:
            keys += f"  reference: {_text(data['reference'])}\n"
        if data["kind"] != TransactionKind.ORDINARY.value:
            keys += f'  kind: "{data["kind"]}"\n'
        if "hold" in data:
            keys += f'  hold: "{data["hold"]}"\n  final: {"TRUE" if data["final"] else "FALSE"}\n'
        if "reverses" in data:
            keys += f'  reverses: "{data["reverses"]}"\n'
        if data["metadata"]:
            keys += _keys(data["metadata"], left)
        names, assets = self._names, self._asset_names
        postings = [
            f"  {names.of(each['account'])}  {'' if each['direction'] == 'debit' else '-'}{each['amount']} "
            f"{assets[each['asset']]}\n"
            for each in data["entries"]
        ]
        return f"\n{comment(document, left) if left else ''}{keys}{''.join(postings)}"


def _text(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'


def _keys(metadata: Mapping[str, str], left: dict[str, Any]) -> str:
    """Return metadata as beancount's; what cannot be a key there is put into `left`."""
    keys: list[str] = []
    others: dict[str, str] = {}
    for key, value in metadata.items():
        if key not in _TAKEN and _KEY.fullmatch(key):
            keys.append(f"  {key}: {_text(value)}\n")
        else:
            others[key] = value
    if others:
        left["metadata"] = others
    return "".join(keys)
