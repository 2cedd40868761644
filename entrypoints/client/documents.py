"""What the server tells, as a program in Python has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a ledger, as `GET /v1/ledgers/{ledger}/events` has it; amounts in `data` are texts in major units."""

    sequence: int
    type: str
    id: str
    recorded_at: datetime
    actor: str
    request_id: str
    data: Mapping[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of an asset, in major units, on the account's normal side.

    `available` is what is posted, less what open holds may take.
    """

    account: str
    asset: str
    posted: Decimal
    available: Decimal
    posted_debits: Decimal
    posted_credits: Decimal
    held_debits: Decimal
    held_credits: Decimal
    balance_version: int


@dataclass(frozen=True, slots=True)
class Balances:
    """Balances that are new, all of them as they were after the event with this sequence."""

    sequence: int
    changed: tuple[Balance, ...]


class Refused(Exception):
    """The server refuses, and would again: who asks may not, or what is asked for is not there or makes no sense.

    `status`, `code` and `detail` are those of the server's problem; the code is empty where another program answered.
    Where the server closed the connection without a problem, the status is the close code of the WebSocket, 4400 or
    1009: what was sent is no message of the protocol, or too large. That is a fault of the client.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({status}{code and f' {code}'})")
        self.status = status
        self.code = code
        self.detail = detail


def read_event(document: Json) -> Event:
    """Return the event that a document of the server is; fields that a newer server adds are left out."""
    return Event(
        sequence=document["sequence"],
        type=document["type"],
        id=document["id"],
        recorded_at=datetime.fromisoformat(document["recorded_at"]),
        actor=document["actor"],
        request_id=document["request_id"],
        data=document["data"],
        previous_hash=document["previous_hash"],
        hash=document["hash"],
    )


def read_balance(document: Json) -> Balance:
    """Return the balance that a document of the server is."""
    return Balance(
        account=document["account"],
        asset=document["asset"],
        posted=Decimal(document["posted"]),
        available=Decimal(document["available"]),
        posted_debits=Decimal(document["posted_debits"]),
        posted_credits=Decimal(document["posted_credits"]),
        held_debits=Decimal(document["held_debits"]),
        held_credits=Decimal(document["held_credits"]),
        balance_version=document["balance_version"],
    )


def read_refusal(status: int, problem: Json) -> Refused:
    """Return the refusal that a problem (RFC 9457) tells of; `status` is for one that does not say it."""
    return Refused(problem.get("status", status), problem.get("code", ""), problem.get("detail", "The server refuses."))


def is_lasting(status: int) -> bool:
    """Return whether a refusal with this status would come again, however long one waits."""
    return 400 <= status < 500 and status not in (408, 425, 429)
