"""One WebSocket connection: what its client asks for."""

import asyncio
from contextlib import ExitStack
from typing import Any, Final

from starlette.types import Receive, Send

from application.ledger.balance_watch import read_balances, watched_balances
from application.ledger.followers import EventFilter
from application.ledger.ports import LedgerAddress
from application.ledger.relay import HEARTBEAT_SECONDS
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, NotAuthenticated, ValidationFailed
from domain.shared.paths import checked_path
from domain.shared.patterns import Pattern
from entrypoints.http.problems import refusal_of
from entrypoints.http.realtime.client import Client
from entrypoints.http.realtime.leaving import Leave, ReaderTooSlow, ServerStops
from entrypoints.http.realtime.outgoing import Outgoing
from entrypoints.http.realtime.subscriptions import BalanceSubscription, EventSubscription, Subscription
from entrypoints.http.v1.events import checked_event_types
from entrypoints.http.v1.realtime_documents import CloseCode
from entrypoints.schemas.json_text import MalformedJson, parse_json
from entrypoints.schemas.realtime import (
    Acknowledge,
    ClientMessage,
    Ping,
    Reauthenticate,
    SubscribeToBalances,
    SubscribeToEvents,
    Unsubscribe,
    read_message,
)

PROTOCOL: Final = "partita.v1"
SUBSCRIPTIONS_MAX: Final = 100


class Connection:
    """Reads what the client sends, and does it; what comes of that, goes out by itself."""

    def __init__(self, client: Client, receive: Receive, send: Send) -> None:
        self._client = client
        self._receive = receive
        self._outgoing = Outgoing(client, send)
        self._leaving: asyncio.Future[Leave] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Serve the client, which was accepted, until one of both ends it."""
        await self._outgoing.tell(
            {"type": "welcome", "protocol": PROTOCOL, "heartbeat_seconds": int(HEARTBEAT_SECONDS)}
        )
        writing = asyncio.create_task(self._outgoing.write(), name="realtime")
        reading = asyncio.create_task(self._read(), name="realtime")
        try:
            await asyncio.wait((writing, reading, self._leaving), return_when=asyncio.FIRST_COMPLETED)
            leave = self._why(reading, writing)
        finally:
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            self._outgoing.close()
        if leave is not None:
            await self._outgoing.take_leave(leave)

    def end(self) -> None:
        """Have the client go elsewhere, as the server stops."""
        self._leave(CloseCode.STOPPING, ServerStops("The server stops. Connect again, and go on where this ended."))

    def look(self, now: float) -> None:
        """Do what is due by now: let a client go that does not read, ask who it is, have signs of life sent."""
        if not self._outgoing.look(now):
            self._leave(CloseCode.TOO_SLOW, ReaderTooSlow("What was sent was not read for 20 seconds."))

    def _leave(self, code: CloseCode, refusal: DomainError) -> None:
        if not self._leaving.done():
            self._leaving.set_result(Leave(code, refusal))

    def _why(self, reading: "asyncio.Task[None]", writing: "asyncio.Task[None]") -> Leave | None:
        """Return why to close the connection, or None where the client has gone."""
        if self._leaving.done():
            return self._leaving.result()
        for task in (writing, reading):
            failure = task.exception() if task.done() else None
            if isinstance(failure, Leave):
                return failure
            if isinstance(failure, OSError):  # the client has gone, in the middle of a message
                return None
            if failure is not None:
                return Leave(CloseCode.FAULT, refusal_of(failure, self._client.request_id))
        return None

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise Leave(CloseCode.NO_MESSAGE, ValidationFailed("Messages are text, and this one was binary."))
            document: Any = None
            try:
                document = parse_json(text.encode())
                await self._do(read_message(document))
            except MalformedJson as refusal:
                raise Leave(CloseCode.NO_MESSAGE, refusal) from refusal
            except NotAuthenticated as refusal:
                self._client.log_refusal(refusal, "a message of a WebSocket", "")
                raise Leave(CloseCode.NOT_AUTHENTICATED, refusal) from refusal
            except (DomainError, StoreUnavailable) as failure:
                await self._refuse_message(document, failure)

    async def _refuse_message(self, document: Any, failure: Exception) -> None:
        asked = document if isinstance(document, dict) else {}
        name, ledger = (each if isinstance(each, str) else None for each in (asked.get("id"), asked.get("ledger")))
        if isinstance(failure, DomainError):
            self._client.log_refusal(failure, "a message of a WebSocket", ledger or "")
        await self._outgoing.refuse(name, failure)

    async def _do(self, message: ClientMessage) -> None:
        match message:
            case SubscribeToEvents():
                await self._subscribe_to_events(message)
            case SubscribeToBalances():
                await self._subscribe_to_balances(message)
            case Unsubscribe(id=name):
                self._outgoing.end(name, self._subscribed(name))
                await self._outgoing.tell({"type": "unsubscribed", "id": name})
            case Acknowledge(id=name, sequence=sequence):
                self._subscribed(name).acknowledge(sequence)
            case Reauthenticate(token=token):
                await self._reauthenticate(token)
            case Ping():
                await self._outgoing.tell({"type": "pong"})

    async def _subscribe_to_events(self, message: SubscribeToEvents) -> None:
        self._require_room(message.id)
        pattern = None if message.account is None else Pattern(message.account)
        wanted = EventFilter(checked_event_types(message.event_types), pattern)
        relay = self._client.services.relay
        principal = await self._client.count()
        head = await relay.head(principal, message.ledger)
        after = head if message.after is None else message.after
        ledger, name = LedgerAddress(principal.organisation_id, message.ledger), message.id
        place, call = ExitStack(), lambda: self._outgoing.call(name)
        following = place.enter_context(relay.joined(ledger, head, after=after, wanted=wanted, call=call))
        subscription = EventSubscription(name, message.ledger, following, place, call, message.acknowledge)
        self._outgoing.begin(name, subscription, resumes_after=after)
        await self._say_subscribed(name, after)

    async def _subscribe_to_balances(self, message: SubscribeToBalances) -> None:
        self._require_room(message.id)
        services, name = self._client.services, message.id
        accounts = frozenset(checked_path(path, f"/accounts/{at}") for at, path in enumerate(message.accounts))
        principal = await self._client.count()
        first = await read_balances(services.ledgers, principal, message.ledger, accounts)
        ledger = LedgerAddress(principal.organisation_id, message.ledger)
        place, call = ExitStack(), lambda: self._outgoing.call(name)
        watch = place.enter_context(watched_balances(services.relay, services.ledgers, ledger, accounts, first, call))
        self._outgoing.begin(name, BalanceSubscription(name, watch, place))
        await self._say_subscribed(name, first.sequence)

    async def _say_subscribed(self, name: str, sequence: int) -> None:
        await self._outgoing.tell({"type": "subscribed", "id": name, "sequence": sequence})
        self._outgoing.call(name)

    def _require_room(self, name: str) -> None:
        if name in self._outgoing.subscriptions:
            raise ValidationFailed(
                f"There is a subscription {name} already. Unsubscribe it first, or name this another."
            )
        if len(self._outgoing.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise ValidationFailed(f"A connection has {SUBSCRIPTIONS_MAX} subscriptions at most. Open another one.")

    def _subscribed(self, name: str) -> Subscription:
        if name not in self._outgoing.subscriptions:
            raise ValidationFailed(f"There is no subscription {name}.")
        return self._outgoing.subscriptions[name]

    async def _reauthenticate(self, token: str) -> None:
        await self._client.show(token)
        await self._outgoing.tell({"type": "authenticated"})
