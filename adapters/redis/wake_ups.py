"""Wake-ups: that a ledger has new events, over a channel of Redis."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from adapters.redis.channels import RedisChannels
from application.ledger.ports import LedgerAddress
from application.shared.telling import Outage

CHANNEL: Final = "partita:events"
# A busy ledger commits hundreds of groups a second: to tell of each took a fifth of what posting takes.
PAUSE_SECONDS: Final = 0.025
# Redis may have been slow once: who is not told looks for news only every ten seconds.
RETRY_SECONDS: Final = 0.5
UNTOLD_MAX: Final = 10_000
DIGITS_MAX: Final = 40

_log = logging.getLogger("partita.wake-ups")


class RedisWakeUps:
    """Tells all servers of new events, and calls `hear` for what any of them tells.

    The first news after a pause goes out at once; what is to be told in the pause after it goes out together, each
    ledger once. Nobody who commits waits for Redis, and no more than the latest of 10,000 ledgers waits for it either.
    """

    def __init__(self, channels: RedisChannels) -> None:
        self._channels = channels
        self._hearers: list[Callable[[LedgerAddress, int], None]] = []
        self._news: dict[LedgerAddress, int] = {}
        self._telling: asyncio.Task[None] | None = None
        self._untold = Outage(_log, "other servers see new events only when they look for them: %s", level=logging.INFO)
        channels.on(CHANNEL, self._hear)

    @property
    def heard_since(self) -> float | None:
        return self._channels.heard_since

    def listen(self, hear: Callable[[LedgerAddress, int], None]) -> None:
        """Call `hear`, too, for what others tell; to be said before the channels are listened to."""
        self._hearers.append(hear)

    def announce(self, ledger: LedgerAddress, sequence: int) -> None:
        self._news[ledger] = sequence
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell(), name="wake-ups")

    async def close(self) -> None:
        """Tell nothing more: to be said before the channels are closed."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

    def _hear(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            organisation, _, rest = line.partition(" ")
            slug, _, sequence = rest.partition(" ")
            # It is one of ours, or nonsense of someone else's.
            if organisation.isdecimal() and sequence.isdecimal() and len(organisation + sequence) <= DIGITS_MAX:
                for each in self._hearers:
                    each(LedgerAddress(int(organisation), slug), int(sequence))

    async def _tell(self) -> None:
        """Tell what there is, and what could not be told again, while there is anything to tell."""
        try:
            while self._news:
                news, self._news = self._news, {}
                lines = [f"{each.organisation_id} {each.slug} {sequence}" for each, sequence in news.items()]
                try:
                    await self._channels.publish((CHANNEL, "\n".join(lines)))
                except (RedisError, OSError) as error:
                    self._put_back(news, error)
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    self._untold.is_over()
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._telling = None

    def _put_back(self, news: dict[LedgerAddress, int], error: Exception) -> None:
        # Those who were to hear of it look by themselves, in some seconds, where it is never told.
        if len(news) + len(self._news) <= UNTOLD_MAX:
            self._news = news | self._news
        self._untold.goes_on(error)
