"""One WebSocket connection: what its client asks for, and what it is sent."""

import asyncio
from contextlib import ExitStack, suppress
from typing import Any, Final

import orjson
from starlette.types import Receive, Send

from application.ledger.balance_watch import read_balances, watched_balances
from application.ledger.followers import EventFilter
from application.ledger.following import FellBehind
from application.ledger.ports import LedgerAddress
from application.ledger.relay import CERTAIN_SECONDS, CHECK_SECONDS, HEARTBEAT_SECONDS
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, NotAuthenticated, PermissionDenied, ValidationFailed
from domain.shared.paths import checked_path
from domain.shared.patterns import Pattern
from entrypoints.http.problems import problem_document, refusal_of
from entrypoints.http.realtime.client import Client
from entrypoints.http.realtime.leaving import Leave, ReaderTooSlow, ServerStops
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
# A client that takes nothing for so long is let go; how long it then has to read why.
SEND_SECONDS_MAX: Final = 20.0
FAREWELL_SECONDS: Final = 2.0


class Connection:
    """Reads what the client sends, and writes what its subscriptions have to tell, in turn."""

    def __init__(self, client: Client, receive: Receive, send: Send) -> None:
        self._client = client
        self._receive = receive
        self._send = send
        self._subscriptions: dict[str, Subscription] = {}
        # Up to which sequence each was sent: what the client reads last is where it goes on.
        self._sent: dict[str, int] = {}
        # Those that may have something to tell, the one that waits longest first.
        self._ready: dict[str, None] = {}
        # Those that could not be told of, as the store was away.
        self._put_off: dict[str, None] = {}
        self._called = asyncio.Event()
        # One message at a time, in the order in which they were decided on: answers and events come from two tasks.
        self._turn = asyncio.Lock()
        self._sending_since: float | None = None
        self._leaving: asyncio.Future[Leave] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Serve the client, which was accepted, until one of both ends it."""
        await self._tell({"type": "welcome", "protocol": PROTOCOL, "heartbeat_seconds": int(HEARTBEAT_SECONDS)})
        writing = asyncio.create_task(self._write(), name="realtime")
        reading = asyncio.create_task(self._read(), name="realtime")
        try:
            await asyncio.wait((writing, reading, self._leaving), return_when=asyncio.FIRST_COMPLETED)
            leave = self._why(reading, writing)
        finally:
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            for subscription in self._subscriptions.values():
                subscription.close()
            self._subscriptions.clear()
        if leave is not None:
            await self._take_leave(leave)

    def end(self) -> None:
        """Have the client go elsewhere, as the server stops."""
        self._leave(CloseCode.STOPPING, ServerStops("The server stops. Connect again, and go on where this ended."))

    def look(self, now: float) -> None:
        """Do what is due by now: let a client go that does not read, ask who it is, have signs of life sent."""
        if self._sending_since is not None:
            if now >= self._sending_since + SEND_SECONDS_MAX:
                self._leave(CloseCode.TOO_SLOW, ReaderTooSlow("What was sent was not read for 20 seconds."))
            return
        for name, subscription in self._subscriptions.items():
            if name in self._put_off or subscription.is_due(now):
                self._call(name)
        self._put_off.clear()
        if not self._client.principal.is_certain(CHECK_SECONDS):
            self._called.set()

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

    async def _take_leave(self, leave: Leave) -> None:
        """Say why and where to go on, and close, as far as the client still reads."""
        problem = problem_document(leave.refusal, self._client.request_id)
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._tell({"type": "closing", "problem": problem, "resume": self._sent})
                await self._send({"type": "websocket.close", "code": int(leave.code), "reason": leave.refusal.code})
        except (TimeoutError, OSError):
            return

    # What the client sends.

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
        await self._refuse(name, failure)

    async def _do(self, message: ClientMessage) -> None:
        match message:
            case SubscribeToEvents():
                await self._subscribe_to_events(message)
            case SubscribeToBalances():
                await self._subscribe_to_balances(message)
            case Unsubscribe(id=name):
                self._end(name, self._subscribed(name))
                await self._tell({"type": "unsubscribed", "id": name})
            case Acknowledge(id=name, sequence=sequence):
                self._subscribed(name).acknowledge(sequence)
            case Reauthenticate(token=token):
                await self._reauthenticate(token)
            case Ping():
                await self._tell({"type": "pong"})

    async def _subscribe_to_events(self, message: SubscribeToEvents) -> None:
        self._require_room(message.id)
        pattern = None if message.account is None else Pattern(message.account)
        wanted = EventFilter(checked_event_types(message.event_types), pattern)
        relay = self._client.services.relay
        principal = await self._client.count()
        head = await relay.head(principal, message.ledger)
        after = head if message.after is None else message.after
        ledger, name = LedgerAddress(principal.organisation_id, message.ledger), message.id
        place, call = ExitStack(), lambda: self._call(name)
        following = place.enter_context(relay.joined(ledger, head, after=after, wanted=wanted, call=call))
        subscription = EventSubscription(name, message.ledger, following, place, call, message.acknowledge)
        self._sent[name] = after
        await self._begin(name, subscription, after)

    async def _subscribe_to_balances(self, message: SubscribeToBalances) -> None:
        self._require_room(message.id)
        services, name = self._client.services, message.id
        accounts = frozenset(checked_path(path, f"/accounts/{at}") for at, path in enumerate(message.accounts))
        principal = await self._client.count()
        first = await read_balances(services.ledgers, principal, message.ledger, accounts)
        ledger = LedgerAddress(principal.organisation_id, message.ledger)
        place, call = ExitStack(), lambda: self._call(name)
        watch = place.enter_context(watched_balances(services.relay, services.ledgers, ledger, accounts, first, call))
        await self._begin(name, BalanceSubscription(name, watch, place), first.sequence)

    async def _begin(self, name: str, subscription: Subscription, sequence: int) -> None:
        self._subscriptions[name] = subscription
        await self._tell({"type": "subscribed", "id": name, "sequence": sequence})
        self._call(name)

    def _end(self, name: str, subscription: Subscription) -> None:
        subscription.close()
        self._subscriptions.pop(name, None)
        self._sent.pop(name, None)

    def _require_room(self, name: str) -> None:
        if name in self._subscriptions:
            raise ValidationFailed(
                f"There is a subscription {name} already. Unsubscribe it first, or name this another."
            )
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise ValidationFailed(f"A connection has {SUBSCRIPTIONS_MAX} subscriptions at most. Open another one.")

    def _subscribed(self, name: str) -> Subscription:
        if name not in self._subscriptions:
            raise ValidationFailed(f"There is no subscription {name}.")
        return self._subscriptions[name]

    async def _reauthenticate(self, token: str) -> None:
        await self._client.show(token)
        await self._tell({"type": "authenticated"})

    # What the client is sent.

    def _call(self, name: str) -> None:
        self._ready[name] = None
        self._called.set()

    async def _write(self) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            # Where the store is away, nothing is sent meanwhile: that takes knowing who it is even better.
            with suppress(StoreUnavailable):
                await self._know_who(CHECK_SECONDS)
            while self._ready:
                name = next(iter(self._ready))
                del self._ready[name]
                subscription = self._subscriptions.get(name)
                if subscription is not None and await self._write_next(name, subscription):
                    self._ready[name] = None

    async def _write_next(self, name: str, subscription: Subscription) -> bool:
        """Send the subscription's next message; return whether there may be another one."""
        try:
            await self._know_who(CERTAIN_SECONDS)
            message = await subscription.message(self._client.principal.last)
        except FellBehind as refusal:
            raise Leave(CloseCode.TOO_SLOW, refusal) from refusal
        except StoreUnavailable:
            self._put_off[name] = None
            return False
        except DomainError as refusal:
            # Meanwhile there may be another one of the same name.
            if self._subscriptions.get(name) is subscription:
                self._end(name, subscription)
                await self._refuse(name, refusal)
            return False
        if message is None:
            return False
        async with self._turn:
            # It may have been ended since, and another may have its name.
            if self._subscriptions.get(name) is not subscription:
                return False
            await self._send_text(message.text)
            if message.through is not None and name in self._sent:
                self._sent[name] = message.through
        return True

    async def _know_who(self, seconds: float) -> None:
        try:
            await self._client.principal.now(seconds)
        except (NotAuthenticated, PermissionDenied) as refusal:
            raise Leave(CloseCode.NOT_AUTHENTICATED, refusal) from refusal

    async def _refuse(self, name: str | None, failure: Exception) -> None:
        problem = problem_document(refusal_of(failure, self._client.request_id), self._client.request_id)
        of = {} if name is None else {"id": name[:64]}
        await self._tell({"type": "problem", **of, "problem": problem})

    async def _tell(self, document: dict[str, Any]) -> None:
        async with self._turn:
            await self._send_text(orjson.dumps(document).decode())

    async def _send_text(self, text: str) -> None:
        self._sending_since = asyncio.get_running_loop().time()
        await self._send({"type": "websocket.send", "text": text})
        self._sending_since = None
