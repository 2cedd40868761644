"""The news of revocations, over a channel of Redis."""

import logging
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from adapters.redis.channels import RedisChannels

CHANNEL: Final = "partita:revocations"

_log = logging.getLogger("partita.revocations")


class RedisRevocations:
    """Announces revocations to all servers, and calls `forget` for all that any of them announces.

    Who misses the news relies on what it remembers being short-lived. The channel carries ids alone, and whoever could
    write to it could make servers look things up anew.
    """

    def __init__(self, channels: RedisChannels, forget: Callable[..., None]) -> None:
        self._channels = channels
        self._forget = forget
        channels.on(CHANNEL, self._hear)

    async def announce(self, *names: str) -> None:
        if not names:
            return
        self._forget(*names)
        try:
            await self._channels.publish((CHANNEL, " ".join(names)))
        except (RedisError, OSError) as error:
            _log.warning("other servers look up %s only when their memory of it ends: %s", ", ".join(names), error)

    def _hear(self, data: bytes) -> None:
        self._forget(*data.decode("utf-8", "replace").split())
