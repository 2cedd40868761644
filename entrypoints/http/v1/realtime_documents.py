"""What the server tells over the WebSocket, message by message."""

from enum import IntEnum
from typing import Any, Literal, NotRequired, Self

from typing_extensions import TypedDict

from entrypoints.http.v1.account_documents import BalanceDocument
from entrypoints.http.v1.events import EventDocument


class CloseCode(IntEnum):
    """Why the server closes a connection, as RFC 6455 has it, and from 4400 on as this protocol does."""

    meaning: str
    advice: str

    def __new__(cls, code: int, meaning: str, advice: str) -> Self:
        """Return the code, with what it means, and what the client is to do."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        made.advice = advice
        return made

    STOPPING = 1001, "the server stops", "connect again at once, to the same address"
    # The library that reads the frames says this by itself.
    TOO_LARGE = 1009, "a message was larger than 64 KiB", "send smaller ones"
    FAULT = 1011, "a fault of the server", "connect again, with growing waits"
    NO_MESSAGE = 4400, "what was sent is no message of the protocol", "mend the client"
    NOT_AUTHENTICATED = 4401, "the credential was revoked, or has expired", "connect with a good one"
    TOO_SLOW = (
        4408,
        "the reader is too slow: too much was waiting",
        "connect again, after `resume`; or acknowledge",
    )


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
