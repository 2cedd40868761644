"""Who may do something is told what came of it, whatever else they may not see."""

from typing import Any

import pytest

from domain.shared.access import Permission
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

ANY = {"If-Match": "*"}
WHY = {"reason": "Audit"}
BANK = "/accounts/assets:bank"
EMPTY = "/accounts/assets:empty"

# A permission, and a change that takes no other; `{transaction}`, `{hold}` and `{period}` are ids.
CHANGES: list[tuple[Permission, str, str, Any]] = [
    (Permission.LEDGERS_CHANGE, "PATCH", "", {"name": "Other books"}),
    (Permission.LEDGERS_FREEZE, "POST", "/freeze", WHY),
    (Permission.LEDGERS_FREEZE, "POST", "/unfreeze", WHY),
    (Permission.LEDGERS_ARCHIVE, "POST", "/restore", WHY),
    (Permission.ASSETS_REGISTER, "PUT", "/assets/EUR", {"scale": 2}),
    (Permission.CHART_SET, "PUT", "/chart", {"rules": []}),
    (Permission.ACCOUNTS_OPEN, "POST", "/accounts", {"path": "users:1", "type": "liability"}),
    (Permission.ACCOUNTS_CHANGE, "PATCH", BANK, {"metadata": {"a": "1"}}),
    (Permission.ACCOUNTS_FREEZE, "POST", f"{BANK}/freeze", WHY),
    (Permission.ACCOUNTS_FREEZE, "POST", f"{BANK}/unfreeze", WHY),
    (Permission.ACCOUNTS_ARCHIVE, "DELETE", f"{EMPTY}?reason=Old", None),
    (Permission.ACCOUNTS_ARCHIVE, "POST", f"{EMPTY}/restore", WHY),
    (Permission.TRANSACTIONS_POST, "POST", "/transactions", sale()),
    (Permission.TRANSACTIONS_CHANGE, "PATCH", "/transactions/{transaction}", {"metadata": {"a": "1"}}),
    (Permission.TRANSACTIONS_REVERSE, "POST", "/transactions/{transaction}/reverse", {}),
    (Permission.TRANSACTIONS_FORCE, "POST", "/transactions/{transaction}/reverse", {"force": True}),
    (Permission.HOLDS_PLACE, "POST", "/holds", sale()),
    (Permission.HOLDS_RESOLVE, "POST", "/holds/{hold}/capture", {}),
    (Permission.HOLDS_RESOLVE, "POST", "/holds/{hold}/release", {}),
    (Permission.PERIODS_CLOSE, "POST", "/periods", {"until": "2021-01-01", "reason": "Year"}),
    (Permission.PERIODS_REOPEN, "POST", "/periods/{period}/reopen", WHY),
]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("permission", "method", "rest", "body"), CHANGES, ids=[f"{method} {rest}" for _, method, rest, _ in CHANGES]
)
async def test_a_change_and_its_answer_take_one_permission(
    tenant: Tenant,
    permission: Permission,
    method: str,
    rest: str,
    body: Any,
    dry_run: bool,
) -> None:
    made = {
        "transaction": (await tenant.posted(sale()))["id"],
        "hold": document(await tenant.client.post(tenant.path("/holds"), json=sale()), 201)["id"],
        "period": await closed(tenant),
    }
    document(await tenant.client.post(tenant.path("/accounts"), json={"path": "assets:empty"}), 201)
    await as_one(tenant, permission)
    query = ("&" if "?" in rest else "?") + f"dry_run={'true' if dry_run else 'false'}"
    path = tenant.path(rest.format(**made) + query)
    answer = await tenant.client.request(method, path, json=body, headers=ANY)
    assert answer.status_code in (200, 201), answer.text
    # None of these permissions is one to read.
    problem(await tenant.get(), 403, "permission-denied")


async def closed(tenant: Tenant) -> str:
    """The id of a period that is closed."""
    period = {"until": "2020-01-01", "reason": "Year"}
    closing = await tenant.client.post(tenant.path("/periods"), json=period)
    return str(document(closing, 201)["id"])


async def as_one(tenant: Tenant, permission: Permission) -> None:
    """Go on with a key that has one permission."""
    wanted = {"name": "one", "scopes": [permission.value]}
    made = document(await tenant.client.post("/v1/api-keys", json=wanted), 201)
    tenant.client.headers["Authorization"] = f"Bearer {made['key']}"
