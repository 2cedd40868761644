"""The tables of states in docs/concepts.md hold: every cell is tried."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from httpx2 import Response

from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

CONCEPTS = Path(__file__).parents[3] / "docs" / "concepts.md"
BANK = "/accounts/assets:bank"
WHY = {"reason": "Because."}
ANY = {"If-Match": "*"}

Act = Callable[[Tenant], Awaitable[Response]]


def post(rest: str, body: Json) -> Act:
    return lambda tenant: tenant.client.post(tenant.path(rest), json=body)


def delete(rest: str) -> Act:
    return lambda tenant: tenant.client.delete(tenant.path(f"{rest}?reason=Because."), headers=ANY)


def patch(rest: str, body: Json) -> Act:
    return lambda tenant: tenant.client.patch(tenant.path(rest), json=body, headers=ANY)


STATES: dict[str, list[Act]] = {
    "account open": [],
    "frozen in this direction": [post(f"{BANK}/freeze", WHY)],
    "archived": [delete(BANK)],
    "ledger open": [],
    "ledger frozen": [post("/freeze", WHY)],
    "ledger archived": [delete("")],
}
ACTS: dict[str, Act] = {
    "post or hold an entry": post("/transactions", sale()),
    "open the account": post("/accounts", {"path": "assets:bank"}),
    "change metadata or limits": patch(BANK, {"metadata": {"a": "1"}, "limits": [{"asset": "EUR", "maximum": "1"}]}),
    "freeze": post(f"{BANK}/freeze", WHY),
    "unfreeze": post(f"{BANK}/unfreeze", WHY),
    "archive": delete(BANK),
    "restore": post(f"{BANK}/restore", WHY),
    "freeze the ledger": post("/freeze", WHY),
    "unfreeze the ledger": post("/unfreeze", WHY),
    "archive the ledger": delete(""),
    "restore the ledger": post("/restore", WHY),
}
# What is about the account itself, in a ledger that is frozen, is tried on an account for which there is something
# to do.
BEFORE: dict[tuple[str, str], list[Act]] = {
    ("unfreeze", "archived"): [post(f"{BANK}/freeze", WHY)],
    ("unfreeze", "ledger frozen"): [post(f"{BANK}/freeze", WHY)],
    ("restore", "ledger frozen"): [delete(BANK)],
}


def cells() -> list[tuple[str, str, str]]:
    """What is done, in which state, and what the page says of it."""
    found = []
    states: list[str] = []
    for line in CONCEPTS.read_text("utf-8").splitlines():
        first, *others = [cell.strip() for cell in line.strip("|").split("|")]
        if not first and set(others) <= set(STATES):
            states = others
        elif first in ACTS and len(others) == len(states):
            found += [(first, state, said) for state, said in zip(states, others, strict=True)]
    return found


def test_every_act_and_state_stands_in_the_tables() -> None:
    assert {act for act, _, _ in cells()} == set(ACTS)
    assert len(cells()) == 7 * 5 + 4 * 3


@pytest.mark.parametrize(("act", "state", "said"), cells())
async def test_what_the_page_says_of_an_act_in_a_state_is_so(tenant: Tenant, act: str, state: str, said: str) -> None:
    for amount in ("1.00", "2.00"):
        await tenant.posted(sale(amount))
    entries = [
        {"account": "income:sales", "direction": "debit", "amount": "3.00", "asset": "EUR"},
        {"account": "assets:bank", "direction": "credit", "amount": "3.00", "asset": "EUR"},
    ]
    await tenant.posted({"entries": entries})
    for before in [*BEFORE.get((act, state), []), *STATES[state]]:
        document(await before(tenant))
    head = await tenant.head()
    does = ACTS[act]
    if said == "done, if it is not there":
        does = post("/accounts", {"path": "assets:another"})
    response = await does(tenant)
    changed = await tenant.head() > head
    if code := re.fullmatch(r"`([a-z-]+)`", said):
        problem(response, response.status_code, code.group(1))
        assert not changed
    else:
        assert response.status_code in (200, 201), response.text
        assert changed is said.startswith("done"), (said, response.text)
