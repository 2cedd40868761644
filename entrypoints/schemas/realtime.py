"""What clients of the realtime interface send: one JSON object a message."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from application.ledger.followers import WAITING_EVENTS_MAX
from domain.shared.errors import ValidationFailed
from entrypoints.schemas.forms import SEQUENCE_MAX, Form, read_form

WATCHED_ACCOUNTS_MAX: Final = 100
_WHAT: Final = "The message"

SubscriptionId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The client's own name for the subscription.")
]
Ledger = Annotated[str, Field(max_length=255, description="The slug of the ledger.")]


class SubscribeToEvents(Form):
    """Follow the events of a ledger: those after a sequence, or from now on."""

    type: Literal["subscribe"]
    id: SubscriptionId
    channel: Literal["events"]
    ledger: Ledger
    after: Annotated[
        int | None, Field(ge=0, le=SEQUENCE_MAX, description="The sequence of the last event that you have.")
    ] = None
    event_types: Annotated[list[str], Field(max_length=100, description="Only events of these types.")] = []  # noqa: RUF012 # pydantic copies it
    account: Annotated[
        str | None, Field(max_length=1_000, description="A path or a pattern: only events that name such an account.")
    ] = None
    acknowledge: Annotated[
        int | None,
        Field(ge=1, le=WAITING_EVENTS_MAX, description="So many events are sent before one has to be acknowledged."),
    ] = None


class SubscribeToBalances(Form):
    """Watch the balances of accounts: as they are now, and whenever they change."""

    type: Literal["subscribe"]
    id: SubscriptionId
    channel: Literal["balances"]
    ledger: Ledger
    accounts: Annotated[
        list[Annotated[str, Field(max_length=255)]],
        Field(min_length=1, max_length=WATCHED_ACCOUNTS_MAX, description="Paths of accounts."),
    ]


class Unsubscribe(Form):
    """End a subscription."""

    type: Literal["unsubscribe"]
    id: SubscriptionId


class Acknowledge(Form):
    """Tell that all events up to a sequence are dealt with."""

    type: Literal["acknowledge"]
    id: SubscriptionId
    sequence: Annotated[int, Field(ge=0, le=SEQUENCE_MAX)]


class Reauthenticate(Form):
    """Show a newer credential of the same organisation, before the old one expires."""

    type: Literal["authenticate"]
    token: Annotated[str, Field(min_length=1, max_length=8_192)]


class Ping(Form):
    """Ask for a sign of life."""

    type: Literal["ping"]


ClientMessage = SubscribeToEvents | SubscribeToBalances | Unsubscribe | Acknowledge | Reauthenticate | Ping

CLIENT_MESSAGES: Final[dict[str, type[ClientMessage]]] = {
    "subscribeToEvents": SubscribeToEvents,
    "subscribeToBalances": SubscribeToBalances,
    "unsubscribe": Unsubscribe,
    "acknowledge": Acknowledge,
    "authenticate": Reauthenticate,
    "ping": Ping,
}
"""What clients send, by the names of operations in the description."""


def read_message(document: Any) -> ClientMessage:
    """Return the message that a JSON value is. Raises `ValidationFailed`."""
    if not isinstance(document, dict):
        raise ValidationFailed(f"{_WHAT} is no JSON object.")
    name = document.get("type")
    if name == "subscribe":
        name = f"subscribeTo{str(document.get('channel')).capitalize()}"
    known = CLIENT_MESSAGES.get(name) if isinstance(name, str) else None
    if known is None:
        raise ValidationFailed(
            f"{_WHAT} is of no known type. Types are: subscribe (with channel events or balances), unsubscribe, "
            "acknowledge, authenticate, ping."
        )
    return read_form(known, document, what=_WHAT)
