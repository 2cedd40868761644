"""Workers as they run in production: killed, started, without Redis, and beside or inside of servers."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from entrypoints.container import Container
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.jobs_run import ENDED, asked_import, results, sales
from tests.entrypoints.http.tenant import Json, Tenant, document
from tests.redis_server import RedisServer
from tests.server_process import ServerProcess

NewWorker = Callable[[], ServerProcess]
LINES = 3_000


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the workers' own: it never hears of what the application of these tests queues."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.go_on()
    server.kill()


@pytest.fixture
def new_worker(postgres_url: str, own_redis: RedisServer, settings: Settings) -> Iterator[NewWorker]:
    with ExitStack() as workers:

        def start() -> ServerProcess:
            worker = ServerProcess(postgres_url, own_redis.url, settings.data_dir, command="worker")
            workers.callback(worker.stop)
            return worker.start()

        yield start


async def until(tenant: Tenant, id: str, holds: Callable[[Json], bool], seconds: float = 40) -> Json:
    """The job, once that holds."""
    deadline = time.monotonic() + seconds
    while True:
        job: Json = document(await tenant.client.get(f"/v1/jobs/{id}"))
        if holds(job):
            return job
        assert time.monotonic() < deadline, job
        assert job["state"] not in ENDED, job
        await asyncio.sleep(0.02)


@pytest.fixture
async def undisturbed(container: Container) -> None:
    """What other tests have queued here is done before."""
    while await container.job_runner().run_due():
        pass


@pytest.mark.usefixtures("undisturbed")
async def test_an_import_whose_worker_is_killed_loses_nothing_and_doubles_nothing(
    tenant: Tenant, new_worker: NewWorker, own_redis: RedisServer
) -> None:
    first = new_worker()
    id = (await asked_import(tenant, sales(LINES)))["id"]
    await until(tenant, id, lambda job: job["progress"]["done"] > 0)
    first.kill()
    stopped = document(await tenant.client.get(f"/v1/jobs/{id}"))
    assert (stopped["state"], stopped["result"]) == ("running", None)
    assert 0 < stopped["progress"]["done"] < LINES

    own_redis.halt()
    others = [new_worker(), new_worker()]
    job = await until(tenant, id, lambda job: job["state"] == "done")
    assert job["progress"]["done"] == LINES
    told = await results(tenant, id)
    assert [each["index"] for each in told] == list(range(LINES))
    assert len({each["transaction"] for each in told}) == LINES
    assert max(each["sequence"] for each in told) == await tenant.head()
    totals = document(await tenant.get("/reports/trial-balance"))["totals"]
    assert totals == [{"asset": "EUR", "debits": f"{LINES}.00", "credits": f"{LINES}.00"}]
    assert document(await tenant.client.post(tenant.path("/verification")))["valid"] is True
    for worker in others:
        began = time.monotonic()
        worker.stop()
        assert time.monotonic() < began + 8
        assert "Traceback" not in worker.said()


async def test_a_server_with_a_worker_inside_does_a_job_within_moments(tenant: Tenant, new_server: NewServer) -> None:
    url = await new_server(worker_inside=True)
    async with AsyncClient(base_url=url, headers=tenant.authorization) as client:
        served = Tenant(tenant.organisation_id, tenant.key, tenant.ledger, client)
        id = (await asked_import(served, sales(10)))["id"]
        began, seen = time.monotonic(), []
        headers = {"Accept": "text/event-stream"}
        async with client.stream("GET", f"/v1/jobs/{id}", headers=headers) as response:
            seen = [line async for line in response.aiter_lines() if line.startswith("data:")]
        assert '"state":"done"' in seen[-1]
        assert time.monotonic() < began + 5
