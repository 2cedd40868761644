"""A ledger as a journal, which hledger and ledger read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from application.interchange.event_documents import Document, LedgerFacts, comment, documents
from application.interchange.export_ledger import LedgerFormat
from application.ledger.readers import StoredEvent
from application.ledger.report_reader import AccountBalance
from domain.ledger.asset import Asset, format_amount
from domain.ledger.events import AccountOpened, AssetRegistered, TransactionPosted
from domain.ledger.transaction import TransactionKind

_TYPES: Final = {"asset": "A", "liability": "L", "equity": "E", "income": "R", "expense": "X"}

# Where both programs read a text as it is, it is written as it is. In a comment, `[` may begin a date, and `,` ends a
# tag.
_DESCRIPTION: Final = re.compile(r"(?:[^ ;(*!](?:[^;]{0,498}[^ ;])?)?")
_CODE: Final = re.compile(r"[^ ;()](?:[^;()]{0,253}[^ ;()])?")
_TAG: Final = re.compile(r"[^\W\d_][\w-]{0,63}")
_VALUE: Final = re.compile(r"[^ ,\[](?:[^,\[]{0,498}[^ ,\[])?")
# Tags that are ours, and those that the programs take for more than a note.
_TAKEN: Final = frozenset(
    (
        *("id", "sequence", "effective_at", "recorded_at", "kind", "hold", "final", "reverses", "opened_at"),
        *("balances", "type", "date", "date2", "payee", "value", "uuid"),
    )
)
_NO_DESCRIPTION: Final = re.compile(r";|[^ -~\w]")


class HledgerJournal(LedgerFormat):
    """Writes a journal: directives and transactions in the order of the log, and its balances at the end."""

    def __init__(self) -> None:
        self._facts = LedgerFacts()

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
        lines = [
            f'    {each.path}  0 "{asset.code}" = {format_amount(each.debit_balance, asset.scale)} "{asset.code}"\n'
            for each in balances
            if each.debit_balance is not None
        ]
        if not lines or self._facts.head is None:
            return b""
        first = f"\n{self._facts.last_day} Balances\n    ; balances: {self._facts.head.sequence}\n"
        return (first + "".join(lines)).encode()

    def end(self) -> bytes:
        """Return the comment that says up to where the file goes."""
        return f"\n{self._facts.ending()}".encode()

    def _event(self, document: Document) -> str:
        match document["type"]:
            case TransactionPosted.type:
                return self._transaction(document)
            case AccountOpened.type:
                return _account(document)
            case AssetRegistered.type:
                is_new = document["data"]["code"] not in self._facts.assets
                self._facts.learn(document)
                directive = f'commodity "{document["data"]["code"]}"\n' if is_new else ""
                return f"\n{comment(document)}{directive}"
            case _:
                self._facts.learn(document)
                return f"\n{comment(document)}"

    def _transaction(self, document: Document) -> str:
        data = document["data"]
        left: dict[str, Any] = {}
        description, reference, effective_at = data["description"], data["reference"], data["effective_at"]
        shown = description
        if not (description.isprintable() and _DESCRIPTION.fullmatch(description)):
            left["description"] = description
            shown = " ".join(_NO_DESCRIPTION.sub(" ", description).split()).lstrip(" (*!")[:500]
        code = ""
        if reference is not None:
            if reference.isprintable() and _CODE.fullmatch(reference):
                code = f" ({reference})"
            else:
                left["reference"] = reference
        tags = (
            f"\n    ; id: {data['id']}\n    ; sequence: {document['sequence']}\n    ; effective_at: {effective_at}"
            f"\n    ; recorded_at: {document['recorded_at']}"
        )
        if data["kind"] != TransactionKind.ORDINARY.value:
            tags += f"\n    ; kind: {data['kind']}"
        if "hold" in data:
            tags += f"\n    ; hold: {data['hold']}\n    ; final: {'true' if data['final'] else 'false'}"
        if "reverses" in data:
            tags += f"\n    ; reverses: {data['reverses']}"
        if data["metadata"]:
            tags += _tags(data["metadata"], left)
        postings = [
            f'\n    {each["account"]}  {"" if each["direction"] == "debit" else "-"}{each["amount"]} "{each["asset"]}"'
            for each in data["entries"]
        ]
        day = self._facts.day(effective_at)
        header = f"{day}{code} {shown}" if shown else f"{day}{code}"
        return f"\n{comment(document, left) if left else ''}{header}{tags}{''.join(postings)}\n"


def _account(document: Document) -> str:
    data = document["data"]
    left = {name: value for name, value in data.items() if name not in ("account", "type", "metadata")}
    tags = _tags(data["metadata"], left)
    said = comment(document, {"account": data["account"], **left}) if left else ""
    return (
        f"\n{said}account {data['account']}\n    ; type: {_TYPES[data['type']]}\n    ; sequence: {document['sequence']}"
        f"\n    ; opened_at: {document['recorded_at']}{tags}\n"
    )


def _tags(metadata: Mapping[str, str], left: dict[str, Any]) -> str:
    """Return metadata as tags; what cannot be one is put into `left`."""
    tags: list[str] = []
    others: dict[str, str] = {}
    for key, value in metadata.items():
        is_tag = key.lower() not in _TAKEN and _TAG.fullmatch(key) and value.isprintable() and _VALUE.fullmatch(value)
        if is_tag:
            tags.append(f"\n    ; {key}: {value}")
        else:
            others[key] = value
    if others:
        left["metadata"] = others
    return "".join(tags)
