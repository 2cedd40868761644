"""The chain: how an event becomes bytes, and how each event is tied to the one before it.

Rule 3 of the ledger: `hash = SHA-256(previous hash ‖ bytes of the event)`. The bytes are the canonical JSON of
RFC 8785 of every field except the two hashes; the first event follows 32 zero bytes. Ledgers and organisations keep
their events in the same way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Generic, Protocol, TypeVar

ZERO_HASH: Final = bytes(32)
BEGINNING_OF_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)

_by_code_point = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_as_it_is = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Fact(Protocol):
    """What any event of any stream can say of itself."""

    @property
    def type(self) -> str:
        """Return its `<noun>.<past verb>`."""
        ...

    def data(self) -> dict[str, Any]:
        """Return its facts as a JSON object."""
        ...


FactType = TypeVar("FactType", bound=Fact)


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of a stream: its sequence (0 in an empty one), its hash, and when it was recorded (UTC)."""

    sequence: int = 0
    hash: bytes = ZERO_HASH
    recorded_at: datetime = BEGINNING_OF_TIME


@dataclass(frozen=True, slots=True)
class Recorded(Generic[FactType]):
    """An event in its place in a chain."""

    sequence: int
    id: str
    recorded_at: datetime
    event: FactType
    content: bytes
    previous_hash: bytes
    hash: bytes

    @property
    def head(self) -> Head:
        """Return the head that this event is."""
        return Head(self.sequence, self.hash, self.recorded_at)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the credential that it showed, by its outward id, its IP address and its user agent.

    Without a credential, it is of someone who is only about to log in. It is kept beside the log, where it can be
    erased, and never in an event.
    """

    credential: str = ""
    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who caused an event, and in which request; `origin` is where that came from, if anyone is to know."""

    actor: str
    request_id: str
    origin: Origin | None = None


class ChainBroken(Exception):
    """A log is not what was written: the first sequence that is wrong, and why. For whoever verifies, no refusal."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(f"sequence {sequence}: {reason}")
        self.sequence = sequence
        self.reason = reason


@lru_cache(maxsize=4_096)  # a group's events share their time
def format_time(moment: datetime) -> str:
    """Return a UTC time as events and answers write it: `2026-11-24T10:00:00.000000Z`."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def parse_time(text: str) -> datetime:
    """Return the UTC time that `format_time` wrote."""
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Return the RFC 8785 form of a JSON object of texts, booleans, nulls, lists, objects and integers below 2^53."""
    text = _by_code_point.encode(document)
    if text.isascii():
        return text.encode()
    # Only beyond ASCII can the order of code points and that of UTF-16 code units, which the RFC asks for, differ.
    return _as_it_is.encode(_in_utf16_order(document)).encode()


def _in_utf16_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _in_utf16_order(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_in_utf16_order(item) for item in value]
    return value


def record(event: FactType, head: Head, *, id: str, author: Author, recorded_at: datetime) -> Recorded[FactType]:
    """Return `event` as the successor of `head`; `id` (`evt_…`) was drawn for it, `recorded_at` is UTC."""
    sequence = head.sequence + 1
    content = canonical_json(
        {
            "actor": author.actor,
            "data": event.data(),
            "id": id,
            "recorded_at": format_time(recorded_at),
            "request_id": author.request_id,
            "sequence": sequence,
            "type": event.type,
        }
    )
    return Recorded(sequence, id, recorded_at, event, content, head.hash, sha256(head.hash + content).digest())


def follow(head: Head, content: bytes, hash: bytes, recorded_in_row: datetime | None = None) -> Head:
    """Return the head after a stored event, once it is shown to be the successor of `head`; else `ChainBroken`.

    `recorded_in_row` is what is stored beside the event, where anything is: servers take a log's time from there.
    """
    sequence = head.sequence + 1
    if sha256(head.hash + content).digest() != hash:
        raise ChainBroken(sequence, "the hash is not that of the previous hash and the event's bytes")
    try:
        document = json.loads(content)
        recorded_at = parse_time(document["recorded_at"])
        stated = document["sequence"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ChainBroken(sequence, f"the event cannot be read: {error!r}") from error
    if stated != sequence:
        raise ChainBroken(sequence, f"the event says that its sequence is {stated}")
    if recorded_in_row is not None and recorded_in_row != recorded_at:
        raise ChainBroken(sequence, f"its row says that it was recorded at {recorded_in_row}, and the event does not")
    if recorded_at < head.recorded_at:
        raise ChainBroken(sequence, "the event was recorded before the one it follows")
    return Head(sequence, hash, recorded_at)
