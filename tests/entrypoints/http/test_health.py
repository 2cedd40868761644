"""Whether the server lives, and whether it can do its work."""

from pathlib import Path

import asyncpg
from httpx2 import AsyncClient

from adapters.embedded import ServerUrls
from domain.identity.api_key import API_KEY
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.tenant import document, problem, sale

NOBODY = "127.0.0.1:1"


async def test_a_server_with_all_it_needs_is_ready(client: AsyncClient) -> None:
    assert document(await client.get("/health/live")) == {"status": "live"}
    assert document(await client.get("/health/ready")) == {
        "status": "ready",
        "database": "ok",
        "redis": "ok",
        "relay": "ok",
        "replicas": "ok",
        "extensions": "ok",
    }


async def test_a_server_without_redis_works_on_degraded(postgres_url: str, tmp_path: Path) -> None:
    urls = ServerUrls(postgres_url, f"redis://{NOBODY}/0")
    async with (
        opened(Settings(data_dir=tmp_path), urls) as container,
        connected(create_app(container.services())) as client,
    ):
        told = document(await client.get("/health/ready"))
        assert (told["status"], told["database"]) == ("degraded", "ok")
        assert told["redis"].endswith(".")


async def test_a_server_without_its_database_is_live_and_not_ready(redis_url: str, tmp_path: Path) -> None:
    urls = ServerUrls(f"postgresql://a:b@{NOBODY}/c", redis_url)
    async with (
        opened(Settings(data_dir=tmp_path), urls) as container,
        connected(create_app(container.services()), a_key()) as client,
    ):
        document(await client.get("/health/live"))
        told = document(await client.get("/health/ready"), 503)
        assert (told["status"], told["redis"]) == ("not-ready", "ok")
        assert told["database"].endswith(".")
        assert NOBODY not in told["database"]
        for method, path in (("GET", "/v1/ledgers"), ("POST", "/v1/ledgers/main/transactions")):
            response = await client.request(method, path, json=sale())
            problem(response, 503, "unavailable")
            assert response.headers["retry-after"] == "1"


def a_key() -> str:
    """A key that looks like one."""
    return API_KEY.build(1, bytes(48))


async def test_a_database_that_was_not_migrated_is_not_ready(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    owner = await asyncpg.connect(postgres_url)
    try:
        await owner.execute("CREATE DATABASE not_migrated")
        empty = postgres_url.rpartition("/")[0] + "/not_migrated"
        urls = ServerUrls(empty, redis_url)
        async with (
            opened(Settings(data_dir=tmp_path), urls) as container,
            connected(create_app(container.services())) as client,
        ):
            told = document(await client.get("/health/ready"), 503)
            assert "partita migrate" in told["database"]
    finally:
        await owner.execute("DROP DATABASE IF EXISTS not_migrated WITH (FORCE)")
        await owner.close()


async def test_a_server_has_started_once_it_was_ready_and_stays_so(
    postgres_url: str, redis_url: str, tmp_path: Path, services: Services
) -> None:
    urls = ServerUrls(f"postgresql://a:b@{NOBODY}/c", redis_url)
    async with (
        opened(Settings(data_dir=tmp_path), urls) as container,
        connected(create_app(container.services())) as client,
    ):
        assert document(await client.get("/health/startup"), 503) == {"status": "starting"}
        container.services().lifecycle.has_started = True
        assert document(await client.get("/health/startup")) == {"status": "started"}
    async with (
        opened(Settings(data_dir=tmp_path), ServerUrls(postgres_url, redis_url)) as container,
        connected(create_app(container.services())) as client,
    ):
        assert document(await client.get("/health/startup")) == {"status": "started"}
        assert container.services().lifecycle.has_started


async def test_a_server_that_is_about_to_stop_says_so_and_still_answers(
    postgres_url: str, redis_url: str, tmp_path: Path, services: Services
) -> None:
    async with (
        opened(Settings(data_dir=tmp_path), ServerUrls(postgres_url, redis_url)) as container,
        connected(create_app(container.services())) as client,
    ):
        assert "connection" not in (await client.get("/health/ready")).headers
        container.services().lifecycle.is_stopping = True
        assert document(await client.get("/health/ready"), 503)["status"] == "stopping"
        response = await client.get("/v1/ledgers")
        problem(response, 401, "not-authenticated")
        assert response.headers["connection"] == "close"
        document(await client.get("/health/live"))


async def test_a_database_that_only_reads_is_not_ready(
    postgres_url: str, redis_url: str, tmp_path: Path, services: Services
) -> None:
    owner = await asyncpg.connect(postgres_url)
    setting = f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET default_transaction_read_only"
    try:
        await owner.execute(f"{setting} = on")
        async with (
            opened(Settings(data_dir=tmp_path), ServerUrls(postgres_url, redis_url)) as container,
            connected(create_app(container.services())) as client,
        ):
            assert "written" in document(await client.get("/health/ready"), 503)["database"]
    finally:
        await owner.execute("BEGIN READ WRITE")
        await owner.execute(f"{setting} = off")
        await owner.execute("COMMIT")
        await owner.close()


async def test_health_takes_nothing_else(client: AsyncClient) -> None:
    problem(await client.get("/health"), 404, "not-found")
    problem(await client.post("/health/live"), 405, "method-not-allowed")
