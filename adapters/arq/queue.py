"""The queue by which workers learn of a job at once, on arq."""

import logging
from time import monotonic
from typing import Any, Final

import orjson
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from application.shared.background import Background
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from application.shared.telling import Outage
from domain.jobs.job import JobRef

QUEUE: Final = "partita:jobs"
RUN: Final = "run"
TIMEOUT_SECONDS: Final = 1.0
WAITING_MAX: Final = 1_000
# After a failure, Redis is left alone for so long: workers look by themselves meanwhile.
PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger("partita.queue")


def arq_redis(url: str) -> ArqRedis:
    """Return a client of the queue. It speaks JSON: arq's own way would run whatever code stands in Redis."""
    pool = ConnectionPool.from_url(
        url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, socket_keepalive=True
    )
    return ArqRedis(pool, job_serializer=orjson.dumps, job_deserializer=orjson.loads, default_queue_name=QUEUE)


class ArqQueue:
    """Announces jobs in the background; what it cannot announce, workers find about a second later."""

    def __init__(self, url: str, *, telemetry: Telemetry = UNWATCHED) -> None:
        self._telemetry = telemetry
        self._redis = arq_redis(url)
        self._announcing = Background(patience_seconds=0)
        self._left_alone_until = 0.0
        self._untold = Outage(_log, "workers are not told of jobs, and look for them by themselves: %s")

    def announce(self, ref: JobRef) -> None:
        if monotonic() >= self._left_alone_until and len(self._announcing) < WAITING_MAX:
            self._announcing.begin(self._announce(ref))

    async def close(self) -> None:
        """Close all connections."""
        await self._announcing.settle()
        await self._redis.aclose(close_connection_pool=True)

    async def _announce(self, ref: JobRef) -> None:
        try:
            with self._telemetry.span(Kind.REDIS, "redis enqueue", call="enqueue"):
                await self._redis.enqueue_job(RUN, ref.organisation_id, ref.id)
            self._untold.is_over()
        except (RedisError, OSError) as error:
            self._left_alone_until = monotonic() + PAUSE_SECONDS
            self._untold.goes_on(error)


def ref_of(message: tuple[Any, ...]) -> JobRef | None:
    """Return the job that a message names; None for one that is not ours."""
    match message:
        case (int(organisation_id), str(id)) if 0 < organisation_id < 2**63:
            return JobRef(organisation_id, id)
    return None
