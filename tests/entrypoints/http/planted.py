"""An organisation that says something unmistakable wherever something can be said, and how to find that elsewhere."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ids import outward_id
from entrypoints.container import Container
from tests.adapters.postgres.tenant_tables import TABLES, fill, member_of, organisation_of
from tests.entrypoints.http.jobs_run import asked_import, ended, results, sales
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

# Both organisations have a ledger of this name, and an account of this name in it.
SHARED, SHARED_ACCOUNT = "shared", "assets:bank"
_FINGERPRINT = (
    "SELECT md5(coalesce(string_agg(row, ' ' ORDER BY row), ''))"
    " FROM (SELECT t::text AS row FROM {} AS t WHERE {} = {:d}) AS rows"
)


@dataclass
class Planted:
    """The organisation, what its things are called, and all texts that nobody else may ever be shown."""

    tenant: Tenant
    slug: str
    names: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)

    def leaked(self, shown: str, *, sent: str) -> list[str]:
        """Which of the texts are shown, besides those that were sent."""
        return [name for name, mark in self.said.items() if mark in shown and mark not in sent]


def mark(name: str) -> str:
    """A text that stands nowhere else."""
    return f"{name}-{secrets.token_hex(6)}"


async def plant(tenant: Tenant, owner: AsyncEngine, container: Container) -> Planted:
    """Fill the organisation with things that have unmistakable names, in a ledger of its own and in the shared one."""
    planted = Planted(tenant, mark("slug"))
    said, names = planted.said, planted.names
    for slug, of in ((planted.slug, "own"), (SHARED, "shared")):
        words = {
            each: mark(each)
            for each in ("name", "key", "value", "reference", "description", "why", "held", "again", "file", "content")
        }
        metadata = {words["key"]: words["value"]}
        creation = {"slug": slug, "name": words["name"], "metadata": metadata}
        made = await tenant.client.post("/v1/ledgers", json=creation, headers={"X-Request-Id": mark("request")})
        said[f"{of} creation"] = names["request"] = made.headers["x-request-id"]
        document(made, 201)
        books = Tenant(tenant.organisation_id, tenant.key, slug, tenant.client)
        # A name of its own, which a request may send, and one that B has, too.
        account = f"assets:{mark('account')}"
        transaction = sale("4711.23", reference=words["reference"], description=words["description"], metadata=metadata)
        transaction["entries"][0]["account"] = account
        posted = await books.posted(transaction, headers={"Idempotency-Key": words["again"]})
        await books.posted(sale("815.42", reference=mark("reference")))
        held = transaction | {"reference": words["held"]}
        hold = document(await tenant.client.post(books.path("/holds"), json=held), 201)
        bill = await tenant.client.post(
            books.path(f"/accounts/{account}/attachments"),
            content=words["content"].encode(),
            params={"name": words["file"]},
        )
        attached = document(bill, 201)
        for subject in (f"transactions/{posted['id']}", f"holds/{hold['id']}"):
            document(await tenant.client.post(books.path(f"/{subject}/attachments"), content=b"file"), 201)
        closing = {"until": "2026-01-01", "reason": words["why"]}
        period = document(await tenant.client.post(books.path("/periods"), json=closing), 201)
        rules = {"rules": [{"pattern": f"{mark('pattern')}:*", "type": "asset"}]}
        document(await tenant.client.put(books.path("/chart"), json=rules, headers={"If-Match": "*"}))
        events = document(await books.get("/events?limit=500"))["data"]
        things = {"account": account, "transaction": posted["id"], "hold": hold["id"], "period": period["id"]}
        things |= {"attachment": attached["id"], "file hash": attached["sha256"]}
        said |= {f"{of} {name}": word for name, word in (words | things).items() if name != "again"}
        said |= {f"{of} event {each['sequence']}": each["hash"] for each in events}
        said |= {f"{of} pattern": rules["rules"][0]["pattern"], f"{of} amount": "4711.23"}
        names |= {f"{name} {slug}": word for name, word in (words | things).items()}
    key = document(await tenant.client.post("/v1/api-keys", json={"name": mark("key")}), 201)
    said |= {"key name": key["name"], "key id": key["id"], "slug": planted.slug}
    names["api key"] = key["id"]
    of_webhook = {"url": f"https://{mark('hook')}.invalid/", "description": mark("webhook"), "ledgers": [planted.slug]}
    webhook = document(await tenant.client.post("/v1/webhooks", json=of_webhook), 201)
    said |= {"webhook id": webhook["id"], "webhook URL": webhook["url"], "webhook": webhook["description"]}
    names["webhook"] = webhook["id"]
    await _plant_job(planted, container)
    await _plant_people(planted, owner)
    return planted


async def _plant_job(planted: Planted, container: Container) -> None:
    """Have a job done, which leaves a result, and one that waits, which leaves what it is to work on."""
    job = await asked_import(planted.tenant, sales(1))
    await ended(container, planted.tenant, job["id"])
    (told,) = await results(planted.tenant, job["id"])
    planted.names["job"] = planted.said["job"] = job["id"]
    planted.said["imported"] = told["transaction"]
    planted.said["waiting job"] = (await asked_import(planted.tenant, sales(1)))["id"]


async def _plant_people(planted: Planted, owner: AsyncEngine) -> None:
    """Fill the tables of people, roles and clients, in whatever way their own routes do it."""
    organisation_id = planted.tenant.organisation_id
    await fill(owner, organisation_id)
    email = f"{mark('ada')}@partita.test"
    async with owner.connect() as connection:
        values = {"id": member_of(organisation_id), "email": email}
        await connection.execute(
            text("INSERT INTO persons (id, email, created_at) VALUES (:id, :email, now())"), values
        )
        session = text(
            "INSERT INTO sessions (id, person_id, created_at, last_used_at, expires_at)"
            " VALUES (:id, :id, now(), now(), now() + interval '1 day')"
        )
        await connection.execute(session, {"id": member_of(organisation_id)})
        await connection.execute(text("COMMIT"))
    made_up = outward_id("usr", member_of(organisation_id)).removeprefix("usr_")
    planted.names |= {"member": f"usr_{made_up}", "invitation": f"inv_{made_up}", "session": f"ses_{made_up}"}
    planted.names |= {"organisation": str(organisation_id)}
    planted.names |= {"OAuth client": f"cli_{made_up}", "OAuth grant": f"gnt_{made_up}"}
    planted.names |= {"made up": made_up, "made up name": f"made up for {organisation_id}"}
    planted.said |= {"e-mail": email, "made up id": made_up, "made up name": f"made up for {organisation_id}"}


async def heads(owner: AsyncEngine, organisation_id: int) -> list[tuple[int, int, bytes]]:
    """The last event of each of the organisation's logs."""
    query = text(
        "SELECT DISTINCT ON (stream_id) stream_id, sequence, hash FROM event_log WHERE stream_id IN"
        " (SELECT :id UNION ALL SELECT id FROM ledgers WHERE organisation_id = :id) ORDER BY stream_id, sequence DESC"
    )
    async with owner.connect() as connection:
        return [(row[0], row[1], row[2]) for row in await connection.execute(query, {"id": organisation_id})]


async def fingerprint(owner: AsyncEngine, organisation_id: int) -> dict[str, str]:
    """Something that differs once any row of the organisation's differs, for each table."""
    found = {}
    async with owner.connect() as connection:
        for table in TABLES:
            query = text(_FINGERPRINT.format(table.name, organisation_of(table), organisation_id))
            found[table.name] = str(await connection.scalar(query))
    return found


def example_of(described: Json, operation: Json, what: str) -> Any:
    """The documented example of an operation's body, or None where it has no body."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    shown = next(iter(content.values()))
    if "example" in shown:
        return shown["example"]
    schema = shown["schema"]
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert schema.get("examples"), f"{what} has no example: give its form one, so that this test can send it"
    return schema["examples"][0]


def operations(described: Json) -> Iterator[tuple[str, str, Json]]:
    """Every operation of an OpenAPI document: its method, its path and its description."""
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation
