"""Events, as files for other programs are written from them, and comments for what has no place there."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from application.ledger.readers import StoredEvent
from domain.ledger.asset import Asset
from domain.ledger.events import AssetRegistered, LedgerCreated
from domain.shared.chain import ChainBroken, parse_time

Document = Mapping[str, Any]

# What ledger reads of a line are 4,096 bytes, and a character has up to four.
_COMMENT_LENGTH: Final = 900


def documents(events: Sequence[StoredEvent]) -> Iterator[Document]:
    """Yield what events say. Raises `ChainBroken` for one that cannot be read."""
    for event in events:
        try:
            document = json.loads(event.content)
        except (ValueError, RecursionError) as error:
            raise ChainBroken(event.sequence, f"the event cannot be read: {error!r}") from error
        yield document


def as_json(value: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def comment(document: Document, data: Any = None) -> str:
    """Return an event, or what of it has no place in a format, as comment lines: `; 17 <time> hold.placed {…}`.

    They stand by themselves at the beginning of lines, where no program looks for tags and dates in them. What is too
    long for one line goes on, in the middle of a word, on lines that begin with `;+`.
    """
    said = as_json(document["data"] if data is None else data)
    text = f" {document['sequence']} {document['recorded_at']} {document['type']} {said}"
    if len(text) <= _COMMENT_LENGTH:
        return f";{text}\n"
    parts = [text[first : first + _COMMENT_LENGTH] for first in range(0, len(text), _COMMENT_LENGTH)]
    return f";{f'{chr(10)};+'.join(parts)}\n"


class LedgerFacts:
    """What a ledger's events have told so far that others are written by: its time zone, its assets, its last day."""

    def __init__(self) -> None:
        self.name = ""
        self.assets: dict[str, Asset] = {}
        self.last_day = ""
        self.head: StoredEvent | None = None
        self._zone: ZoneInfo | None = None

    def learn(self, document: Document) -> None:
        """Take in what the creation of a ledger, or an asset that is registered, says."""
        data = document["data"]
        match document["type"]:
            case LedgerCreated.type:
                self.name = data["name"]
                self._zone = None if data["time_zone"] == "UTC" else ZoneInfo(data["time_zone"])
            case AssetRegistered.type:
                self.assets[data["code"]] = Asset(data["code"], data["scale"])

    def day(self, effective_at: str) -> str:
        """Return the day in the ledger's time zone that a time of an event lies in; the latest one is kept."""
        day = effective_at[:10] if self._zone is None else _day(effective_at[:19], self._zone)
        if day > self.last_day:
            self.last_day = day
        return day

    def ending(self) -> str:
        """Return the comment that says up to where the file goes."""
        if self.head is None:
            return ""
        return f"; This was the ledger after the event of sequence {self.head.sequence}, hash {self.head.hash.hex()}.\n"


@lru_cache(maxsize=4_096)
def _day(second: str, zone: ZoneInfo) -> str:
    moment = parse_time(f"{second}Z")
    try:
        return moment.astimezone(zone).date().isoformat()
    except OverflowError:  # on the first or the last day that there is
        return datetime.isoformat(moment)[:10]
