"""No credential of one organisation shows or changes anything of another, on any route of the OpenAPI document.

A new route is walked as soon as it is documented. What it takes is made from the document: the example of its body, and
for its path and its query the names of another organisation's things, which `NAMES` says where to find.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from entrypoints.container import Container, Services
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.credentials import KINDS, ROLES, Limits, Maker
from tests.entrypoints.http.planted import (
    SHARED,
    SHARED_ACCOUNT,
    Planted,
    example_of,
    fingerprint,
    heads,
    operations,
    plant,
)
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
REFUSED = (401, 403, 404)
# Where the other organisation's list has one page only.
NO_CURSOR = "bm9uZQ"

# What stands for a parameter of a path, by how the path goes on there: a name in `Planted.names`, where `{ledger}` is
# the slug in question.
NAMES = {
    "/accounts/{path}": "account {ledger}",
    "/transactions/{id}": "transaction {ledger}",
    "/holds/{id}": "hold {ledger}",
    "/periods/{id}": "period {ledger}",
    "/attachments/{id}": "attachment {ledger}",
    "/api-keys/{id}": "api key",
    "/organisations/{id}": "organisation",
    "/members/{id}": "member",
    "/invitations/{id}": "invitation",
    "/sessions/{id}": "session",
    "/oauth-clients/{id}": "OAuth client",
    "/oauth-grants/{id}": "OAuth grant",
    "/auth/grants/{id}": "OAuth grant",
    "/webhooks/{id}": "webhook",
    "/jobs/{id}": "job",
}
# What is of nobody, or has the same name with everyone.
SAME_FOR_ALL = {"/assets/{code}": "EUR", "/roles/{name}": "bookkeeper"}
# What asks for no credential, or may end the one that it is asked with: it is asked by one of each kind, and last.
ASKED_ONCE = ("/v1/auth/", "/v1/members/me", "/v1/invitations/accept")
# What a filter of a list is given.
FILTERS = {
    "account": "account {ledger}",
    "path": "account {ledger}",
    "reference": "reference {ledger}",
    "hold": "hold {ledger}",
    "reverses": "transaction {ledger}",
    "actor": "api key",
    "request_id": "request",
    "ledger": "slug",
}
EVENT_STREAM = "text/event-stream"
# What a body names.
IN_BODIES = {"hold": "hold {ledger}", "transaction": "transaction {ledger}"}


LIMITED = {
    "limited to a ledger": Limits("owner", ledgers=(SHARED,)),
    "limited to ledgers": Limits("owner", ledgers=("s*",)),
    "limited to accounts": Limits("owner", accounts=("assets:**",)),
    "limited to both": Limits("owner", ledgers=(SHARED,), accounts=(SHARED_ACCOUNT,)),
}
LIMITS = {**ROLES, **LIMITED}
# Each kind for an owner, who may most, and each role with one of the kinds; in the soak, each with each.
SOME = dict(zip(ROLES, cycle(KINDS), strict=False))
CREDENTIALS = [
    *[(kind, role) for kind in KINDS for role in ROLES if IS_LONG or role == "owner" or kind == SOME[role]],
    *[("API key", limits) for limits in LIMITED],
]
# Who asks in every way that there is; the others ask once on every route.
THOROUGH = [("API key", "owner"), ("API key", "limited to both")]


@pytest.fixture(scope="module")
async def planted(
    new_organisation: NewOrganisation, owner: AsyncEngine, container: Container
) -> AsyncIterator[Planted]:
    """The organisation that is to be kept apart; after all that is asked, each row of it is as it was."""
    planted = await plant(await new_organisation(), owner, container)
    before = await fingerprint(owner, planted.tenant.organisation_id)
    yield planted
    assert await fingerprint(owner, planted.tenant.organisation_id) == before


@pytest.fixture(scope="module")
async def other(new_organisation: NewOrganisation) -> Tenant:
    """The organisation that asks: it has a ledger of the same name, with an account of the same name."""
    tenant = await new_organisation()
    document(await tenant.client.post("/v1/ledgers", json={"slug": SHARED}), 201)
    await Tenant(tenant.organisation_id, tenant.key, SHARED, tenant.client).posted(sale())
    return tenant


@dataclass(frozen=True)
class Asked:
    """A request to one operation, with the names of another organisation's things."""

    method: str
    template: str
    path: str
    slug: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes

    @property
    def names_something(self) -> bool:
        """Whether it names something that only the other organisation has, in its path."""
        rest = self.template.replace("{ledger}", "") if self.slug == SHARED else self.template
        rest = rest.replace("{code}", "").replace("{name}", "")
        return "{" in rest and "cursor" not in self.query

    @property
    def is_asked_once(self) -> bool:
        """Whether other requests cannot be relied on after it."""
        return self.template.startswith(ASKED_ONCE)

    @property
    def is_plain(self) -> bool:
        """Whether it is the one request of the operation that says nothing besides what it must."""
        return not self.query and "Accept" not in self.headers

    @property
    def sent(self) -> str:
        """All that it says."""
        return f"{self.path} {json.dumps(dict(self.query))} {dict(self.headers)} {self.content.decode()}"


