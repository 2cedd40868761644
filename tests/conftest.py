"""One empty database and one empty Redis database for each pytest process.

DATABASE_URL and REDIS_URL, when set, name servers to use; what is made there is removed again. Without them each
process starts servers of its own in a temporary folder.
"""

import asyncio
import gc
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import redis
from hypothesis import settings

from adapters.embedded import EmbeddedServers, ServerUrls

# A shell starts its background jobs with SIGINT ignored, and so would every server be that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Without the soak, Hypothesis tries the same examples in each run, however slow the machine is.
settings.register_profile("partita", deadline=None, derandomize=os.environ.get("PARTITA_SOAK") != "long")
settings.load_profile("partita")

# To look through all that is loaded again and again takes a tenth of the time that tests do.
gc.set_threshold(50_000, *gc.get_threshold()[1:])


def pytest_collection_finish() -> None:
    """Have the collector leave alone what stays to the end."""
    gc.collect()
    gc.freeze()


# A claim on a database of a shared Redis lapses, so that a killed run does not keep it for ever.
_CLAIM_SECONDS = 6 * 3600


@pytest.fixture(scope="session", autouse=True)
def measured_processes() -> None:
    """With coverage, what only a process of its own runs; of all the rest, this process tells what tests reach."""
    if "MEASURED_PARTS" in os.environ:
        os.environ["MEASURED_PARTS"] = "entrypoints/cli adapters/embedded"


@pytest.fixture(scope="session")
def embedded_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], ServerUrls]]:
    """A way to get embedded servers, which are started by the first who asks."""
    servers = EmbeddedServers(tmp_path_factory.mktemp("servers"))
    yield servers.start
    servers.stop()


@pytest.fixture(scope="session")
def postgres_url(embedded_urls: Callable[[], ServerUrls]) -> Iterator[str]:
    """`postgresql://…` of an empty database that this pytest process alone uses."""
    given = os.environ.get("DATABASE_URL")
    if not given:
        yield embedded_urls().database_url
        return
    cluster = given.replace("postgresql+asyncpg://", "postgresql://", 1)
    database = f"partita_test_{secrets.token_hex(6)}"
    _run(lambda: _execute(cluster, f'CREATE DATABASE "{database}" TEMPLATE template0'))
    yield urlunsplit(urlsplit(cluster)._replace(path=f"/{database}"))
    _run(lambda: _execute(cluster, f'DROP DATABASE "{database}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def redis_url(embedded_urls: Callable[[], ServerUrls]) -> Iterator[str]:
    """`redis://…` of an empty Redis database that this pytest process alone uses."""
    given = os.environ.get("REDIS_URL")
    if not given:
        yield embedded_urls().redis_url
        return
    number, claim = _claim_redis_database(given)
    url = _redis_database(given, number)
    yield url
    with redis.Redis.from_url(url) as ours:
        ours.flushdb()
    with redis.Redis.from_url(_redis_database(given, 0)) as claims:
        claims.delete(claim)


def _claim_redis_database(url: str) -> tuple[int, str]:
    for number in range(1, 16):
        claim = f"partita:tests:database:{number}"
        with redis.Redis.from_url(_redis_database(url, 0)) as claims:
            if not claims.set(claim, os.getpid(), nx=True, ex=_CLAIM_SECONDS):
                continue
            with redis.Redis.from_url(_redis_database(url, number)) as candidate:
                if candidate.dbsize() == 0:
                    return number, claim
            claims.delete(claim)
    pytest.fail("None of the databases 1 to 15 of REDIS_URL is empty: empty one, or unset REDIS_URL.")


def _redis_database(url: str, number: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Callable[[], Awaitable[None]]) -> None:
    # In a thread, because the session's own event loop may be running here.
    async def run() -> None:
        await work()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()
