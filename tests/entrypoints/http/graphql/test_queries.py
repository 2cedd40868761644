"""What GraphQL shows is what REST shows, and links between things lead where they should."""

from typing import Any

import pytest

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.graphql.asked import asked, refused
from tests.entrypoints.http.tenant import Json, Tenant, document, sale


def paid(account: str, amount: str = "10.00", **others: Any) -> Json:
    entries = [
        {"account": "assets:bank", "direction": "debit", "amount": amount, "asset": "EUR"},
        {"account": account, "direction": "credit", "amount": amount, "asset": "EUR"},
    ]
    return {"entries": entries, **others}


@pytest.fixture(scope="module")
async def books(new_organisation: NewOrganisation) -> Tenant:
    """Books with three deposits, a hold that was captured in part, and a reversal."""
    tenant = await new_organisation()
    for number in (1, 2, 3):
        await tenant.posted(
            paid(
                f"liabilities:users:{number}",
                f"{number}0.00",
                reference=f"deposit-{number}",
                metadata={"n": str(number)},
            )
        )
    hold = document(await tenant.client.post(tenant.path("/holds"), json=sale("4.00", reference="hold-1")), 201)
    part = [each | {"amount": "1.50"} for each in sale()["entries"]]
    await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={"entries": part})
    first = document(await tenant.get("/transactions?reference=deposit-1"))["data"][0]
    await tenant.client.post(tenant.path(f"/transactions/{first['id']}/reverse"), json={"reference": "undone"})
    return tenant


CAMEL = {"effective_at": "effectiveAt", "recorded_at": "recordedAt", "balance_after": "balanceAfter"}


async def test_a_transaction_is_what_rest_shows(books: Tenant) -> None:
    (rest,) = document(await books.get("/transactions?reference=deposit-2"))["data"]
    data = await asked(
        books,
        """query ($id: String!) { ledger(slug: "main") { transaction(id: $id) {
          id sequence status kind reference description effectiveAt recordedAt metadata version
          holdId reversesId reversedByIds
          entries { accountPath direction amount asset balanceAfter } } } }""",
        id=rest["id"],
    )
    shown = data["ledger"]["transaction"]
    renamed = {"hold": "holdId", "reverses": "reversesId", "reversed_by": "reversedByIds", **CAMEL}
    expected = {renamed.get(name, name): value for name, value in rest.items()}
    of_entry = {"account": "accountPath", **CAMEL}
    expected["entries"] = [{of_entry.get(n, n): value for n, value in each.items()} for each in rest["entries"]]
    assert shown == expected


async def test_links_lead_from_a_transaction_to_all_that_it_concerns(books: Tenant) -> None:
    data = await asked(
        books,
        """{ ledger(slug: "main") { transactions(where: {reference: ["undone", "deposit-1"]}, sort: "sequence") {
          nodes { reference
          entries { account { path type parent { path } balances { asset posted available } } }
          reverses { reference } reversedBy { reference } } } } }""",
    )
    deposit, reversal = data["ledger"]["transactions"]["nodes"]
    assert (deposit["reference"], deposit["reverses"], deposit["reversedBy"]) == (
        "deposit-1",
        None,
        [{"reference": "undone"}],
    )
    assert (reversal["reverses"], reversal["reversedBy"]) == ({"reference": "deposit-1"}, [])
    bank, user = (entry["account"] for entry in deposit["entries"])
    # 10 + 20 + 30 deposited, 1.50 captured, 10 reversed.
    assert bank == {
        "path": "assets:bank",
        "type": "asset",
        "parent": None,
        "balances": [{"asset": "EUR", "posted": "51.50", "available": "51.50"}],
    }
    assert user["balances"] == [{"asset": "EUR", "posted": "0.00", "available": "0.00"}]


async def test_a_hold_leads_to_what_captured_it_and_back(books: Tenant) -> None:
    data = await asked(
        books,
        """{ ledger(slug: "main") { holds(where: {status: "open", reference: "hold-1"}) { nodes {
          id status entries { accountPath amount left account { path } }
          captures { kind hold { id reference } entries { amount } } } } } }""",
    )
    (hold,) = data["ledger"]["holds"]["nodes"]
    assert [(each["accountPath"], each["amount"], each["left"]) for each in hold["entries"]] == [
        ("assets:bank", "4.00", "2.50"),
        ("income:sales", "4.00", "2.50"),
    ]
    (capture,) = hold["captures"]
    assert capture["hold"] == {"id": hold["id"], "reference": "hold-1"}
    assert [each["amount"] for each in capture["entries"]] == ["1.50", "1.50"]
    alone = await asked(
        books, 'query ($id: String!) { ledger(slug: "main") { hold(id: $id) { reference } } }', id=hold["id"]
    )
    assert alone["ledger"]["hold"] == {"reference": "hold-1"}


