"""Files come in forms of one part, too, as browsers send them."""

import pytest

from tests.entrypoints.http.attachments.test_attachments import ABC_DIGEST, ABC_SHA256, attach
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Tenant, problem, sale

BOUNDARY = "a-boundary"
TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture(scope="module")
async def tenant(new_organisation: NewOrganisation) -> Tenant:
    """One organisation for all tests here, with an account `assets:bank`."""
    tenant = await new_organisation()
    await tenant.posted(sale())
    return tenant


def part(content: bytes, *headers: str) -> bytes:
    """A part of a form, without what ends it."""
    return f"--{BOUNDARY}\r\n".encode() + "".join(f"{each}\r\n" for each in headers).encode() + b"\r\n" + content


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


NAMED = 'Content-Disposition: form-data; name="file"; filename="März.pdf"'


async def test_a_form_of_one_file_is_attached(tenant: Tenant) -> None:
    body = form(part(b"abc", NAMED, "Content-Type: application/pdf", f"Content-Digest: {ABC_DIGEST}"))
    attached = await attach(tenant, body, headers=TYPE)
    assert (attached["name"], attached["media_type"], attached["sha256"]) == ("März.pdf", "application/pdf", ABC_SHA256)


async def test_a_form_arrives_in_any_pieces(tenant: Tenant) -> None:
    content = bytes(range(256)) * 20 + f"\r\n--{BOUNDARY}x\r\n".encode()
    body = form(part(content, NAMED))
    for size in (1, 7, 100, len(body)):

        async def pieces(size: int = size):  # type: ignore[no-untyped-def] # what httpx takes for a stream
            for at in range(0, len(body), size):
                yield body[at : at + size]

        response = await tenant.client.post(
            tenant.path("/accounts/assets:bank/attachments"), content=pieces(), headers=TYPE
        )
        id = response.json()["id"]
        assert (await tenant.get(f"/attachments/{id}/content")).content == content


@pytest.mark.parametrize(
    "body",
    [
        form(part(b"abc", NAMED), part(b"abc", NAMED)),
        form(part(b"abc", 'Content-Disposition: form-data; name="file"')),
        form(part(b"abc", NAMED))[:-6],
        part(b"abc", NAMED),
        b"",
        b"no form at all",
        form(),
        form(part(b"abc", NAMED, "X: " + "x" * 10_000)),
        form(part(b"abd", NAMED, f"Repr-Digest: {ABC_DIGEST}")),
    ],
)
async def test_a_form_that_is_no_single_file_is_refused(tenant: Tenant, body: bytes) -> None:
    head = await tenant.head()
    response = await tenant.client.post(tenant.path("/accounts/assets:bank/attachments"), content=body, headers=TYPE)
    assert response.status_code == 422, response.text
    assert await tenant.head() == head


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data"},
        {**TYPE, "Content-Digest": ABC_DIGEST},
        {"Content-Type": "no type"},
        {"Content-Encoding": "gzip"},
    ],
)
async def test_what_is_said_of_a_body_must_make_sense(tenant: Tenant, headers: dict[str, str]) -> None:
    body = form(part(b"abc", NAMED))
    response = await tenant.client.post(tenant.path("/accounts/assets:bank/attachments"), content=body, headers=headers)
    problem(response, 422, "validation-failed")
