"""What a program uses: a server, and the ledgers that it follows there."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

from entrypoints.client.documents import Json
from entrypoints.client.line import Line, Token
from entrypoints.client.subscriptions import BalanceSubscription, EventSubscription

_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


class Realtime:
    """Follows ledgers over one connection, which it makes again whenever it breaks.

    `url` is that of the server, with its prefix if it has one: `https://ledger.example`. A `token` that is a function
    may raise `Refused` to end all subscriptions; anything else that it raises is logged, and it is asked again.
    """

    def __init__(self, url: str, *, token: Token) -> None:
        self._line = Line(_socket_url(url), token)
        self._keeping: asyncio.Task[None] | None = None

    def events(
        self,
        ledger: str,
        *,
        after: int | None = None,
        event_types: Sequence[str] = (),
        account: str | None = None,
    ) -> EventSubscription:
        """Return the events after a sequence, or from now on: those of these types that name an account which fits.

        `account` is a path, or a pattern such as `users:*:**`.
        """
        request: Json = {"type": "subscribe", "channel": "events", "ledger": ledger}
        if event_types:
            request["event_types"] = list(event_types)
        if account is not None:
            request["account"] = account
        return EventSubscription(self._line, request, after)

    def balances(self, ledger: str, accounts: Sequence[str]) -> BalanceSubscription:
        """Return the balances of 1 to 100 accounts, named by their paths: as they are now, and at every change."""
        request = {"type": "subscribe", "channel": "balances", "ledger": ledger, "accounts": list(accounts)}
        return BalanceSubscription(self._line, request)

    async def __aenter__(self) -> Self:
        self._keeping = self._line.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._keeping is not None
        self._keeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeping


def _socket_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise ValueError(f"{url!r} is not the URL of a server, such as https://ledger.example")
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, f"{parts.path.rstrip('/')}/v1/realtime", "", ""))
