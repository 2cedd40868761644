"""What is sent to webhooks is what others take for CloudEvents 1.0: by the specification, and by their own library."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, ValidationError

from application.ledger.readers import StoredEvent
from application.webhooks.cloud_event import CONTENT_TYPE, message_of, ping_message
from domain.ledger.events import EVENT_TYPES, Event
from domain.shared.chain import ZERO_HASH, Author, Head, record
from tests import strategies
from tests.entrypoints.http.tenant import Json, Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewWebhook
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Receiver

SCHEMA = json.loads(Path(__file__).with_name("cloudevents.schema.json").read_text())
VALIDATOR = Draft7Validator(SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER)
GOOD: Json = {"specversion": "1.0", "id": "evt_1", "source": "/v1/ledgers/main", "type": "partita.ping"}


def read_as_others_do(headers: dict[str, str], body: bytes) -> tuple[dict[str, Any], Any]:
    """The attributes and the data that the library of CloudEvents finds in a request."""
    VALIDATOR.validate(json.loads(body))
    event = from_structured(HTTPMessage(headers, body), JSONFormat())
    return event.get_attributes(), event.get_data()


@settings(max_examples=100)
@given(strategies.EVENTS, strategies.TIMES, st.integers(0, 2**53 - 2))
def test_every_event_is_a_cloud_event(event: Event, time: datetime, before: int) -> None:
    recorded = record(event, Head(before, ZERO_HASH), id="evt_1", author=Author("key_1", "req_1"), recorded_at=time)
    stored = StoredEvent(recorded.sequence, recorded.content, recorded.previous_hash, recorded.hash, time)
    message = message_of(stored, "main", "https://example.com", (b"secret",), datetime(2026, 1, 1, tzinfo=UTC))
    attributes, data = read_as_others_do({"content-type": CONTENT_TYPE}, message.body)
    assert event.type in EVENT_TYPES
    assert (attributes["type"], attributes["source"]) == (f"partita.{event.type}", "/v1/ledgers/main")
    assert (attributes["id"], attributes["time"]) == ("evt_1", time)
    assert int(attributes["sequence"]) == before + 1
    assert data["type"] == event.type


def test_a_ping_is_a_cloud_event() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    message = ping_message("evt_1", "whk_1", "https://example.com", (b"secret",), now)
    attributes, data = read_as_others_do({"content-type": CONTENT_TYPE}, message.body)
    assert (attributes["type"], attributes["source"], attributes["time"]) == ("partita.ping", "/v1/webhooks/whk_1", now)
    assert data == {}


async def test_what_a_receiver_gets_is_a_cloud_event(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook()
    await tenant.posted(sale())
    await dispatching.run()
    document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/test"))
    read = [read_as_others_do(got.headers, got.body) for got in there.got]
    assert sorted(attributes["type"] for attributes, _ in read) == [
        "partita.account.opened",
        "partita.account.opened",
        "partita.asset.registered",
        "partita.ping",
        "partita.transaction.posted",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"id": 1},
        {"source": "no reference of a URI"},
        {"type": None},
        {"time": "yesterday"},
        {"time": "2026-01-01T00:00:00"},
        {"subject": ""},
        {"datacontenttype": "json"},
        {"Sequence": "1"},
        {"previous_hash": "00"},
        {"sequence": 2**31},
        {"sequence": {"number": 1}},
        {"data": {}, "data_base64": "e30="},
    ],
)
def test_what_is_none_is_found_out(wrong: Json) -> None:
    VALIDATOR.validate(GOOD)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(GOOD | wrong)
