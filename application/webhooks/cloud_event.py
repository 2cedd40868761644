"""What receivers get: events in the form of CloudEvents 1.0, as one JSON object (structured mode)."""

import json
from datetime import datetime
from typing import Any, Final

from application.ledger.event_lines import event_line
from application.ledger.readers import StoredEvent
from application.webhooks.ports import SignedMessage
from domain.shared.chain import canonical_json, format_time
from domain.webhooks.secret import signature_header

CONTENT_TYPE: Final = "application/cloudevents+json"
_TYPE_PREFIX: Final = "partita."
# What an event is about, by the names of its facts.
_SUBJECTS: Final = ("id", "account", "code")


def message_of(stored: StoredEvent, ledger: str, url: str, secrets: tuple[bytes, ...], now: datetime) -> SignedMessage:
    """Return the message that tells of an event, signed with each of the secrets at this time (UTC).

    Its `data` are the very bytes that the events route gives. `sequence` is the extension of that name: as text, of one
    length, so that texts sort as numbers do.
    """
    event = json.loads(stored.content)
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event["id"],
        "source": f"/v1/ledgers/{ledger}",
        "type": _TYPE_PREFIX + event["type"],
        "time": event["recorded_at"],
        "datacontenttype": "application/json",
        "sequence": f"{stored.sequence:016d}",
    }
    subject = next((event["data"][name] for name in _SUBJECTS if name in event["data"]), None)
    if subject is not None:
        attributes["subject"] = subject
    body = b'%b,"data":%b}' % (canonical_json(attributes)[:-1], event_line(stored))
    return _signed(event["id"], body, url, secrets, now)


def ping_message(id: str, endpoint: str, url: str, secrets: tuple[bytes, ...], now: datetime) -> SignedMessage:
    """Return the message that tells of nothing but itself, for trying an endpoint out."""
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": f"/v1/webhooks/{endpoint}",
        "type": f"{_TYPE_PREFIX}ping",
        "time": format_time(now),
        "datacontenttype": "application/json",
        "data": {},
    }
    return _signed(id, canonical_json(attributes), url, secrets, now)


def _signed(id: str, body: bytes, url: str, secrets: tuple[bytes, ...], now: datetime) -> SignedMessage:
    seconds = int(now.timestamp())
    return SignedMessage(url, id, seconds, signature_header(secrets, id, seconds, body), body)
