"""Files are attached, listed, fetched and removed; their hashes stand in the log."""

import base64
import hashlib
from pathlib import Path

import pytest

from domain.attachments.file_name import NAME_BYTES_MAX
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

# SHA-256 of "abc", by FIPS 180-2.
ABC = b"abc"
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ABC_DIGEST = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"
REASON = {"reason": "Attached to the wrong one."}


async def attach(tenant: Tenant, content: bytes = ABC, on: str = "/accounts/assets:bank", **given: object) -> Json:
    """Attach a file that is accepted."""
    response = await tenant.client.post(tenant.path(f"{on}/attachments"), content=content, **given)  # type: ignore[arg-type] # as httpx takes it
    attached: Json = document(response, 201)
    return attached


async def subjects(tenant: Tenant) -> dict[str, str]:
    """A path below the ledger for each kind of thing that files can be attached to."""
    posted = await tenant.posted(sale())
    held = document(await tenant.client.post(tenant.path("/holds"), json=sale()), 201)
    return {
        "account": "/accounts/assets:bank",
        "transaction": f"/transactions/{posted['id']}",
        "hold": f"/holds/{held['id']}",
    }


def kept(settings: Settings) -> set[Path]:
    """All files below the folder that contents are kept in."""
    return {path for path in settings.files_folder.rglob("*") if path.is_file()}


async def test_files_are_attached_to_accounts_transactions_and_holds(tenant: Tenant) -> None:
    for kind, path in (await subjects(tenant)).items():
        attached = await attach(
            tenant,
            on=path,
            headers={"Content-Type": "application/pdf", "Content-Disposition": "attachment; filename=receipt.pdf"},
        )
        assert attached[kind] == path.rpartition("/")[2]
        assert [attached[each] for each in ("account", "transaction", "hold")].count(None) == 2
        expected = ("receipt.pdf", "application/pdf", 3, ABC_SHA256, 1)
        assert tuple(attached[each] for each in ("name", "media_type", "size", "sha256", "version")) == expected
        assert document(await tenant.get(f"{path}/attachments"))["data"] == [attached]
        shown = await tenant.get(f"/attachments/{attached['id']}")
        assert document(shown) == attached
        assert shown.headers["etag"].startswith('"1')


async def test_the_hash_of_a_file_stands_in_the_log(tenant: Tenant) -> None:
    await tenant.posted(sale())
    attached = await attach(tenant, params={"name": "a.txt"})
    await remove(tenant, attached["id"])
    added, removed = document(await tenant.get("/events?limit=500"))["data"][-2:]
    assert (added["type"], removed["type"]) == ("attachment.added", "attachment.removed")
    assert added["data"] == {
        "account": "assets:bank",
        "id": attached["id"],
        "media_type": "application/octet-stream",
        "name": "a.txt",
        "sha256": ABC_SHA256,
        "size": 3,
    }
    assert removed["data"] == {"account": "assets:bank", "id": attached["id"], "sha256": ABC_SHA256, **REASON}
    assert document(await tenant.client.post(tenant.path("/verification")))["valid"]


async def remove(tenant: Tenant, id: str) -> Json:
    """Remove an attachment."""
    gone: Json = document(
        await tenant.client.delete(tenant.path(f"/attachments/{id}"), params=REASON, headers={"If-Match": "*"})
    )
    return gone


async def test_what_was_removed_is_not_listed_and_not_served(tenant: Tenant) -> None:
    await tenant.posted(sale())
    attached = await attach(tenant)
    gone = await remove(tenant, attached["id"])
    assert (gone["version"], gone["reason"]) == (2, REASON["reason"])
    assert gone["removed_at"] is not None
    assert document(await tenant.get(f"/attachments/{attached['id']}")) == gone
    assert document(await tenant.get("/accounts/assets:bank/attachments"))["data"] == []
    problem(await tenant.get(f"/attachments/{attached['id']}/content"), 404, "attachment-removed")
    assert await remove(tenant, attached["id"]) == gone


async def test_a_removal_says_which_version_it_is_based_on(tenant: Tenant) -> None:
    await tenant.posted(sale())
    path = tenant.path(f"/attachments/{(await attach(tenant))['id']}")
    problem(await tenant.client.delete(path, params=REASON), 428, "precondition-required")
    problem(await tenant.client.delete(path, params=REASON, headers={"If-Match": '"2"'}), 412, "version-conflict")
    problem(
        await tenant.client.delete(path, params={"reason": " "}, headers={"If-Match": "*"}), 422, "validation-failed"
    )
    dry = await tenant.client.delete(path, params={**REASON, "dry_run": "true"}, headers={"If-Match": '"1"'})
    assert document(dry)["version"] == 2
    assert document(await tenant.client.get(path))["version"] == 1


