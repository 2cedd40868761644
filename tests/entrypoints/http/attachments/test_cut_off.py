"""An upload that is cut off, too long or too much leaves nothing: no file, no row, no event."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.postgres.work import tenant_transaction, tenant_view
from entrypoints.container import opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.attachments.test_attachments import attach, kept
from tests.entrypoints.http.conftest import NewServer, connected
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

BYTES_MAX = 100_000


class Scanner:
    """Finds a word, and fails at another."""

    async def finding(self, content: AsyncIterator[bytes]) -> str | None:
        async for part in content:
            if b"virus" in part:
                return "a virus"
            if b"broken" in part:
                raise OSError("the scanner is away")
        return None


@pytest.fixture(scope="module")
async def strict(postgres_url: str, redis_url: str, settings: Settings) -> AsyncIterator[FastAPI]:
    """A server that takes short files only, and looks into them."""
    strict = settings.model_copy(update={"file_bytes_max": BYTES_MAX})
    async with opened(strict, ServerUrls(postgres_url, redis_url)) as container:
        container.scanner.override(Scanner())
        yield create_app(container.services())


async def loose(owner: AsyncEngine, tenant: Tenant) -> int:
    """How many contents of the organisation are written down that are no files."""
    # Without a word of whose they are, a superuser would count those of everyone.
    count = text("SELECT count(*) FROM loose_contents WHERE organisation_id = :id")
    async with tenant_view(owner, tenant.organisation_id) as connection:
        return int(await connection.scalar(count, {"id": tenant.organisation_id}) or 0)


async def until(owner: AsyncEngine, tenant: Tenant, count: int) -> None:
    """Wait until there are so many."""
    for _ in range(500):
        if await loose(owner, tenant) == count:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{await loose(owner, tenant)} are loose, not {count}")


@pytest.mark.parametrize("framing", ["Content-Length: 9000000", "Transfer-Encoding: chunked"])
async def test_an_upload_that_is_cut_off_leaves_nothing(
    tenant: Tenant, new_server: NewServer, owner: AsyncEngine, settings: Settings, framing: str
) -> None:
    await tenant.posted(sale())
    before, head = kept(settings), await tenant.head()
    url = urlsplit(await new_server())
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    path = tenant.path("/accounts/assets:bank/attachments")
    writer.write(f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {tenant.key}\r\n{framing}\r\n\r\n".encode())
    # More than is kept in memory, so that the store has begun to write.
    for _ in range(130):
        writer.write((b"10000\r\n" if "chunked" in framing else b"") + bytes(65_536))
        writer.write(b"\r\n" if "chunked" in framing else b"")
        await writer.drain()
    await until(owner, tenant, 1)
    writer.transport.abort()
    await until(owner, tenant, 0)
    assert kept(settings) == before
    assert await tenant.head() == head


async def test_a_file_that_is_too_long_is_refused(
    tenant: Tenant, strict: FastAPI, owner: AsyncEngine, settings: Settings
) -> None:
    await tenant.posted(sale())
    before = kept(settings)
    path = tenant.path("/accounts/assets:bank/attachments")

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(BYTES_MAX // 1_000 + 1):
            yield bytes(1_000)

    async with connected(strict, tenant.key) as client:
        problem(await client.post(path, content=bytes(BYTES_MAX + 1)), 413, "file-too-large")
        problem(await client.post(path, content=unannounced()), 413, "file-too-large")
        assert (kept(settings), await loose(owner, tenant)) == (before, 0)
        assert document(await client.post(path, content=bytes(BYTES_MAX)), 201)["size"] == BYTES_MAX


async def test_what_the_scanner_finds_never_becomes_readable(
    tenant: Tenant, strict: FastAPI, owner: AsyncEngine, settings: Settings
) -> None:
    await tenant.posted(sale())
    before, head = kept(settings), await tenant.head()
    path = tenant.path("/accounts/assets:bank/attachments")
    async with connected(strict, tenant.key) as client:
        told = problem(await client.post(path, content=b"a virus"), 422, "file-refused")
        assert "a virus" in told["detail"]
        # Nor what could not be looked into.
        problem(await client.post(path, content=b"broken"), 503, "files-unavailable")
        assert (kept(settings), await loose(owner, tenant), await tenant.head()) == (before, 0, head)
        document(await client.post(path, content=b"harmless"), 201)


async def test_a_quota_of_storage_holds_for_files(tenant: Tenant, owner: AsyncEngine, settings: Settings) -> None:
    await tenant.posted(sale())
    async with tenant_transaction(owner, tenant.organisation_id) as connection:
        quotas = text("UPDATE organisations SET quotas = '{\"storage_bytes\": 100000}' WHERE id = :id")
        await connection.execute(quotas, {"id": tenant.organisation_id})
    path = tenant.path("/accounts/assets:bank/attachments")
    # Two at a time have room, as far as each of them can see.
    both = await asyncio.gather(*[tenant.client.post(path, content=bytes([n]) * 60_000) for n in range(2)])
    assert sorted(response.status_code for response in both) == [201, 403]
    before = kept(settings)
    told = problem(await tenant.client.post(path, content=b"c" * 60_000), 403, "quota-exceeded")
    assert told["quota"] == "storage_bytes"
    assert (kept(settings), await loose(owner, tenant)) == (before, 0)
    await attach(tenant, b"d" * 10_000)
    usage = document(await tenant.client.get(f"/v1/organisations/{tenant.organisation_id}"))["usage"]
    assert usage["storage_bytes"] >= 70_000


async def test_an_upload_ends_where_its_key_is_revoked(
    tenant: Tenant, app: FastAPI, owner: AsyncEngine, settings: Settings
) -> None:
    await tenant.posted(sale())
    before = kept(settings)
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "of a while"}), 201)

    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        assert (await tenant.client.delete(f"/v1/api-keys/{made['id']}")).is_success
        await asyncio.sleep(0.6)
        yield b"second"

    async with connected(app, made["key"]) as client:
        response = await client.post(tenant.path("/accounts/assets:bank/attachments"), content=slow())
    problem(response, 401, "not-authenticated")
    assert (kept(settings), await loose(owner, tenant)) == (before, 0)
