"""What clients send over the WebSocket."""

from typing import Annotated, Literal

from pydantic import Field

from entrypoints.schemas.forms import Form

SubscriptionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class SubscribeToEvents(Form):
    """Subscribe to the events of a ledger."""

    type: Literal["subscribe"]
    id: SubscriptionId
    channel: Literal["events"]
    ledger: str
    after: Annotated[int, Field(ge=0)] | None = None
    event_types: list[str] | None = None
    account: str | None = None
    acknowledge: Annotated[int, Field(ge=1, le=5_000)] | None = None


class SubscribeToBalances(Form):
    """Subscribe to the balances of accounts."""

    type: Literal["subscribe"]
    id: SubscriptionId
    channel: Literal["balances"]
    ledger: str
    accounts: Annotated[list[str], Field(min_length=1, max_length=100)]


class Unsubscribe(Form):
    """End a subscription."""

    type: Literal["unsubscribe"]
    id: SubscriptionId


class Acknowledge(Form):
    """All events of a subscription up to here are dealt with."""

    type: Literal["acknowledge"]
    id: SubscriptionId
    sequence: Annotated[int, Field(ge=0)]


class AuthenticateAgain(Form):
    """Show a newer credential."""

    type: Literal["authenticate"]
    token: str


class Ping(Form):
    """Ask whether the server is there."""

    type: Literal["ping"]
