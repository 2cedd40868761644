"""Who may not ask in REST may not ask here; and no organisation sees anything of another."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from graphql import GraphQLObjectType, get_named_type, is_non_null_type, is_object_type
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.shared.access import Permission
from entrypoints.container import Container
from entrypoints.http.graphql.schema import schema
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.graphql.asked import sent
from tests.entrypoints.http.planted import SHARED, Planted, fingerprint, plant
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

SCHEMA: Any = schema._schema
BALANCED = "{ entries: [] }"


def plain_fields(of: GraphQLObjectType, depth: int = 2) -> str:
    """Everything that can be selected without arguments, some levels deep."""
    found = []
    for name, field in of.fields.items():
        named = get_named_type(field.type)
        if any(is_non_null_type(each.type) and each.default_value is None for each in field.args.values()):
            continue
        if not is_object_type(named):
            found.append(name)
        elif depth and not (named.name.endswith("Connection") and of.name != "Query"):
            found.append(f"{name} {plain_fields(named, depth - 1)}")
    return "{ __typename " + " ".join(found) + " }"


def of_query(planted: Planted, slug: str) -> dict[str, str]:
    """A query for each field of a ledger, with the other organisation's names."""
    names = planted.names
    given = {
        "account": f'(path: "{names[f"account {slug}"]}")',
        "entries": f'(account: "{names[f"account {slug}"]}")',
        "below": '(path: "assets")',
        "transaction": f'(id: "{names[f"transaction {slug}"]}")',
        "hold": f'(id: "{names[f"hold {slug}"]}")',
    }
    queries = {"ledgers": "{ ledgers { nodes { slug name metadata } } }"}
    ledger = SCHEMA.get_type("Ledger")
    for name, field in ledger.fields.items():
        named = get_named_type(field.type)
        # Of reports and pages, what is in them; of the others, what they lead to.
        inner = plain_fields(named, 1 if name == "below" else 2) if is_object_type(named) else ""
        queries[f"{slug} {name}"] = f'{{ ledger(slug: "{slug}") {{ {name}{given.get(name, "")} {inner} }} }}'
    return queries


def of_mutation(planted: Planted, slug: str) -> dict[str, str]:
    """Each mutation, on the other organisation's things."""
    names = planted.names
    account, transaction, hold = (names[f"{what} {slug}"] for what in ("account", "transaction", "hold"))
    entries = (
        "entries: ["
        + ", ".join(
            f'{{account: "{path}", direction: "{direction}", amount: "1.00", asset: "EUR"}}'
            for path, direction in ((account, "debit"), ("income:sales", "credit"))
        )
        + "]"
    )
    on_account = f'path: "{account}"'
    arguments = {
        "postTransaction": f"input: {{{entries}}}",
        "reverseTransaction": f'id: "{transaction}", input: {{}}',
        "changeTransaction": f'id: "{transaction}", expectedVersion: 1, input: {{metadata: {{}}}}',
        "placeHold": f"input: {{{entries}}}",
        "captureHold": f'id: "{hold}", input: {{}}',
        "releaseHold": f'id: "{hold}", input: {{}}',
        "openAccount": f'input: {{{on_account}, type: "asset"}}',
        "changeAccount": f"{on_account}, expectedVersion: 1, input: {{limits: []}}",
        "freezeAccount": f'{on_account}, input: {{reason: "a"}}',
        "unfreezeAccount": f'{on_account}, input: {{reason: "a"}}',
        "archiveAccount": f'{on_account}, expectedVersion: 1, reason: "a"',
        "restoreAccount": f'{on_account}, input: {{reason: "a"}}',
    }
    mutations = SCHEMA.mutation_type.fields
    assert set(arguments) == set(mutations), "say here what a new mutation is asked with"
    return {
        f"{slug} {name}": f'mutation {{ {name}(ledger: "{slug}", {arguments[name]}) '
        f"{plain_fields(get_named_type(mutations[name].type))} }}"
        for name in mutations
    }


@pytest.fixture(scope="module")
async def planted(
    new_organisation: NewOrganisation, owner: AsyncEngine, container: Container
) -> AsyncIterator[Planted]:
    planted = await plant(await new_organisation(), owner, container)
    before = await fingerprint(owner, planted.tenant.organisation_id)
    yield planted
    assert await fingerprint(owner, planted.tenant.organisation_id) == before


@pytest.fixture(scope="module")
async def other(new_organisation: NewOrganisation) -> Tenant:
    tenant = await new_organisation()
    document(await tenant.client.post("/v1/ledgers", json={"slug": SHARED}), 201)
    await Tenant(tenant.organisation_id, tenant.key, SHARED, tenant.client).posted(sale())
    return tenant