def named(planted: Planted, name: str, slug: str) -> str:
    return planted.slug if name == "slug" else planted.names[name.replace("{ledger}", slug)]


def filled(planted: Planted, template: str, slug: str) -> str:
    """The path with the other organisation's names in it."""
    path = template
    for part, name in NAMES.items():
        if path.endswith(part) or f"{part}/" in path:
            path = path.replace(part, part.partition("{")[0] + named(planted, name, slug))
    for part, same in SAME_FOR_ALL.items():
        path = path.replace(part, part.partition("{")[0] + same)
    path = path.replace("{ledger}", slug)
    assert "{" not in path, f"{template} has a new parameter: say in NAMES what another organisation's is called"
    return path


def with_names(planted: Planted, body: Any, slug: str) -> Any:
    """The body with the other organisation's names in it."""
    if isinstance(body, list):
        return [with_names(planted, each, slug) for each in body]
    if isinstance(body, dict):
        return {
            key: named(planted, IN_BODIES[key], slug)
            if key in IN_BODIES and isinstance(value, str)
            else with_names(planted, value, slug)
            for key, value in body.items()
        }
    return body


def requests(planted: Planted, described: Json) -> list[Asked]:
    """All that is asked, on every route of the document."""
    asked = []
    for method, template, operation in operations(described):
        body = example_of(described, operation, f"{method} {template}")
        in_query = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "query"}
        required = {name: "a" for name, each in in_query.items() if each.get("required")}
        for slug in (planted.slug, SHARED) if "{ledger}" in template else (planted.slug,):
            queries = [required]
            queries += [{**required, "dry_run": "true"}] if "dry_run" in in_query else []
            if method == "GET":
                queries += [{name: named(planted, FILTERS[name], slug)} for name in in_query if name in FILTERS]
            if "cursor" in in_query:
                queries.append({"cursor": planted.cursors[filled(planted, template, slug)], "limit": "1"})
            content = b"" if body is None else json.dumps(with_names(planted, body, slug)).encode()
            headers = {"If-Match": "*"}
            if content:
                headers["Content-Type"] = "application/json"
            if (method, template) == ("POST", "/v1/ledgers/{ledger}/transactions"):
                # That of a transaction of the other organisation's ledger, which may be of the same name.
                headers["Idempotency-Key"] = planted.names[f"again {slug}"]
            path = filled(planted, template, slug)
            asked += [Asked(method, template, path, slug, query, headers, content) for query in queries]
            types = operation.get("requestBody", {}).get("content", {})
            if "application/x-ndjson" in types:
                lines = {"Content-Type": "application/x-ndjson"}
                asked.append(Asked(method, template, path, slug, {}, lines, json.dumps(sale()).encode()))
            for accept in operation["responses"].get("200", {}).get("content", {}) if method == "GET" else ():
                if accept == EVENT_STREAM:
                    continue  # it goes on for ever: test_event_stream.py asks for it over a real connection
                asked.append(Asked(method, template, path, slug, {}, {"Accept": accept}, b""))
    return asked


