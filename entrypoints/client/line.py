"""The connection to a server, which is made again whenever it breaks."""

import asyncio
import base64
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Final

from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from entrypoints.client.documents import Json, Refused, is_lasting, read_refusal

Token = str | Callable[[], Awaitable[str]]
"""An API key or an access token; or what returns one that is good now, and is asked again before that one expires."""

PROTOCOL: Final = Subprotocol("partita.v1")
# The longest wait before an attempt to connect again: at first, and after many. Each is a random part of it.
FIRST_WAIT_SECONDS: Final = 0.5
LAST_WAIT_SECONDS: Final = 30.0
# So long before a token expires, or half of what is left of it where that is less, the next one is asked for.
RENEWED_SECONDS: Final = 60.0
# A single event may have megabytes.
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
CLOSE_SECONDS: Final = 2.0

# After these the same would only happen again: what was sent is no message, or too big.
_LASTING_CLOSES: Final = frozenset({4400, 1009})
_log = logging.getLogger("partita.client")


class Feed:
    """What a subscription asks for, and what has come of it."""

    def __init__(self) -> None:
        self._has_come = asyncio.Event()
        self._end: Exception | None = None

    def request(self) -> Json:
        """Return what asks for it; for what is left of it, after a break."""
        raise NotImplementedError

    def take(self, message: Json) -> None:
        """Take a message of the server for this subscription."""
        raise NotImplementedError

    def end(self, why: Exception) -> None:
        """Have this raised where the subscription is read: `Refused`, or `RuntimeError` where the client was left."""
        self._end = why
        self._has_come.set()

    async def _wait(self) -> None:
        await self._has_come.wait()
        self._has_come.clear()
        if self._end is not None:
            raise self._end


class Line:
    """One connection for all subscriptions, for as long as the task of `start` runs."""

    def __init__(self, url: str, token: Token) -> None:
        self._url = url
        self._token = token
        self._numbers = count(1)
        self._feeds: dict[str, Feed] = {}
        self._connection: ClientConnection | None = None
        self._end: Exception | None = RuntimeError("The client was not entered: `async with Realtime(…)`.")
        self._problem: Json = {}

    def start(self) -> "asyncio.Task[None]":
        """Stay connected from now on, until the task is cancelled or the server refuses for good."""
        self._end = None
        return asyncio.create_task(self._keep(), name="realtime")

    async def open(self, feed: Feed) -> str:
        """Subscribe to the feed until `close`, and return the subscription's id.

        Raises `Refused` where the server has refused for good, and `RuntimeError` outside of `async with Realtime(…)`.
        """
        if self._end is not None:
            raise self._end
        id = str(next(self._numbers))
        self._feeds[id] = feed
        await self.send({"id": id, **feed.request()})
        return id

    async def close(self, id: str) -> None:
        """End the subscription."""
        if self._feeds.pop(id, None) is not None:
            await self.send({"type": "unsubscribe", "id": id})

    async def send(self, message: Json) -> None:
        """Send a message, if there is a connection: what it says is void without one."""
        if self._connection is not None:
            with suppress(ConnectionClosed):
                await self._connection.send(json.dumps(message))

    async def _keep(self) -> None:
        wait = FIRST_WAIT_SECONDS
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._connect()
                except Refused as refusal:
                    self._end = refusal
                    return
                except Exception as failure:
                    # What is broken now may work in a moment, and whoever follows a ledger is to go on then.
                    _log.warning("%s is connected to again after: %s", self._url, failure)
                # Who was connected for longer than the last wait comes back soon; who is sent away at once, later.
                wait = FIRST_WAIT_SECONDS if time.monotonic() - began > wait else min(wait * 2, LAST_WAIT_SECONDS)
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311  # waiting is no secret
        finally:
            self._end = self._end or RuntimeError("The client was left.")
            for feed in self._feeds.values():
                feed.end(self._end)

    async def _connect(self) -> None:
        """Be connected once. Raises `Refused` for what would happen again, and anything for what may not."""
        token = await self._new_token()
        headers = {"Authorization": f"Bearer {token}"}
        self._problem = {}
        try:
            async with connect(
                self._url,
                additional_headers=headers,
                subprotocols=[PROTOCOL],
                max_size=MESSAGE_BYTES_MAX,
                close_timeout=CLOSE_SECONDS,
            ) as connection:
                await self._use(connection, token)
        except InvalidStatus as answered:
            response = answered.response
            if is_lasting(response.status_code):
                raise read_refusal(response.status_code, _document(response.body)) from answered
            raise
        except ConnectionClosed as closed:
            code = 0 if closed.rcvd is None else closed.rcvd.code
            if code in _LASTING_CLOSES:
                raise read_refusal(code, self._problem) from closed
            raise

    async def _use(self, connection: ClientConnection, token: str) -> None:
        renewing = asyncio.create_task(self._renew(connection, token), name="realtime token")
        self._connection = connection
        try:
            for id, feed in list(self._feeds.items()):
                # Meanwhile it may have ended.
                if id in self._feeds:
                    await connection.send(json.dumps({"id": id, **feed.request()}))
            while True:
                self._take(json.loads(await connection.recv()))
        finally:
            self._connection = None
            renewing.cancel()

    def _take(self, message: Json) -> None:
        feed = self._feeds.get(message.get("id", ""))
        match message["type"]:
            case "subscribed" | "events" | "balances" if feed is not None:
                feed.take(message)
            case "problem":
                refusal = read_refusal(0, message["problem"])
                if not is_lasting(refusal.status):
                    raise ConnectionError(str(refusal))
                if feed is None:
                    _log.warning("%s refused a message: %s", self._url, refusal)
                else:
                    del self._feeds[message["id"]]
                    feed.end(refusal)
            case "closing":
                self._problem = message["problem"]

    async def _renew(self, connection: ClientConnection, token: str) -> None:
        """Show a new token before the last one expires, so that the connection need not be made again."""
        while not isinstance(self._token, str) and (expires_at := expiry(token)) is not None:
            left = expires_at - time.time()
            await asyncio.sleep(max(left - RENEWED_SECONDS, left / 2, 1))
            try:
                token = await self._token()
                await connection.send(json.dumps({"type": "authenticate", "token": token}))
            except ConnectionClosed:
                return
            except Exception as failure:
                _log.warning("there is no new token for %s: %s", self._url, failure)

    async def _new_token(self) -> str:
        return self._token if isinstance(self._token, str) else await self._token()


def expiry(token: str) -> float | None:
    """Return when an access token expires, in seconds since 1970; None for a token that does not say so."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _document(body: bytes | bytearray | None) -> Json:
    try:
        document = json.loads(body or b"")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
