"""What who is limited to some ledgers and accounts may ask for, and what it is answered."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

ANY = {"If-Match": "*"}
WHY = {"reason": "Audit"}
Limit = Callable[..., Awaitable[None]]


@pytest.fixture
def limit(tenant: Tenant) -> Limit:
    """A way to go on with a key that has every permission but those of owners, on some accounts or ledgers only."""

    async def to(*accounts: str, ledgers: tuple[str, ...] | None = None) -> None:
        limits = {"accounts": list(accounts) or None, "ledgers": None if ledgers is None else list(ledgers)}
        wanted = {"name": "limited", "scopes": ["admin"]} | {name: value for name, value in limits.items() if value}
        made = document(await tenant.client.post("/v1/api-keys", json=wanted, headers=tenant.authorization), 201)
        tenant.client.headers["Authorization"] = f"Bearer {made['key']}"

    return to


def between(debited: str, credited: str, amount: str = "1.00") -> Json:
    """A transaction of two entries."""
    entries = [
        {"account": debited, "direction": "debit", "amount": amount, "asset": "EUR"},
        {"account": credited, "direction": "credit", "amount": amount, "asset": "EUR"},
    ]
    return {"entries": entries}


async def test_who_is_limited_to_accounts_reads_each_of_them_and_no_list(tenant: Tenant, limit: Limit) -> None:
    mine = await tenant.posted(between("assets:a", "assets:b"))
    theirs = await tenant.posted(between("assets:a", "income:sales"))
    hold = document(await tenant.client.post(tenant.path("/holds"), json=between("assets:a", "assets:b")), 201)
    foreign = document(await tenant.client.post(tenant.path("/holds"), json=sale()), 201)
    await limit("assets:**")
    for rest in (
        "/accounts/assets:a",
        "/accounts/assets:a/balances",
        "/accounts/assets:a/balances?as_of_sequence=5",
        "/accounts/assets:a/entries",
        "/accounts/assets:a/statement",
        f"/transactions/{mine['id']}",
        f"/holds/{hold['id']}",
    ):
        document(await tenant.get(rest))
    for rest in (
        "",
        "/assets",
        "/assets/EUR",
        "/chart",
        "/accounts",
        "/accounts?path=assets:a",
        "/accounts/income:sales",
        "/accounts/income:sales/balances",
        "/accounts/income:sales/entries",
        "/accounts/income:sales/statement",
        "/transactions",
        "/transactions?account=assets:a",
        f"/transactions/{theirs['id']}",
        "/holds",
        f"/holds/{foreign['id']}",
        "/periods",
        "/events",
        "/checkpoint",
        "/reports/trial-balance",
        "/reports/balance-sheet",
        "/reports/income-statement",
    ):
        told = problem(await tenant.get(rest), 403, "permission-denied")
        assert "limited to assets:**" in told["detail"], rest
        assert told["permission"].endswith(":read"), rest
    problem(await tenant.client.post(tenant.path("/verification")), 403, "permission-denied")
    problem(await tenant.client.get("/v1/ledgers"), 403, "permission-denied")


Ask = Callable[[Tenant], Awaitable[tuple[str, str, Any]]]


async def capturing(tenant: Tenant) -> tuple[str, str, Any]:
    hold = document(await tenant.client.post(tenant.path("/holds"), json=between("assets:a", "assets:b")), 201)
    return "POST", f"/holds/{hold['id']}/capture", {}


async def releasing(tenant: Tenant) -> tuple[str, str, Any]:
    method, rest, _ = await capturing(tenant)
    return method, rest.replace("capture", "release"), WHY


async def resolving(tenant: Tenant) -> tuple[str, str, Any]:
    _, rest, _ = await releasing(tenant)
    return "POST", "/holds/resolve", {"resolutions": [{"action": "release", "hold": rest.split("/")[2]}]}


async def reversing(tenant: Tenant) -> tuple[str, str, Any]:
    posted = await tenant.posted(between("assets:a", "assets:b"))
    return "POST", f"/transactions/{posted['id']}/reverse", {}


async def noting(tenant: Tenant) -> tuple[str, str, Any]:
    posted = await tenant.posted(between("assets:a", "assets:b"))
    return "PATCH", f"/transactions/{posted['id']}", {"metadata": {"a": "1"}}


async def changing(tenant: Tenant) -> tuple[str, str, Any]:
    await tenant.posted(between("assets:a", "assets:b"))
    return "PATCH", "/accounts/assets:a", {"metadata": {"a": "1"}}


async def freezing(tenant: Tenant) -> tuple[str, str, Any]:
    await tenant.posted(between("assets:a", "assets:b"))
    return "POST", "/accounts/assets:a/freeze", WHY


async def opening(tenant: Tenant) -> tuple[str, str, Any]:
    return "POST", "/accounts", {"path": "assets:new"}


async def posting(tenant: Tenant) -> tuple[str, str, Any]:
    return "POST", "/transactions", between("assets:a", "assets:b")


@pytest.mark.parametrize("dry_run", ["false", "true"])
@pytest.mark.parametrize(
    "ask", [capturing, releasing, resolving, reversing, noting, changing, freezing, opening, posting]
)
async def test_whoever_may_do_it_is_told_what_came_of_it(tenant: Tenant, limit: Limit, ask: Ask, dry_run: str) -> None:
    method, rest, body = await ask(tenant)
    await limit("assets:**")
    answer = await tenant.client.request(method, f"{tenant.path(rest)}?dry_run={dry_run}", json=body, headers=ANY)
    assert answer.status_code in (200, 201), answer.text
    await limit("liabilities:**")
    told = await tenant.client.request(method, f"{tenant.path(rest)}?dry_run={dry_run}", json=body, headers=ANY)
    problem(told, 403, "permission-denied")


async def test_a_guess_leads_to_nothing_that_lies_beyond(tenant: Tenant, limit: Limit) -> None:
    theirs = await tenant.posted(sale() | {"reference": "salary-3"})
    hold = document(await tenant.client.post(tenant.path("/holds"), json=sale()), 201)
    await limit("income:**")
    taken = problem(
        await tenant.post(between("income:a", "income:b") | {"reference": "salary-3"}), 409, "duplicate-reference"
    )
    assert theirs["id"] in taken["detail"]
    for path in (f"/transactions/{theirs['id']}", f"/holds/{hold['id']}"):
        told = problem(await tenant.get(path), 403, "permission-denied")
        assert told["detail"].endswith("it is limited to income:**, without an account that this concerns.")
        assert "assets:bank" not in str(told)
    released = problem(
        await tenant.client.post(tenant.path(f"/holds/{hold['id']}/release"), json={}), 403, "permission-denied"
    )
    assert "assets:bank" not in str(released)


async def test_in_a_stream_each_line_is_judged_by_itself(tenant: Tenant, limit: Limit) -> None:
    await limit("assets:**")
    lines = [between("assets:a", "assets:b"), sale(), between("assets:b", "assets:a")]
    answer = await tenant.bulk(lines)
    results = document(answer)["results"]
    assert [each["status"] for each in results] == [201, 403, 201]
    assert results[1]["problem"]["permission"] == "transactions:post"
    problem(await tenant.bulk(lines, atomic=True), 403, "permission-denied")


async def test_who_is_limited_to_ledgers_works_in_those(tenant: Tenant, limit: Limit) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": "eu-de"}), 201)
    await limit(ledgers=("eu-*",))
    document(await tenant.client.get("/v1/ledgers/eu-de/accounts"))
    document(await tenant.client.post("/v1/ledgers/eu-de/transactions", json=sale()), 201)
    document(await tenant.client.post("/v1/ledgers", json={"slug": "eu-fr"}), 201)
    told = problem(await tenant.get(), 403, "permission-denied")
    assert told["detail"].endswith(" has it limited to the ledgers eu-*, and not to main.")
    problem(await tenant.post(sale()), 403, "permission-denied")
    problem(await tenant.client.post("/v1/ledgers", json={"slug": "us"}), 403, "permission-denied")
    problem(await tenant.client.get("/v1/ledgers"), 403, "permission-denied")
    # Whether a ledger is there is nobody's to learn, either.
    problem(await tenant.client.get("/v1/ledgers/nowhere"), 403, "permission-denied")


async def test_a_key_limited_to_accounts_cannot_make_one_that_is_not(tenant: Tenant, limit: Limit) -> None:
    await limit("assets:**")
    problem(await tenant.client.post("/v1/api-keys", json={"name": "x"}), 403, "permission-denied")
