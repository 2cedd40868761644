"""One of everything that an organisation's key can ask for, on every route of the OpenAPI document, and in GraphQL."""

import json
from typing import Any, Final

from httpx2 import Response

from tests.entrypoints.http.graphql.asked import sent
from tests.entrypoints.http.jobs_run import sales
from tests.entrypoints.http.planted import SHARED, operations
from tests.entrypoints.http.queries.stage import Stage
from tests.entrypoints.http.tenant import NDJSON, Json, document, sale
from tests.entrypoints.http.test_tenants_apart import NO_CURSOR, Asked, filled, requests, send

_ORDER: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
JOURNAL: Final = b"2026-03-01 Sale\n  assets:bank  1.00 EUR\n  income:sales\n"
# Whatever a page of it shows, an operation of GraphQL asks for at once.
PAGE: Final = """query ($ledger: String!, $account: String!, $transaction: String!, $hold: String!, $first: Int!) {
  ledgers(first: $first) { nodes { slug } }
  ledger(slug: $ledger) {
    name sequence
    account(path: $account) { path balances { posted available } parent { path } descendants(first: 3) { path } }
    below(path: "assets", first: $first) { path }
    accounts(first: $first) { nodes { path balances { posted } } }
    entries(account: $account, first: $first) { nodes { amount } }
    transaction(id: $transaction) { id entries { account { path } } reversedBy { id } }
    transactions(first: $first) { nodes { id hold { id } entries { account { path } } } }
    hold(id: $hold) { id captures { id } }
    holds(first: $first) { nodes { id entries { account { path } } captures { id } } }
    events(first: $first) { nodes { sequence } }
  }
}"""
_REPORTS: Final = """query ($ledger: String!) { ledger(slug: $ledger) {
  trialBalance { sequence } balanceSheet { sequence } incomeStatement { sequence } } }"""


async def ask_all_routes(stage: Stage) -> None:
    """Send what the document shows, in every way that it names, to the ledger that is full."""
    described = stage.app.openapi()
    planted, client = stage.planted, stage.planted.tenant.client
    for method, template, operation in operations(described):
        if any(each["name"] == "cursor" for each in operation.get("parameters", ())):
            for slug in (planted.slug, SHARED):
                path = filled(planted, template, slug)
                page = (await client.request(method, f"{path}?limit=1")).json()
                planted.cursors[path] = page.get("next_cursor") or NO_CURSOR
    asked = [each for each in requests(planted, described) if each.slug != SHARED and not each.is_asked_once]
    await ask_what_succeeds(stage)
    for each in sorted(asked, key=lambda each: _ORDER.index(each.method)):
        await stage.watched(name_of(each), send(client, each))


def name_of(each: Asked) -> str:
    """What a request is, with what filters it."""
    given = " ".join(sorted(set(each.query) - {"cursor", "limit", "reason"}))
    return f"{each.method} {each.template}" + (f"?{given}" if given else "")