async def test_its_own_organisation_is_shown_what_is_planted(planted: Planted) -> None:
    shown = ""
    for slug in (planted.slug, SHARED):
        for what, query in of_query(planted, slug).items():
            answer = document(await sent(planted.tenant.client, query))
            assert "errors" not in answer, (what, query, answer["errors"])
            shown += str(answer)
    for slug in (planted.slug, SHARED):
        for what in ("account", "transaction", "hold", "reference", "description"):
            assert planted.names[f"{what} {slug}"] in shown, (what, slug)


async def test_no_field_shows_or_changes_anything_of_another_organisation(planted: Planted, other: Tenant) -> None:
    for slug in (planted.slug, SHARED):
        for what, query in (of_query(planted, slug) | of_mutation(planted, slug)).items():
            response = await sent(other.client, query)
            assert not planted.leaked(response.text, sent=query), what
            if slug == planted.slug and what != "ledgers":
                codes = [each["extensions"]["code"] for each in response.json()["errors"]]
                assert codes == ["ledger-not-found"], (what, response.text)


async def test_who_has_no_permission_is_told_which_for_each_field(
    app: FastAPI, planted: Planted, other: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {"name": "narrow", "scopes": ["ledgers:read"]}
    made = document(await other.client.post("/v1/api-keys", json=wanted), 201)
    needed = {
        "account": Permission.ACCOUNTS_READ,
        "accounts": Permission.ACCOUNTS_READ,
        "below": Permission.ACCOUNTS_READ,
        "entries": Permission.ACCOUNTS_READ,
        "transaction": Permission.TRANSACTIONS_READ,
        "transactions": Permission.TRANSACTIONS_READ,
        "hold": Permission.HOLDS_READ,
        "holds": Permission.HOLDS_READ,
        "events": Permission.EVENTS_READ,
        "trialBalance": Permission.REPORTS_READ,
        "balanceSheet": Permission.REPORTS_READ,
        "incomeStatement": Permission.REPORTS_READ,
    }
    # What other tests were refused of this app takes no lines of this one's minute.
    app.state.services.refusals.end_window()
    caplog.clear()
    async with connected(app, made["key"]) as client:
        for what, query in of_query(planted, SHARED).items():
            answer: Json = document(await sent(client, query))
            permission = needed.get(what.rpartition(" ")[2])
            if permission is None:
                assert "errors" not in answer, what
                continue
            assert [each["extensions"]["problem"]["permission"] for each in answer["errors"]] == [permission.value]
        for what, query in of_mutation(planted, SHARED).items():
            (error,) = document(await sent(client, query))["errors"]
            assert error["extensions"]["code"] == "permission-denied", what
    logged = [each.getMessage() for each in caplog.records if each.name == "partita.access"]
    assert f"what='a field of an operation' actor={made['id']}" in logged[0]


async def test_who_is_limited_to_accounts_follows_links_to_these_alone(app: FastAPI, tenant: Tenant) -> None:
    both = [
        {"account": "assets:bank", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        {"account": "assets:till", "direction": "credit", "amount": "1.00", "asset": "EUR"},
    ]
    mine, theirs = await tenant.posted({"entries": both}), await tenant.posted(sale())
    wanted = {"name": "limited", "scopes": ["admin"], "accounts": ["assets:**"]}
    key = document(await tenant.client.post("/v1/api-keys", json=wanted), 201)["key"]
    async with connected(app, key) as client:
        ids = f'a: transaction(id: "{mine["id"]}") {{ id }} b: transaction(id: "{theirs["id"]}") {{ id }}'
        each = document(await sent(client, f'{{ ledger(slug: "main") {{ {ids} }} }}'))
        assert each["data"]["ledger"] == {"a": {"id": mine["id"]}, "b": None}
        assert [(error["path"][-1], error["extensions"]["code"]) for error in each["errors"]] == [
            ("b", "permission-denied")
        ]
        # What is said of the ledger itself takes a permission without limits.
        whole = document(await sent(client, '{ ledger(slug: "main") { ...f } } fragment f on Ledger { name }'))
        assert (whole["data"]["ledger"], whole["errors"][0]["extensions"]["code"]) == (None, "permission-denied")
        shown = document(
            await sent(
                client,
                """mutation ($input: TransactionInput!) { postTransaction(ledger: "main", input: $input) { transaction {
                  entries { account { path parent { path } balances { posted } descendants { path } } } } } }""",
                {"input": {"entries": both}},
            )
        )
    entries = shown["data"]["postTransaction"]["transaction"]["entries"]
    assert [each["account"]["path"] for each in entries] == ["assets:bank", "assets:till"]
    # 1.00 and 12.50 were debited, and 1.00 now.
    assert entries[0]["account"]["balances"] == [{"posted": "14.50"}]
    # What lies below an account takes a permission without limits.
    assert {error["path"][-1] for error in shown["errors"]} == {"descendants"}