async def test_accounts_are_a_tree_and_are_found_by_pattern(books: Tenant) -> None:
    data = await asked(
        books,
        """{ ledger(slug: "main") {
          byPattern: accounts(where: {path: "liabilities:users:*", type: "liability"}) { nodes { path } }
          below(path: "liabilities", first: 2) { path parent { path } descendants { path } }
        } }""",
    )
    users = [f"liabilities:users:{number}" for number in (1, 2, 3)]
    assert [each["path"] for each in data["ledger"]["byPattern"]["nodes"]] == users
    assert data["ledger"]["below"] == [{"path": path, "parent": None, "descendants": []} for path in users[:2]]
    document(await books.client.post(books.path("/accounts"), json={"path": "tree", "type": "asset"}), 201)
    for path in ("tree:a", "tree:a:b", "trees:c"):
        document(await books.client.post(books.path("/accounts"), json={"path": path, "type": "asset"}), 201)
    data = await asked(
        books,
        """{ ledger(slug: "main") { account(path: "tree") {
          limitsInForce { asset } descendants { path parent { path } } } } }""",
    )
    assert data["ledger"]["account"]["descendants"] == [
        {"path": "tree:a", "parent": {"path": "tree"}},
        {"path": "tree:a:b", "parent": {"path": "tree:a"}},
    ]


async def test_balances_are_had_on_every_axis_of_time(new_organisation: NewOrganisation) -> None:
    tenant = await new_organisation()
    first = await tenant.posted(sale("1.00", effective_at="2026-01-10T00:00:00Z"))
    await tenant.posted(sale("2.00", effective_at="2026-01-20T00:00:00Z"))
    late = await tenant.posted(sale("4.00", effective_at="2026-01-05T00:00:00Z"))
    data = await asked(
        tenant,
        """query ($first: Long!, $second: Long!, $known: String!) { ledger(slug: "main") {
          account(path: "assets:bank") { now: balances { ...all }
          then: balances(at: "2026-01-15") { ...all }
          asOf: balances(asOfSequence: $first) { ...all }
          both: balances(at: "2026-01-15", asOfSequence: $second) { ...all }
          known: balances(knownAt: $known) { ...all }
          before: balances(asOfSequence: 1) { ...all }
        } } }
        fragment all on Balance { posted available balanceVersion }""",
        first=first["sequence"],
        second=late["sequence"] - 1,
        known=late["recorded_at"],
    )
    of = data["ledger"]["account"]
    assert of["now"] == [{"posted": "7.00", "available": "7.00", "balanceVersion": 3}]
    assert of["then"] == [{"posted": "5.00", "available": None, "balanceVersion": None}]
    assert of["asOf"] == [{"posted": "1.00", "available": "1.00", "balanceVersion": 1}]
    assert of["both"] == [{"posted": "1.00", "available": None, "balanceVersion": None}]
    assert of["known"] == [{"posted": "7.00", "available": "7.00", "balanceVersion": 3}]
    assert of["before"] == []
    told = await refused(
        tenant,
        """{ ledger(slug: "main") { account(path: "assets:bank") {
          balances(knownAt: "2026-01-01", asOfSequence: 1) { posted } } } }""",
        422,
        "validation-failed",
    )
    assert "known_at" in told["detail"]


