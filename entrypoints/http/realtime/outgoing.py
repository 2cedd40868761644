"""What one WebSocket connection sends: answers, and what its subscriptions have to tell."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import orjson
from starlette.types import Send

from application.ledger.following import FellBehind
from application.ledger.relay import CERTAIN_SECONDS, CHECK_SECONDS
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, NotAuthenticated, PermissionDenied
from entrypoints.http.problems import problem_document, refusal_of
from entrypoints.http.realtime.client import Client
from entrypoints.http.realtime.leaving import Leave
from entrypoints.http.realtime.subscriptions import Subscription
from entrypoints.http.v1.realtime_documents import CloseCode

# A client that takes nothing for so long is let go; how long it then has to read why.
SEND_SECONDS_MAX: Final = 20.0
FAREWELL_SECONDS: Final = 2.0


class Outgoing:
    """Writes what is asked for, and what subscriptions have to tell, in turn: the one that waits longest first."""

    def __init__(self, client: Client, send: Send) -> None:
        self._client = client
        self._send = send
        self.subscriptions: dict[str, Subscription] = {}
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

    def begin(self, name: str, subscription: Subscription, *, resumes_after: int | None = None) -> None:
        """Take up a subscription; where it can be gone on with, it was sent up to this sequence."""
        self.subscriptions[name] = subscription
        if resumes_after is not None:
            self._sent[name] = resumes_after

    def end(self, name: str, subscription: Subscription) -> None:
        """Send nothing more of a subscription."""
        subscription.close()
        self.subscriptions.pop(name, None)
        self._sent.pop(name, None)

    def close(self) -> None:
        """Send nothing more of any."""
        for subscription in self.subscriptions.values():
            subscription.close()
        self.subscriptions.clear()

    def call(self, name: str) -> None:
        """Say that a subscription may have something to tell."""
        self._ready[name] = None
        self._called.set()

    def look(self, now: float) -> bool:
        """Have signs of life sent that are due, and who it is asked; return whether the client still reads."""
        if self._sending_since is not None:
            return now < self._sending_since + SEND_SECONDS_MAX
        for name, subscription in self.subscriptions.items():
            if name in self._put_off or subscription.is_due(now):
                self.call(name)
        self._put_off.clear()
        if not self._client.principal.is_certain(CHECK_SECONDS):
            self._called.set()
        return True

    async def write(self) -> None:
        """Write what subscriptions have to tell, until the client is to leave. Raises `Leave`."""
        while True:
            await self._called.wait()
            self._called.clear()
            # Where the store is away, nothing is sent meanwhile: that takes knowing who it is even better.
            with suppress(StoreUnavailable):
                await self._know_who(CHECK_SECONDS)
            while self._ready:
                name = next(iter(self._ready))
                del self._ready[name]
                subscription = self.subscriptions.get(name)
                if subscription is not None and await self._write_next(name, subscription):
                    self._ready[name] = None

    async def refuse(self, name: str | None, failure: Exception) -> None:
        """Tell that something was refused, of that subscription if it was of one."""
        problem = problem_document(refusal_of(failure, self._client.request_id), self._client.request_id)
        of = {} if name is None else {"id": name[:64]}
        await self.tell({"type": "problem", **of, "problem": problem})

    async def tell(self, document: dict[str, Any]) -> None:
        """Send a message, after those that were decided on before."""
        async with self._turn:
            await self._send_text(orjson.dumps(document).decode())

    async def take_leave(self, leave: Leave) -> None:
        """Say why and where to go on, and close, as far as the client still reads."""
        problem = problem_document(leave.refusal, self._client.request_id)
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.tell({"type": "closing", "problem": problem, "resume": self._sent})
                await self._send({"type": "websocket.close", "code": int(leave.code), "reason": leave.refusal.code})
        except (TimeoutError, OSError):
            return

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
            if self.subscriptions.get(name) is subscription:
                self.end(name, subscription)
                await self.refuse(name, refusal)
            return False
        if message is None:
            return False
        async with self._turn:
            # It may have been ended since, and another may have its name.
            if self.subscriptions.get(name) is not subscription:
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

    async def _send_text(self, text: str) -> None:
        self._sending_since = asyncio.get_running_loop().time()
        await self._send({"type": "websocket.send", "text": text})
        self._sending_since = None
