"""Files are fetched whole, in ranges, again only where they changed, and never so that a browser runs them."""

import pytest
from httpx2 import AsyncClient, Response

from domain.attachments.file_name import served_type
from entrypoints.settings import Settings
from tests.entrypoints.http.attachments.test_attachments import ABC_DIGEST, ABC_SHA256, attach, kept
from tests.entrypoints.http.conftest import NewOrganisation, NewServer
from tests.entrypoints.http.tenant import Tenant, problem, sale

TEN = b"0123456789"


@pytest.fixture(scope="module")
async def tenant(new_organisation: NewOrganisation) -> Tenant:
    """One organisation for all tests here, with an account `assets:bank`."""
    tenant = await new_organisation()
    await tenant.posted(sale())
    return tenant


async def fetch(tenant: Tenant, sent: bytes = TEN, **headers: str) -> Response:
    """Attach the content, and ask for it with these headers."""
    id = (await attach(tenant, sent))["id"]
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await tenant.get(f"/attachments/{id}/content", headers=given)


async def test_a_file_is_served_as_what_is_to_be_saved(tenant: Tenant) -> None:
    attached = await attach(
        tenant, params={"name": 'Beleg "März" 100%.pdf'}, headers={"Content-Type": "application/pdf"}
    )
    response = await tenant.get(f"/attachments/{attached['id']}/content")
    assert response.status_code == 200
    assert response.content == b"abc"
    expected = {
        "content-type": "application/pdf",
        "content-length": "3",
        "content-disposition": 'attachment; filename="Beleg _M_rz_ 100_.pdf"; '
        "filename*=UTF-8''Beleg%20%22M%C3%A4rz%22%20100%25.pdf",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "private, no-cache",
        "accept-ranges": "bytes",
        "repr-digest": ABC_DIGEST,
        "etag": f'"sha256-{ABC_SHA256}"',
    }
    assert {name: response.headers[name] for name in expected} == expected
    assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    "active",
    [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "text/javascript",
        "application/javascript",
        "text/ecmascript",
        "application/x-shockwave-flash",
        "text/css",
        "TEXT/HTML; charset=utf-8",
    ],
)
async def test_what_a_browser_would_execute_is_served_as_bytes(tenant: Tenant, active: str) -> None:
    attached = await attach(tenant, b"<script>alert(1)</script>", headers={"Content-Type": active})
    assert attached["media_type"] == active.partition(";")[0].lower()
    response = await tenant.get(f"/attachments/{attached['id']}/content")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize("passive", ["application/pdf", "image/png", "text/plain", "text/csv", "application/json"])
def test_what_a_browser_only_shows_keeps_its_type(passive: str) -> None:
    assert served_type(passive) == passive


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-0", 0, 1), ("0-4", 0, 5), ("5-", 5, 10), ("-3", 7, 10), ("-30", 0, 10), ("8-20", 8, 10), ("0-", 0, 10)],
)
async def test_a_range_is_served(tenant: Tenant, asked: str, start: int, end: int) -> None:
    response = await fetch(tenant, Range=f"bytes={asked}")
    assert response.status_code == 206
    assert response.content == TEN[start:end]
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/10"
    assert response.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["10-", "10-20", "-0"])
async def test_a_range_beyond_the_end_is_refused(tenant: Tenant, asked: str) -> None:
    response = await fetch(tenant, Range=f"bytes={asked}")
    problem(response, 416, "range-not-satisfiable")
    assert response.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1", "bytes"])
async def test_what_is_not_one_range_is_ignored(tenant: Tenant, asked: str) -> None:
    response = await fetch(tenant, Range=asked)
    assert (response.status_code, response.content) == (200, TEN)


@pytest.mark.parametrize("asked", ["0-1,3-4", "0-1, 3-4", "0-4,5-9", "-1,0-0", "0-1,", "0-0,20-30", "20-30,40-"])
async def test_of_several_ranges_all_of_the_file_comes(tenant: Tenant, asked: str) -> None:
    response = await fetch(tenant, Range=f"bytes={asked}")
    assert (response.status_code, response.content) == (200, TEN)
    assert response.headers["content-length"] == "10"
    assert "content-range" not in response.headers