async def ask_what_succeeds(stage: Stage) -> None:
    """Ask for what examples cannot be of: what is done with things that were made for it a moment ago."""
    books, client = stage.books, stage.books.client

    async def ask(method: str, template: str, body: Any = None, *, sent_as: str = NDJSON, **names: str) -> Json:
        path = template.replace("{ledger}", books.ledger)
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        response = await stage.ask(f"{method} {template}", client, method, path, **_given(body, sent_as))
        assert response.status_code < 300, f"{method} {path}: {response.text}"
        answer: Json = response.json() if response.content and "json" in response.headers["content-type"] else {}
        return answer

    ledger = "/v1/ledgers/{ledger}"
    posted = [(await ask("POST", f"{ledger}/transactions", sale()))["id"] for _ in range(2)]
    await ask("POST", f"{ledger}/transactions/{{id}}/reverse", {}, id=posted[0])
    await ask("POST", f"{ledger}/transactions/reverse", {"reversals": [{"transaction": posted[1]}]})
    held = [(await ask("POST", f"{ledger}/holds", sale()))["id"] for _ in range(3)]
    await ask("POST", f"{ledger}/holds/{{id}}/capture", {}, id=held[0])
    await ask("POST", f"{ledger}/holds/{{id}}/release", {}, id=held[1])
    await ask("POST", f"{ledger}/holds/resolve", {"resolutions": [{"action": "release", "hold": held[2]}]})
    period = await ask("POST", f"{ledger}/periods", {"until": "2026-02-01", "reason": "January."})
    await ask("POST", f"{ledger}/periods/{{id}}/reopen", {"reason": "Once more."}, id=period["id"])
    made = await ask("POST", "/v1/ledgers", {"slug": "another"})
    over = client.delete(f"/v1/ledgers/{made['slug']}", params={"reason": "over"}, headers={"If-Match": "*"})
    document(await stage.watched("DELETE /v1/ledgers/{ledger}", over))
    for report in ("trial-balance", "balance-sheet", "income-statement"):
        job = await ask("POST", f"{ledger}/reports/{report}/jobs", {})
        await ask("DELETE", "/v1/jobs/{id}", id=job["id"])
        await ask("POST", "/v1/jobs/{id}/retry", {}, id=job["id"])
    await ask("POST", f"{ledger}/imports", sales(3))
    await ask("POST", f"{ledger}/imports/preview", JOURNAL, sent_as="text/x-hledger")
    await ask("POST", f"{ledger}/imports", JOURNAL, sent_as="text/x-hledger")
    program = await ask(
        "POST", "/v1/oauth-clients", {"name": "c", "scopes": ["accountant"], "grant_types": ["client_credentials"]}
    )
    await ask("POST", "/v1/oauth-clients/{id}/rotate-secret", {}, id=program["id"])
    await ask("PATCH", "/v1/oauth-clients/{id}", {"scopes": ["accounts:read"]}, id=program["id"])
    await ask("DELETE", "/v1/oauth-clients/{id}", id=program["id"])
    role = {"description": "Reads.", "permissions": ["accounts:read"]}
    document(await books.client.put("/v1/roles/reader", json=role))
    await ask("PUT", "/v1/roles/{name}", role, name="reader")
    await ask("GET", "/v1/roles/{name}", name="reader")
    await ask("DELETE", "/v1/roles/{name}", name="reader")
    invited = await ask(
        "POST", "/v1/invitations", {"email": "bob@example.com", "assignments": [{"role": "accountant"}]}
    )
    await ask("DELETE", "/v1/invitations/{id}", id=invited["id"])
    webhook = await ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/", "ledgers": [books.ledger]})
    await ask("POST", "/v1/webhooks/{id}/replay", {"ledger": books.ledger, "after": 0}, id=webhook["id"])
    await ask("POST", "/v1/webhooks/{id}/test", {}, id=webhook["id"])
    path = stage.planted.names[f"account {books.ledger}"]
    found = await ask("GET", f"{ledger}/accounts/{{path}}/attachments", path=path)
    await ask("GET", f"{ledger}/attachments/{{id}}/content", id=found["data"][0]["id"])


def _given(body: Any, sent_as: str) -> dict[str, Any]:
    headers = {"If-Match": "*"}
    if isinstance(body, bytes):
        return {"content": body, "headers": headers | {"Content-Type": sent_as}}
    return {"headers": headers} if body is None else {"headers": headers, "json": body}


async def ask_graphql(stage: Stage, first: int = 50) -> Response:
    """Ask for a page of everything in GraphQL, and for the reports."""
    books, names = stage.books, stage.planted.names
    variables = {name: names[f"{name} {books.ledger}"] for name in ("account", "transaction", "hold")}
    variables |= {"ledger": books.ledger}
    answer = await stage.watched(f"GraphQL page of {first}", sent(books.client, PAGE, {**variables, "first": first}))
    assert "errors" not in json.loads(answer.content), answer.text
    answer = await stage.watched("GraphQL reports", sent(books.client, _REPORTS, {"ledger": books.ledger}))
    assert "errors" not in json.loads(answer.content), answer.text
    return answer