async def test_the_same_content_is_kept_once_for_an_organisation(
    tenant: Tenant, new_organisation: NewOrganisation, settings: Settings
) -> None:
    content = b"kept once" * 1_000
    other = await new_organisation()
    for each in (tenant, other):
        await each.posted(sale())
    before = kept(settings)
    first = await attach(tenant, content)
    second = await attach(tenant, content, params={"name": "again.txt"})
    assert len(kept(settings) - before) == 1
    await attach(other, content)
    assert len(kept(settings) - before) == 2
    for attached in (first, second):
        assert (await tenant.get(f"/attachments/{attached['id']}/content")).content == content


async def test_an_idempotency_key_attaches_once(tenant: Tenant) -> None:
    await tenant.posted(sale())
    path, key = tenant.path("/accounts/assets:bank/attachments"), {"Idempotency-Key": "receipt-1"}
    first = await tenant.client.post(path, content=ABC, headers=key)
    again = await tenant.client.post(path, content=ABC, headers=key)
    assert document(again, 201) == document(first, 201)
    assert again.headers["idempotency-replayed"] == "true"
    problem(await tenant.client.post(path, content=b"abd", headers=key), 409, "idempotency-conflict")
    assert len(document(await tenant.get("/accounts/assets:bank/attachments"))["data"]) == 1


async def test_a_dry_run_keeps_nothing(tenant: Tenant, settings: Settings) -> None:
    await tenant.posted(sale())
    before, head = kept(settings), await tenant.head()
    path = tenant.path("/accounts/assets:bank/attachments?dry_run=true")
    told = document(await tenant.client.post(path, content=b"dry" * 100))
    assert told["id"] is None
    assert told["sha256"] == hashlib.sha256(b"dry" * 100).hexdigest()
    assert (kept(settings), await tenant.head()) == (before, head)


@pytest.mark.parametrize("name", ["Repr-Digest", "Content-Digest"])
async def test_a_digest_that_is_sent_is_checked(tenant: Tenant, settings: Settings, name: str) -> None:
    await tenant.posted(sale())
    await attach(tenant, headers={name: f"sha-512=:AAAA:, {ABC_DIGEST}"})
    before = kept(settings)
    path = tenant.path("/accounts/assets:bank/attachments")
    problem(await tenant.client.post(path, content=b"abd", headers={name: ABC_DIGEST}), 422, "digest-mismatch")
    for bad in ("sha-256=ungWv48B", "sha-256=:ungWv48B:", "md5=:AAAA:", "sha-256=:" + "!" * 44 + ":"):
        problem(await tenant.client.post(path, content=ABC, headers={name: bad}), 422, "validation-failed")
    assert kept(settings) == before


async def test_digests_that_differ_are_refused(tenant: Tenant) -> None:
    await tenant.posted(sale())
    other = f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"
    response = await tenant.client.post(
        tenant.path("/accounts/assets:bank/attachments"),
        content=ABC,
        headers={"Repr-Digest": ABC_DIGEST, "Content-Digest": other},
    )
    problem(response, 422, "validation-failed")


NAMES = {
    "attachment; filename=plain.txt": "plain.txt",
    'attachment; filename="with space; and.txt"': "with space; and.txt",
    "attachment; filename*=UTF-8''%e2%82%ac%20rates.pdf; filename=fallback.pdf": "€ rates.pdf",
    "attachment; filename=../../etc/passwd": "passwd",
    r'attachment; filename="C:\\Users\\ada\\bill.pdf"': "bill.pdf",
    "attachment": "file",
}


async def test_names_are_taken_from_the_disposition(tenant: Tenant) -> None:
    await tenant.posted(sale())
    for sent, name in NAMES.items():
        assert (await attach(tenant, headers={"Content-Disposition": sent}))["name"] == name


UNSAFE = ("..", "a\nb", "a\x00b", "/", " ", "exe.\u202egnp", "x" * (NAME_BYTES_MAX + 1), "é" * 128)


async def test_names_that_are_not_safe_are_refused(tenant: Tenant) -> None:
    await tenant.posted(sale())
    path = tenant.path("/accounts/assets:bank/attachments")
    for name in UNSAFE:
        problem(await tenant.client.post(path, params={"name": name}, content=ABC), 422, "validation-failed")


async def test_nothing_is_attached_to_what_is_not_there(tenant: Tenant, settings: Settings) -> None:
    before = kept(settings)
    for on in ("/accounts/assets:none", "/transactions/txn_none", "/holds/hold_none"):
        response = await tenant.client.post(tenant.path(f"{on}/attachments"), content=ABC)
        assert response.status_code == 404
        assert (await tenant.get(f"{on}/attachments")).status_code == 404
    assert kept(settings) == before


async def test_lists_are_paged(tenant: Tenant) -> None:
    await tenant.posted(sale())
    ids = [(await attach(tenant, params={"name": f"{number}.txt"}))["id"] for number in range(5)]
    path, found = tenant.path("/accounts/assets:bank/attachments?limit=2&sort=added_at"), []
    cursor = ""
    while True:
        page = document(await tenant.client.get(f"{path}{cursor}"))
        found += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ids