async def test_head_says_what_a_download_would_be(tenant: Tenant, new_server: NewServer, settings: Settings) -> None:
    before = kept(settings)
    path = tenant.path(f"/attachments/{(await attach(tenant, b'ahead of it'))['id']}/content")
    async with AsyncClient(base_url=await new_server(), headers=dict(tenant.client.headers)) as client:
        whole, head = await client.get(path), await client.head(path)
        assert (whole.content, head.content) == (b"ahead of it", b"")
        assert (head.status_code, head.headers["content-length"]) == (200, "11")
        # All but what is of each request.
        for name in whole.headers.keys() - {"date", "x-request-id", "server-timing", "ratelimit", "traceresponse"}:
            assert head.headers[name] == whole.headers[name], name
        # A range is of GET alone (RFC 9110, 14.2); conditions hold.
        for asked in ("bytes=0-1", "bytes=20-"):
            ranged = await client.head(path, headers={"Range": asked})
            assert (ranged.status_code, ranged.headers["content-length"]) == (200, "11")
        tag = whole.headers["etag"]
        assert (await client.head(path, headers={"If-None-Match": tag})).status_code == 304
        assert (await client.head(path, headers={"If-Match": '"other"'})).status_code == 412
        assert (await client.head(path.replace("/main/", "/other/"))).status_code == 404
        assert (await client.head(path, headers={"Authorization": ""})).status_code == 401
        # The connection is as good as before.
        assert (await client.get(path)).content == b"ahead of it"
        empty = (await attach(tenant, b""))["id"]
        assert (await client.head(tenant.path(f"/attachments/{empty}/content"))).headers["content-length"] == "0"
        (lost,) = [each for each in kept(settings) - before if each.stat().st_size == 11]
        lost.write_bytes(b"short")
        assert (await client.head(path)).status_code == 503
        lost.unlink()
        assert (await client.head(path)).status_code == 503


async def test_an_empty_file_is_served(tenant: Tenant) -> None:
    response = await fetch(tenant, b"")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")
    problem(await fetch(tenant, b"", Range="bytes=0-"), 416, "range-not-satisfiable")


async def test_a_download_is_resumed_where_the_content_is_the_same(tenant: Tenant) -> None:
    content = bytes(range(256)) * 9_000  # more than two pieces of what is read at a time
    path = f"/attachments/{(await attach(tenant, content))['id']}/content"
    first = await tenant.get(path, headers={"Range": "bytes=0-1234567"})
    tag = first.headers["etag"]
    rest = await tenant.get(path, headers={"Range": "bytes=1234568-", "If-Range": tag})
    assert rest.status_code == 206
    assert first.content + rest.content == content
    other = await tenant.get(path, headers={"Range": "bytes=1234568-", "If-Range": '"sha256-other"'})
    assert (other.status_code, other.content) == (200, content)


async def test_who_has_the_content_is_told_so(tenant: Tenant) -> None:
    tag = (await fetch(tenant)).headers["etag"]
    for tags in (tag, f'"other", {tag}'):
        response = await fetch(tenant, If_None_Match=tags, Range="bytes=0-1")
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
    assert (await fetch(tenant, If_None_Match='"other"')).status_code == 200
    assert (await fetch(tenant, If_Match=tag)).status_code == 200
    problem(await fetch(tenant, If_Match='"other"'), 412, "version-conflict")


async def test_a_folder_gives_no_links(tenant: Tenant) -> None:
    id = (await attach(tenant))["id"]
    problem(await tenant.get(f"/attachments/{id}/link"), 422, "direct-transfer-unavailable")
    problem(await tenant.client.post(tenant.path("/uploads")), 422, "direct-transfer-unavailable")
    problem(
        await tenant.client.post(tenant.path("/accounts/assets:bank/attachments?upload=upl_none")),
        422,
        "upload-not-found",
    )


async def test_a_file_comes_in_one_way(tenant: Tenant) -> None:
    path = tenant.path("/accounts/assets:bank/attachments")
    problem(await tenant.client.post(path, content=TEN, params={"upload": "upl_1"}), 422, "validation-failed")
    problem(await tenant.client.post(path, content=TEN, params={"media_type": "text/csv"}), 422, "validation-failed")


async def test_a_file_that_is_lost_is_told_before_anything_is_sent(tenant: Tenant, settings: Settings) -> None:
    before = kept(settings)
    id = (await attach(tenant, b"to be lost"))["id"]
    (lost,) = kept(settings) - before
    lost.unlink()
    problem(await tenant.get(f"/attachments/{id}/content"), 503, "files-unavailable")
    lost.write_bytes(b"short")
    problem(await tenant.get(f"/attachments/{id}/content"), 503, "files-unavailable")
