"""Files are kept in a store that speaks S3, and go there and come from there directly."""

import hashlib
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from adapters.embedded import ServerUrls
from adapters.obstore.contents import PART_BYTES, PIECE_BYTES
from adapters.obstore.s3 import S3Contents
from domain.attachments.refusals import FilesUnavailable
from entrypoints.container import opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.attachments.test_attachments import ABC, ABC_DIGEST, ABC_SHA256
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with asked("PUT", f"{url}/partita-files"):
        yield url
    server.stop()


@pytest.fixture(scope="module")
def on_s3(settings: Settings, endpoint: str) -> Settings:
    return settings.model_copy(
        update={
            "files_url": "s3://partita-files/some/prefix",
            "files_endpoint": endpoint,
            "files_region": "eu-central-1",
            "files_key_id": "made-up",
            "files_key_secret": SecretStr("made-up"),
        }
    )


@pytest.fixture(scope="module")
async def app_on_s3(postgres_url: str, redis_url: str, on_s3: Settings) -> AsyncIterator[FastAPI]:
    async with opened(on_s3, ServerUrls(postgres_url, redis_url)) as container:
        yield create_app(container.services())


@pytest.fixture(scope="module")
async def there(new_organisation: NewOrganisation, app_on_s3: FastAPI) -> AsyncIterator[Tenant]:
    """An organisation on the server whose files are in the bucket."""
    tenant = await new_organisation()
    await tenant.posted(sale())
    async with connected(app_on_s3, tenant.key) as client:
        yield Tenant(tenant.organisation_id, tenant.key, tenant.ledger, client)


def asked(method: str, url: str, content: bytes | None = None) -> "urllib.request._UrlopenRet":
    """What the store itself answers."""
    # A type that a browser would run, as whoever sends directly may say it.
    headers = {} if content is None else {"Content-Type": "text/html"}
    return urllib.request.urlopen(urllib.request.Request(url, content, headers, method=method), timeout=10)


def stored(endpoint: str) -> str:
    """The list of all that is in the bucket."""
    with asked("GET", f"{endpoint}/partita-files?list-type=2") as answer:
        return str(answer.read(), "utf-8")


ON = "/accounts/assets:bank/attachments"


@pytest.mark.parametrize("size", [0, 3, PIECE_BYTES, 2 * PART_BYTES + 17])
async def test_files_go_to_the_bucket_and_come_back(there: Tenant, size: int) -> None:
    content = hashlib.sha256(b"x").digest() * (size // 32 + 1)
    content = content[:size]
    attached = document(await there.client.post(there.path(ON), content=content), 201)
    path = f"/attachments/{attached['id']}/content"
    assert (await there.get(path)).content == content
    if size > PIECE_BYTES:
        part = await there.get(path, headers={"Range": "bytes=100-1100000"})
        assert part.content == content[100:1_100_001]


async def test_a_file_is_fetched_directly_to_be_saved(there: Tenant) -> None:
    page = b"<script>alert(1)</script>"
    sent = await there.client.post(there.path(ON), content=page, headers={"Content-Type": "text/html"})
    link = document(await there.get(f"/attachments/{document(sent, 201)['id']}/link"))
    assert link["expires_in"] == 900
    with asked("GET", link["url"]) as answer:
        assert answer.read() == page
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == "attachment"


async def offered(there: Tenant) -> Json:
    """A direct upload."""
    upload: Json = document(await there.client.post(there.path("/uploads")), 201)
    assert upload["expires_in"] == 3600
    return upload


async def test_a_file_is_sent_directly_and_then_attached(there: Tenant) -> None:
    upload = await offered(there)
    asked("PUT", upload["url"], ABC).close()
    given = {"upload": upload["id"], "name": "bill.pdf", "media_type": "application/pdf"}
    headers = {"Idempotency-Key": "bill", "Repr-Digest": ABC_DIGEST}
    first = document(await there.client.post(there.path(ON), params=given, headers=headers), 201)
    assert (first["name"], first["media_type"], first["sha256"]) == ("bill.pdf", "application/pdf", ABC_SHA256)
    # Whoever has the URL can send something else there, which is not what was attached.
    again = document(await there.client.post(there.path(ON), params=given, headers=headers), 201)
    assert again == first
    asked("PUT", upload["url"], b"something else").close()
    assert (await there.get(f"/attachments/{first['id']}/content")).content == ABC
    with asked("GET", document(await there.get(f"/attachments/{first['id']}/link"))["url"]) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (ABC, "application/octet-stream")


async def test_an_upload_is_of_who_began_it(there: Tenant, endpoint: str) -> None:
    upload = await offered(there)
    before = stored(endpoint)
    params = {"upload": upload["id"]}
    problem(await there.client.post(there.path(ON), params=params), 422, "upload-not-found")
    asked("PUT", upload["url"], b"abd").close()
    wrong = await there.client.post(there.path(ON), params=params, headers={"Repr-Digest": ABC_DIGEST})
    problem(wrong, 422, "digest-mismatch")
    assert stored(endpoint).count("<Key>") == before.count("<Key>") + 1  # what was sent there, until a day has passed


async def test_an_upload_of_another_organisation_is_not_there(
    there: Tenant, tenant: Tenant, app_on_s3: FastAPI
) -> None:
    upload = await offered(there)
    asked("PUT", upload["url"], ABC).close()
    for unknown in ("upl_0", "fil_0", "../secret", ""):
        problem(await there.client.post(there.path(ON), params={"upload": unknown}), 422, "upload-not-found")


async def test_a_store_that_is_away_keeps_nothing(on_s3: Settings) -> None:
    bucket = on_s3.model_copy(update={"files_endpoint": "http://127.0.0.1:9", "files_url": "s3://none"}).bucket
    assert bucket is not None
    away = S3Contents(bucket)

    async def content() -> AsyncIterator[bytes]:
        yield ABC

    with pytest.raises(FilesUnavailable):
        await away.write("fil_1", content())
    # A URL is made without asking.
    assert (await away.upload_url("upl_1", timedelta(minutes=1))).startswith("http://127.0.0.1:9/none/")
