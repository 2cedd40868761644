"""What was found in a file, as lines of JSON for a job: an asset, an account or a transaction on each, with its place.

{"place": "line 7", "asset": {"code": "POINTS", "scale": 0}}
{"place": "line 9", "account": {"path": "assets:bank", "type": "asset", "metadata": {}}}
{"place": "line 12", "transaction": {…}}                         as `POST …/transactions` takes it
"""

import json
from decimal import Decimal
from typing import Any, Final

from application.interchange.found import FoundAccount, FoundAsset, FoundTransaction
from application.ledger.open_account import OpenAccount
from application.ledger.ports import Command
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.shared.ports import Ids
from domain.ledger.account import AccountType
from domain.ledger.transaction import Direction, EntryDraft, TransactionDraft
from domain.shared.chain import format_time, parse_time

_DIRECTIONS: Final = {each.value: each for each in Direction}


def asset_line(found: FoundAsset) -> bytes:
    """Return the line that has an asset registered."""
    return _line(found.place, "asset", {"code": found.code, "scale": found.scale})


def account_line(found: FoundAccount) -> bytes:
    """Return the line that has an account opened; the chart gives its type where the file does not."""
    of_type = None if found.type is None else found.type.value
    return _line(found.place, "account", {"path": found.path, "type": of_type, "metadata": dict(found.metadata)})


def transaction_line(found: FoundTransaction) -> bytes:
    """Return the line that has a transaction posted."""
    document: dict[str, Any] = {
        "reference": found.reference,
        "effective_at": format_time(found.effective_at),
        "entries": [
            {
                "account": entry.account,
                "direction": (Direction.DEBIT if entry.amount > 0 else Direction.CREDIT).value,
                "amount": _digits(entry.amount),
                "asset": entry.asset,
            }
            for entry in found.entries
        ],
    }
    if found.description:
        document["description"] = found.description
    if found.metadata:
        document["metadata"] = dict(found.metadata)
    return _line(found.place, "transaction", document)


def place_of(document: Any) -> str:
    """Return where in the file that was found which a line is about."""
    return str(document["place"])


def command_of(document: Any, ids: Ids) -> Command:
    """Return the command that a line asks for, which was written here: whether it can be done, the books decide."""
    match document:
        case {"transaction": transaction}:
            return PostTransaction(_draft(transaction, ids.new("txn")))
        case {"account": account}:
            of_type = None if account["type"] is None else AccountType(account["type"])
            return OpenAccount(account["path"], of_type, account["metadata"])
        case {"asset": asset}:
            return RegisterAsset(asset["code"], asset["scale"])
    raise ValueError("a line is about an asset, an account or a transaction")


def _draft(document: Any, id: str) -> TransactionDraft:
    entries = [
        EntryDraft(each["account"], _DIRECTIONS[each["direction"]], each["amount"], each["asset"])
        for each in document["entries"]
    ]
    return TransactionDraft(
        id,
        tuple(entries),
        document["reference"],
        document.get("description", ""),
        parse_time(document["effective_at"]),
        document.get("metadata", {}),
    )


def _digits(amount: Decimal) -> str:
    """Return an amount without its sign and without zeros at its end: `1.500` EUR are not too many digits."""
    text = f"{amount.copy_abs():f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _line(place: str, what: str, document: Any) -> bytes:
    said = {"place": place, what: document}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