async def test_pages_have_the_cursors_of_rest(books: Tenant) -> None:
    query = """query ($after: String) { ledger(slug: "main") {
      transactions(first: 2, after: $after, sort: "sequence", where: {account: "assets:bank", metadata: {}}) {
        edges { cursor node { sequence } } nodes { sequence }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
    rest = document(await books.get("/transactions?limit=500&sort=sequence&account=assets:bank"))["data"]
    seen: list[int] = []
    after = None
    while True:
        page = (await asked(books, query, after=after))["ledger"]["transactions"]
        info = page["pageInfo"]
        assert info["hasPreviousPage"] == (after is not None)
        assert [each["node"] for each in page["edges"]] == page["nodes"]
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]
        seen += [each["sequence"] for each in page["nodes"]]
        after = info["endCursor"]
        if not info["hasNextPage"]:
            break
        of_rest = await books.get(f"/transactions?limit=2&sort=sequence&account=assets:bank&cursor={after}")
        assert document(of_rest)["data"][0]["sequence"] == rest[len(seen)]["sequence"]
    assert seen == [each["sequence"] for each in rest]
    # From within a page, too; and a cursor of another query is none.
    inside = page["edges"][0]["cursor"]
    following = (await asked(books, query, after=inside))["ledger"]["transactions"]["nodes"]
    assert [each["sequence"] for each in following] == [
        each["sequence"] for each in rest[len(rest) - len(page["nodes"]) + 1 :]
    ]
    await refused(
        books,
        'query ($after: String) { ledger(slug: "main") { transactions(after: $after) { nodes { id } } } }',
        400,
        "unknown-parameter",
        after=inside,
    )


async def test_entries_of_an_account_lead_to_their_transactions(books: Tenant) -> None:
    data = await asked(
        books,
        """{ ledger(slug: "main") { entries(account: "liabilities:users:2") {
          nodes { amount direction balanceAfter transactionId transaction { id reference } } } } }""",
    )
    (entry,) = data["ledger"]["entries"]["nodes"]
    assert (entry["amount"], entry["direction"], entry["balanceAfter"]) == ("20.00", "credit", "20.00")
    assert entry["transaction"] == {"id": entry["transactionId"], "reference": "deposit-2"}


async def test_events_are_those_of_the_log_with_their_chain(books: Tenant) -> None:
    rest = document(await books.get("/events?limit=500"))["data"]
    query = """query ($after: String) { ledger(slug: "main") { events(first: 4, after: $after) {
      edges { cursor } nodes { sequence type id recordedAt actor requestId data previousHash hash }
      pageInfo { hasNextPage endCursor } } } }"""
    seen: list[Json] = []
    after = None
    while True:
        page = (await asked(books, query, after=after))["ledger"]["events"]
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    names = {"recorded_at": "recordedAt", "request_id": "requestId", "previous_hash": "previousHash"}
    assert seen == [{names.get(name, name): value for name, value in each.items()} for each in rest]
    data = await asked(
        books, '{ ledger(slug: "main") { events(types: ["hold.placed"], accounts: "assets:*") { nodes { type } } } }'
    )
    assert [each["type"] for each in data["ledger"]["events"]["nodes"]] == ["hold.placed"]
    await refused(books, '{ ledger(slug: "main") { events(after: "x") { nodes { id } } } }', 422, "validation-failed")


async def test_reports_are_those_of_rest(books: Tenant) -> None:
    data = await asked(
        books,
        """{ ledger(slug: "main") {
          trialBalance(depth: 1) {
            sequence data { accountPath type asset debits credits balance } totals { asset debits credits }
          }
          balanceSheet { assets { totals { asset amount } } equity { lines { accountPath amounts { amount } } } }
          incomeStatement(from: "2026-01-01", to: "2199-01-01") {
            from to income { lines { accountPath } } net { asset amount compared }
          }
        } }""",
    )
    rest = document(await books.get("/reports/trial-balance?depth=1"))
    shown = data["ledger"]["trialBalance"]
    for line in rest["data"]:
        line["accountPath"] = line.pop("account")
    assert shown == {name: rest[name] for name in ("sequence", "data", "totals")}
    assert data["ledger"]["balanceSheet"]["assets"]["totals"] == [{"asset": "EUR", "amount": "51.50"}]
    statement = document(await books.get("/reports/income-statement?from=2026-01-01&to=2199-01-01"))
    assert (
        data["ledger"]["incomeStatement"]["net"]
        == statement["net"]
        == [{"asset": "EUR", "amount": "1.50", "compared": None}]
    )
    assert data["ledger"]["incomeStatement"]["from"] == statement["from"]
    await refused(books, '{ ledger(slug: "main") { trialBalance(depth: 0) { sequence } } }', 422, "validation-failed")


async def test_ledgers_are_listed_and_what_is_missing_is_told(books: Tenant) -> None:
    data = await asked(
        books,
        '{ ledgers(where: {status: ["open", "archived"]}) { nodes { slug timeZone trialBalance { sequence } } } }',
    )
    assert [each["slug"] for each in data["ledgers"]["nodes"]] == ["main"]
    await refused(books, '{ ledger(slug: "nowhere") { slug } }', 404, "ledger-not-found")
    await refused(books, '{ ledger(slug: "main") { account(path: "no:such") { path } } }', 404, "account-not-found")
    await refused(books, '{ ledger(slug: "main") { transaction(id: "txn_x") { id } } }', 404, "not-found")
    await refused(books, '{ ledger(slug: "main") { hold(id: "hold_x") { id } } }', 404, "not-found")
    await refused(books, '{ ledgers(sort: "name") { nodes { slug } } }', 400, "unknown-parameter")


async def test_what_is_refused_leaves_the_rest_of_the_answer(books: Tenant) -> None:
    answer = document(
        await books.client.post(
            "/graphql",
            json={"query": '{ ledger(slug: "main") { slug account(path: "a") { path } } ledgers { nodes { slug } } }'},
        )
    )
    assert answer["data"] == {"ledger": {"slug": "main", "account": None}, "ledgers": {"nodes": [{"slug": "main"}]}}
    (error,) = answer["errors"]
    assert error["path"] == ["ledger", "account"]
