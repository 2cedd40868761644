"""What an operation may ask for is bounded, and links of any number of things are followed in one go."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from graphql import get_introspection_query
from sqlalchemy import Engine, event

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.graphql.asked import asked, refused
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

_OF_WHO_ASKS = re.compile(r"^SELECT set_config|FROM api_keys|^SELECT organisations\.quotas")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile, but for those by which who asks is looked up again now and then."""
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not _OF_WHO_ASKS.search(statement):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def transfer(number: int) -> Json:
    return sale(
        entries=[
            {"account": f"assets:a:{number}", "direction": "debit", "amount": "1.00", "asset": "EUR"},
            {"account": f"income:b:{number}", "direction": "credit", "amount": "1.00", "asset": "EUR"},
        ]
    )


@pytest.fixture(scope="module")
async def books(new_organisation: NewOrganisation) -> Tenant:
    """Twelve transactions on accounts of their own, each with a hold that was captured, and half of them reversed."""
    tenant = await new_organisation()
    for number in range(12):
        hold = document(await tenant.client.post(tenant.path("/holds"), json=transfer(number)), 201)
        captured = document(
            await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={"final": True}), 201
        )
        if number % 2:
            await tenant.client.post(tenant.path(f"/transactions/{captured['id']}/reverse"), json={})
    return tenant


NESTED = {
    "transactions": """query ($first: Int!) { ledger(slug: "main") { transactions(first: $first) { nodes {
        id hold { id captures { id } } reverses { id } reversedBy { id }
        entries { account { path parent { path } descendants(first: 3) { path } balances { posted }
          then: balances(at: "2020-01-01") { posted } } } } } } }""",
    "accounts": """query ($first: Int!) { ledger(slug: "main") { accounts(first: $first) { nodes {
        path parent { path } balances { posted available } descendants { path balances { posted } } } } } }""",
    "holds": """query ($first: Int!) { ledger(slug: "main") { holds(first: $first) { nodes {
        id entries { account { balances { posted } } }
        captures { hold { id } entries { account { path } } } } } } }""",
}


@pytest.mark.parametrize("what", NESTED)
async def test_links_take_as_many_statements_of_few_things_as_of_many(books: Tenant, what: str) -> None:
    counts = []
    for first in (4, 12):
        with counted() as statements:
            data = await asked(books, NESTED[what], first=first)
        assert len(data["ledger"][what]["nodes"]) == first
        counts.append(len(statements))
    # A page of more things may read one window of rows more; but nothing is read thing by thing.
    assert counts[1] <= counts[0] + 2, counts
    assert counts[1] < 70, counts


async def test_a_thing_that_is_met_again_is_read_once(books: Tenant) -> None:
    with counted() as once:
        await asked(books, '{ ledger(slug: "main") { transactions { nodes { entries { account { path } } } } } }')
    with counted() as twice:
        await asked(
            books,
            """{ ledger(slug: "main") { transactions { nodes { entries {
              account { path } again: account { path parent { path } } } } } } }""",
        )
    # The parents are one load more: the beginning of a view, the ledger, and the accounts.
    assert len(twice) <= len(once) + 4


def deep(levels: int) -> str:
    return '{ ledger(slug: "main") { account(path: "a") ' + "{ parent " * levels + "{ path }" + "}" * levels + " } }"


TOO_MUCH = {
    "deep": (deep(14), "17 fields deep"),
    "very deep": ("{ ledger " * 600, "nested"),
    "aliases": ("{" + " ".join(f'a{n}: ledger(slug: "main") {{ slug }}' for n in range(51)) + "}", "51 aliases"),
    "tokens": ("{ ledgers { nodes { " + "slug " * 2_001 + "} } }", "2000"),
    "repetitions": ("{ ledgers { " + "nodes { slug } " * 65 + "} }", "again"),
    "repetitions in fragments": (
        "{ ledgers { "
        + " ".join(f"...f{n}" for n in range(25))
        + " } } "
        + " ".join(
            f"fragment f{n} on LedgerConnection {{ nodes {{ slug }} nodes {{ slug }} nodes {{ slug }} }}"
            for n in range(25)
        ),
        "again",
    ),
    "fragments": (
        "{ ledgers { nodes { slug } } } " + " ".join(f"fragment f{n} on Ledger {{ slug }}" for n in range(31)),
        "31 fragments",
    ),
    "cost": (
        """{ ledger(slug: "main") { transactions(first: 500) { nodes {
          entries { account { balances { posted } } } } } } }""",
        "objects",
    ),
    "cost by a variable": (
        """query ($n: Int = 500) { ledger(slug: "main") {
          transactions(first: $n) { nodes { entries { account { balances { posted } } } } } } }""",
        "objects",
    ),
    "pages of a list": ("{ ledgers { nodes { accounts { nodes { path } } } } }", "page for each"),
    "pages of the edges of a list": ("{ ledgers { edges { node { holds { nodes { id } } } } } }", "page for each"),
    "fragments that double": (
        '{ ledger(slug: "main") { account(path: "a") { ...f0 } } } '
        + " ".join(
            f"fragment f{n} on Account {{ parent {{ ...f{n + 1} }} again: parent {{ ...f{n + 1} }} }}"
            for n in range(20)
        )
        + " fragment f20 on Account { path }",
        "deep",
    ),
    "mutations": (
        "mutation { "
        + " ".join(
            f'a{n}: releaseHold(ledger: "main", id: "x", input: {{}}) {{ hold {{ captures {{ entries {{ account {{ '
            f"descendants(first: 500) {{ path }} }} }} }} }} }}"
            for n in range(2)
        )
        + "}",
        "objects",
    ),
}


@pytest.mark.parametrize("case", TOO_MUCH)
async def test_what_asks_for_too_much_is_refused_before_anything_is_read(books: Tenant, case: str) -> None:
    query, said = TOO_MUCH[case]
    with counted() as statements:
        # Two of them end the parsing already.
        code = "invalid-query" if case in ("tokens", "very deep") else "query-too-complex"
        told = await refused(books, query, 400, code, **({"n": 500} if "variable" in case else {}))
    assert said in told["detail"]
    assert not statements


async def test_a_variable_counts_with_its_default(books: Tenant) -> None:
    await refused(books, TOO_MUCH["cost by a variable"][0], 400, "query-too-complex")
    await asked(books, TOO_MUCH["cost by a variable"][0], n=5)


async def test_fragments_that_lead_to_themselves_are_refused(books: Tenant) -> None:
    query = '{ ledger(slug: "main") { account(path: "a") { ...f } } } fragment f on Account { parent { ...f } }'
    told = await refused(books, query, 400, "invalid-query")
    assert "spread" in told["detail"]


async def test_introspection_fits_within_the_limits(books: Tenant) -> None:
    data = await asked(books, get_introspection_query())
    assert {each["name"] for each in data["__schema"]["types"]} > {"Ledger", "Account", "Transaction", "Hold", "Event"}