@pytest.fixture(scope="module")
async def asked(planted: Planted, app: FastAPI) -> list[Asked]:
    """All requests, with cursors of the other organisation's own lists."""
    described = app.openapi()
    for method, template, operation in operations(described):
        if any(each["name"] == "cursor" for each in operation.get("parameters", ())):
            for slug in (planted.slug, SHARED):
                path = filled(planted, template, slug)
                page = (await planted.tenant.client.request(method, f"{path}?limit=1")).json()
                planted.cursors[path] = page.get("next_cursor") or NO_CURSOR
    asked = requests(planted, described)
    assert len(asked) > 200
    return asked


async def send(client: AsyncClient, each: Asked) -> Response:
    return await client.request(
        each.method, each.path, params=dict(each.query), headers=dict(each.headers), content=each.content
    )


async def test_what_is_planted_is_shown_to_its_own_organisation(planted: Planted, asked: list[Asked]) -> None:
    """Else nothing would be proved by not finding it elsewhere."""
    shown = ""
    for each in asked:
        if each.method == "GET" and not each.query:
            response = await send(planted.tenant.client, each)
            shown += response.text + str(response.headers)
    assert not {name for name, said in planted.said.items() if said not in shown}


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "limits"), CREDENTIALS)
async def test_no_credential_shows_or_changes_anything_of_another_organisation(
    app: FastAPI,
    services: Services,
    owner: AsyncEngine,
    planted: Planted,
    other: Tenant,
    asked: list[Asked],
    kind: str,
    limits: str,
) -> None:
    before = await heads(owner, planted.tenant.organisation_id)
    credential = await KINDS[kind](Maker(services, owner, other.organisation_id), LIMITS[limits])
    async with connected(app, credential) as client:
        for each in sorted(asked, key=lambda each: each.is_asked_once):
            if (each.is_asked_once and limits != "owner") or not (each.is_plain or (kind, limits) in THOROUGH):
                continue
            response = await send(client, each)
            what = f"{each.method} {each.path} {dict(each.query)}: {response.status_code} {response.text[:500]}"
            assert response.status_code < 500, what
            assert response.status_code != 401 or each.is_asked_once, what
            assert each.query.get("cursor", NO_CURSOR) == NO_CURSOR or response.status_code in (*REFUSED, 400), what
            leaked = planted.leaked(response.text + str(response.headers), sent=each.sent)
            assert not leaked, f"{leaked} in {what}"
            if each.names_something:
                assert refused(response), what
    assert await heads(owner, planted.tenant.organisation_id) == before


def refused(response: Response) -> bool:
    """Whether the request was refused, or each item of it."""
    if response.status_code in REFUSED:
        return True
    if "bulk" not in str(response.url):
        return False
    lines = [json.loads(line) for line in response.text.splitlines()]
    results = [result for line in lines for result in line.get("results", [line])]
    return all(result["status"] in REFUSED for result in results)


@pytest.mark.parametrize("credential", [None, "no-credential", "ptk_1_x", "of another organisation's number"])
async def test_who_is_nobody_is_shown_nothing(
    app: FastAPI, planted: Planted, other: Tenant, asked: list[Asked], credential: str | None
) -> None:
    if credential is not None and " " in credential:
        prefix, _, secret = other.key.split("_")
        credential = f"{prefix}_{planted.tenant.organisation_id}_{secret}"
    scheme = "Bearer" if credential is not None and credential.startswith("ptk_") else "Basic"
    headers = {} if credential is None else {"Authorization": f"{scheme} {credential}"}
    async with connected(app) as client:
        client.headers.update(headers)
        # Without any credential in every way that there is, and with a bad one once on every route.
        for each in asked if credential is None else [each for each in asked if each.is_plain]:
            response = await send(client, each)
            assert not planted.leaked(response.text + str(response.headers), sent=each.sent)
            assert not each.names_something or response.status_code == 401, each
