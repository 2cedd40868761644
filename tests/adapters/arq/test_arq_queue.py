"""Workers learn of jobs over a real Redis that goes away, hangs, and holds what nobody of ours has written."""

import asyncio
import logging
import os
import pickle
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from adapters.arq import queue as queue_module
from adapters.arq import worker as worker_module
from adapters.arq.queue import QUEUE, RUN, ArqQueue, ref_of
from adapters.arq.worker import ArqWorker
from domain.jobs.job import JobRef
from tests.redis_server import RedisServer, until

JOB, OTHER = JobRef(1, "job_a"), JobRef(2, "job_b")


class Worker:
    """A worker, and what it was told of."""

    def __init__(self, url: str) -> None:
        self.told: list[JobRef] = []
        self.worker = ArqWorker(url, self.told.append)


@asynccontextmanager
async def working(own_redis: RedisServer, count: int = 1) -> AsyncIterator[tuple[ArqQueue, list[Worker]]]:
    queue, workers = ArqQueue(own_redis.url), [Worker(own_redis.url) for _ in range(count)]
    for each in workers:
        each.worker.start()
    try:
        yield queue, workers
    finally:
        for each in workers:
            await each.worker.stop()
        await queue.close()


async def test_one_of_several_workers_is_told_of_a_job_at_once(own_redis: RedisServer) -> None:
    async with working(own_redis, 3) as (queue, workers):
        began = time.monotonic()
        queue.announce(JOB)
        queue.announce(OTHER)
        await until(lambda: sum(len(each.told) for each in workers) == 2)
        assert time.monotonic() < began + 2
        await asyncio.sleep(0.6)
        assert sorted(ref.id for each in workers for ref in each.told) == ["job_a", "job_b"]
        # Nothing of it is kept.
        with redis.Redis.from_url(own_redis.url) as client:
            assert client.zcard(QUEUE) == 0
            assert not [key for key in client.keys("arq:*") if not key.startswith(b"arq:retry")]


async def test_what_is_announced_before_a_worker_starts_is_told_to_it(own_redis: RedisServer) -> None:
    queue = ArqQueue(own_redis.url)
    queue.announce(JOB)
    with redis.Redis.from_url(own_redis.url) as client:
        await until(lambda: client.zcard(QUEUE) == 1)
    await queue.close()
    async with working(own_redis) as (_, (worker,)):
        await until(lambda: worker.told == [JOB])


async def test_a_redis_that_was_killed_is_told_of_once_and_found_again(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "PAUSE_SECONDS", 0.2)
    with caplog.at_level(logging.WARNING, "partita"):
        async with working(own_redis) as (queue, (worker,)):
            queue.announce(JOB)
            await until(lambda: worker.told == [JOB])
            own_redis.kill()
            for _ in range(30):
                queue.announce(OTHER)
                await asyncio.sleep(0.02)
            assert len([each for each in caplog.records if each.name == "partita.queue"]) <= 2
            own_redis.start()
            async with asyncio.timeout(10):
                while len(worker.told) == 1:
                    queue.announce(OTHER)
                    await asyncio.sleep(0.1)
            assert worker.told[1] == OTHER


async def test_a_redis_that_hangs_keeps_nobody_waiting_and_is_used_again_when_it_goes_on(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(worker_module, "PAUSE_SECONDS", 0.1)
    async with working(own_redis) as (queue, (worker,)):
        own_redis.halt()
        began = time.monotonic()
        for _ in range(100):
            queue.announce(JOB)
        assert time.monotonic() < began + 0.5
        own_redis.go_on()
        async with asyncio.timeout(10):
            while OTHER not in worker.told:
                queue.announce(OTHER)
                await asyncio.sleep(0.1)


class Trap:
    """What runs a command where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.path,)


async def test_whatever_else_stands_in_the_queue_is_passed_over(
    own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    trap = tmp_path_factory.mktemp("trap") / "sprung"
    messages = [
        pickle.dumps(Trap(str(trap))),
        b"\xff no JSON",
        b"[]",
        b'{"t":1,"f":"nothing","a":[],"k":{},"et":1}',
        b'{"t":1,"f":"%b","a":["1","x"],"k":{},"et":1}' % RUN.encode(),
        b'{"t":1,"f":"%b","a":[],"k":{"ctx":1},"et":1}' % RUN.encode(),
        b'{"t":1,"f":"%b","a":[1],"k":{},"et":1}' % RUN.encode(),
    ]
    with redis.Redis.from_url(own_redis.url) as client:
        for number, message in enumerate(messages):
            client.set(f"arq:job:{number}", message)
            client.zadd(QUEUE, {str(number): 1})
    async with working(own_redis) as (queue, (worker,)):
        queue.announce(JOB)
        await until(lambda: worker.told == [JOB], seconds=10)
    assert not trap.exists()


@pytest.mark.parametrize("message", [(), (1,), ("1", "x"), (True, 1), (-1, "x"), (2**63, "x"), (1, "x", 2)])
def test_what_names_no_job_is_none(message: tuple[object, ...]) -> None:
    assert ref_of(message) is None
