"""A worker that arq tells of jobs."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import orjson
from arq.worker import Worker, func
from redis.exceptions import RedisError

from adapters.arq.queue import QUEUE, RUN, arq_redis, ref_of
from application.shared.ongoing import Ongoing
from application.shared.telling import Outage, Telling
from domain.jobs.job import JobRef

PAUSE_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.25
MESSAGES_AT_A_TIME: Final = 10
NEWS_AGAIN_SECONDS: Final = 60.0

_log = logging.getLogger("partita.queue")


class ArqWorker(Ongoing):
    """Takes messages from the queue, and has the jobs taken up that they name, from `start` to `stop`.

    Jobs are kept elsewhere, with who runs them: a message that is lost, comes twice or is made up does no harm, and
    Redis may be away for as long as it likes.
    """

    def __init__(self, url: str, take_up: Callable[[JobRef], None]) -> None:
        self._url = url
        self._take_up = take_up

    async def _go_on(self) -> None:
        away = Outage(_log, "jobs are looked for, as the queue cannot be had: %s")
        telling = Telling(_log, "the queue failed", "the queue failed")
        while True:
            began = monotonic()
            try:
                await self._take()
            except (RedisError, OSError) as error:
                # It was there meanwhile, if that went on for a while: that it is away is news again.
                if monotonic() >= began + NEWS_AGAIN_SECONDS:
                    away.is_over()
                away.goes_on(error)
            except Exception as error:
                telling.tell(error)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _take(self) -> None:
        """Deal with messages, until Redis fails."""
        redis = arq_redis(self._url)
        worker = Worker(
            functions=[func(self._told, name=RUN, keep_result=0, max_tries=1)],
            queue_name=QUEUE,
            redis_pool=redis,
            handle_signals=False,
            max_jobs=MESSAGES_AT_A_TIME,
            poll_delay=POLL_SECONDS,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
            log_results=False,
        )
        try:
            await worker.async_run()
        finally:
            for task in worker.tasks.values():
                task.cancel()
            await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
            await redis.aclose(close_connection_pool=True)

    async def _told(self, ctx: dict[Any, Any], *message: Any, **_others: Any) -> None:
        ref = ref_of(message)
        if ref is not None:
            self._take_up(ref)
