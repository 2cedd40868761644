"""Subscriptions of a connection: each writes its next message when there is something to tell."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import orjson
from typing_extensions import override

from application.ledger.balance_watch import Balances, BalanceWatch
from application.ledger.following import STRETCH_EVENTS_MAX, Following, Stretch
from application.ledger.relay import HEARTBEAT_SECONDS
from domain.shared.access import Permission, Principal
from entrypoints.http.v1.account_documents import balance_document


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent; and up to which sequence the client then has all events, if it is about events."""

    text: str
    through: int | None = None


class Subscription(ABC):
    """What a client has subscribed to; `place` is what ends with it."""

    def __init__(self, place: ExitStack) -> None:
        self._place = place
        self._told_at = asyncio.get_running_loop().time()

    @abstractmethod
    async def message(self, principal: Principal) -> Message | None:
        """Return the next message, or None if there is nothing to tell now.

        Raises `PermissionDenied`, `StoreUnavailable` (ask again later), `FellBehind`.
        """

    @abstractmethod
    def acknowledge(self, sequence: int) -> None:
        """Note that all events up to the sequence are dealt with."""

    def is_due(self, now: float) -> bool:
        """Whether it is time for a sign of life."""
        return now >= self._told_at + HEARTBEAT_SECONDS

    def close(self) -> None:
        """End it."""
        self._place.close()


class EventSubscription(Subscription):
    """Events of a ledger. With a `window`, so many are sent that are not acknowledged."""

    def __init__(
        self, id: str, ledger: str, following: Following, place: ExitStack, call: Callable[[], None], window: int | None
    ) -> None:
        super().__init__(place)
        self._head: Final = f'{{"type":"events","id":"{id}","data":['
        self._ledger = ledger
        self._following = following
        self._call = call
        self._window = window
        self._unacknowledged: deque[int] = deque()

    @override
    async def message(self, principal: Principal) -> Message | None:
        principal.require(Permission.EVENTS_READ, ledger=self._ledger)
        most = STRETCH_EVENTS_MAX if self._window is None else self._window - len(self._unacknowledged)
        stretch = await self._following.take(most) if most > 0 else None
        if stretch is not None and not stretch.events:
            # A long log may be looked through in vain: meanwhile others have their turn.
            self._call()
            stretch = None
        if stretch is None:
            now = asyncio.get_running_loop().time()
            if not self.is_due(now):
                return None
            stretch = Stretch((), self._following.at)
        return self._told(stretch)

    @override
    def acknowledge(self, sequence: int) -> None:
        while self._unacknowledged and self._unacknowledged[0] <= sequence:
            self._unacknowledged.popleft()
        self._call()

    def _told(self, stretch: Stretch) -> Message:
        self._told_at = asyncio.get_running_loop().time()
        if self._window is not None:
            self._unacknowledged.extend([event.sequence for event in stretch.events])
        lines = b",".join([event.line for event in stretch.events]).decode()
        return Message(f'{self._head}{lines}],"through":{stretch.through}}}', stretch.through)


class BalanceSubscription(Subscription):
    """Balances of accounts."""

    def __init__(self, id: str, watch: BalanceWatch, place: ExitStack) -> None:
        super().__init__(place)
        self._id = id
        self._watch = watch

    @override
    async def message(self, principal: Principal) -> Message | None:
        changed = await self._watch.take(principal)
        now = asyncio.get_running_loop().time()
        if changed is None:
            if not self.is_due(now):
                return None
            changed = Balances((), self._watch.at)
        self._told_at = now
        data = [
            {"account": each.account.path, **balance_document(each.account, of_asset)}
            for each in changed.accounts
            for of_asset in each.balances
        ]
        document = {"type": "balances", "id": self._id, "sequence": changed.sequence, "data": data}
        return Message(orjson.dumps(document).decode())

    @override
    def acknowledge(self, sequence: int) -> None:
        # Only the latest is sent of what changes while nobody takes it.
        return
