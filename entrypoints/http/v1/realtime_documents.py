"""What the server tells over the WebSocket, message by message."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from entrypoints.http.v1.account_documents import BalanceDocument
from entrypoints.http.v1.events import EventDocument


class WelcomeDocument(TypedDict):
    """The first message. Hear nothing for longer than twice the heartbeat, and the connection is lost."""

    type: Literal["welcome"]
    protocol: Literal["partita.v1"]
    heartbeat_seconds: int


class SubscribedDocument(TypedDict):
    """A subscription has begun: what follows is of events after this sequence, or of balances as of it."""

    type: Literal["subscribed"]
    id: str
    sequence: int


class EventsMessageDocument(TypedDict):
    """Events in order. All those of the filter up to `through` are sent now; go on with `"after": through`.

    Without any `data`, at least every 15 seconds, it is a sign of life.
    """

    type: Literal["events"]
    id: str
    data: list[EventDocument]
    through: int


class AccountBalanceDocument(BalanceDocument):
    """What an account holds of an asset."""

    account: str


class BalancesMessageDocument(TypedDict):
    """Balances as they were after the event with this sequence: first all, and then those that changed."""

    type: Literal["balances"]
    id: str
    sequence: int
    data: list[AccountBalanceDocument]


class UnsubscribedDocument(TypedDict):
    """A subscription has ended as it was asked to."""

    type: Literal["unsubscribed"]
    id: str


class AuthenticatedDocument(TypedDict):
    """The newer credential holds from now on."""

    type: Literal["authenticated"]


class PongDocument(TypedDict):
    """The server is there."""

    type: Literal["pong"]


class ProblemMessageDocument(TypedDict):
    """With an `id`, this subscription was refused or has ended; without, a message was refused. The rest goes on."""

    type: Literal["problem"]
    id: NotRequired[str]
    problem: dict[str, Any]


class ClosingDocument(TypedDict):
    """The server closes, for this reason. `resume` has the sequence to go on after for each subscription to events."""

    type: Literal["closing"]
    problem: dict[str, Any]
    resume: dict[str, int]
