"""Ledgers, their assets and their charts."""

from tests.entrypoints.http.tenant import Tenant, document, problem, sale


async def test_a_ledger_is_created_and_read(tenant: Tenant) -> None:
    body = {"slug": "books-2026", "name": "Bücher", "metadata": {"year": "2026"}}
    response = await tenant.client.post("/v1/ledgers", json=body)
    created = document(response, 201)
    assert created.pop("created_at").endswith("Z")
    new = {"status": "open", "is_frozen": False, "time_zone": "UTC", "closed_until": None, "version": 1, "sequence": 1}
    assert created == body | new
    assert response.headers["location"] == "/v1/ledgers/books-2026"
    assert response.headers["etag"] == '"1"'
    assert document(await tenant.client.get("/v1/ledgers/books-2026")) == response.json()


async def test_a_ledger_is_named_by_its_slug_unless_told_otherwise(tenant: Tenant) -> None:
    assert document(await tenant.client.post("/v1/ledgers", json={"slug": "a"}), 201)["name"] == "a"
    assert document(await tenant.client.post("/v1/ledgers", json={"slug": "b", "name": None}), 201)["name"] == "b"


async def test_a_slug_is_taken_once(tenant: Tenant) -> None:
    told = problem(await tenant.client.post("/v1/ledgers", json={"slug": "main"}), 409, "ledger-exists")
    assert told["errors"][0]["pointer"] == "/slug"


async def test_a_ledger_is_renamed_and_its_metadata_laid_over(tenant: Tenant) -> None:
    before = document(await tenant.get())
    change = {"name": "Books", "metadata": {"a": "b"}}
    response = await tenant.client.patch(tenant.path(), json=change, headers={"If-Match": '"1"'})
    assert document(response) == before | change | {"version": 2, "sequence": 2}
    assert response.headers["etag"] == '"2"'
    again = await tenant.client.patch(tenant.path(), json={"name": None}, headers={"If-Match": '"2"'})
    assert document(again) == response.json()


async def test_ledgers_are_listed_by_slug(tenant: Tenant) -> None:
    for slug in ("zebra", "alpha"):
        document(await tenant.client.post("/v1/ledgers", json={"slug": slug}), 201)
    listed = document(await tenant.client.get("/v1/ledgers"))
    assert [each["slug"] for each in listed["data"]] == ["alpha", "main", "zebra"]
    backwards = document(await tenant.client.get("/v1/ledgers?sort=-slug"))
    assert [each["slug"] for each in backwards["data"]] == ["zebra", "main", "alpha"]


async def test_ledgers_do_not_see_each_other(tenant: Tenant) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": "other"}), 201)
    posted = await tenant.posted(sale(reference="a"))
    other = "/v1/ledgers/other"
    problem(await tenant.client.get(f"{other}/transactions/{posted['id']}"), 404, "not-found")
    problem(await tenant.client.get(f"{other}/accounts/assets:bank"), 404, "account-not-found")
    assert document(await tenant.client.get(f"{other}/transactions"))["data"] == []
    document(await tenant.client.post(f"{other}/transactions", json=sale(reference="a")), 201)


async def test_a_ledger_that_is_not_there_is_not_found_anywhere(tenant: Tenant) -> None:
    none = "/v1/ledgers/none"
    for rest in (
        "",
        "/assets",
        "/assets/EUR",
        "/chart",
        "/accounts",
        "/accounts/assets:bank",
        "/accounts/assets:bank/balances",
        "/accounts/assets:bank/entries",
        "/transactions",
        "/transactions/txn_01h2xcejqtf2nbrexx3vqjhp41",
        "/reports/trial-balance",
        "/events",
        "/checkpoint",
    ):
        problem(await tenant.client.get(none + rest), 404, "ledger-not-found")
    problem(await tenant.client.post(f"{none}/verification"), 404, "ledger-not-found")
    for method, rest, body in (
        ("PATCH", "", {"name": "a"}),
        ("PUT", "/assets/EUR", {"scale": 2}),
        ("PUT", "/chart", {"rules": []}),
        ("PATCH", "/accounts/assets:bank", {"metadata": {}}),
        ("POST", "/accounts", {"path": "assets:bank"}),
        ("PATCH", "/transactions/txn_01h2xcejqtf2nbrexx3vqjhp41", {"metadata": {}}),
    ):
        for query in ("", "?dry_run=true"):
            response = await tenant.client.request(method, none + rest + query, json=body, headers={"If-Match": "*"})
            problem(response, 404, "ledger-not-found")


async def test_an_asset_is_registered_read_and_listed(tenant: Tenant) -> None:
    response = await tenant.client.put(tenant.path("/assets/POINTS"), json={"scale": 3})
    assert document(response) == {"code": "POINTS", "scale": 3, "version": 1}
    assert response.headers["etag"] == '"1"'
    assert response.headers["partita-sequence"] == "2"
    assert document(await tenant.get("/assets/POINTS")) == response.json()
    await tenant.posted(sale())
    codes = [each["code"] for each in document(await tenant.get("/assets"))["data"]]
    assert codes == ["EUR", "POINTS"]
    problem(await tenant.get("/assets/USD"), 404, "not-found")


async def test_a_currency_gets_its_standard_scale_unless_another_is_registered(tenant: Tenant) -> None:
    document(await tenant.client.put(tenant.path("/assets/EUR"), json={"scale": 4}))
    posted = await tenant.posted(sale("0.0001"))
    assert posted["entries"][0]["balance_after"] == "0.0001"


async def test_a_scale_can_change_until_it_is_used(tenant: Tenant) -> None:
    path = tenant.path("/assets/EUR")
    document(await tenant.client.put(path, json={"scale": 4}))
    problem(await tenant.client.put(path, json={"scale": 2}), 428, "precondition-required")
    changed = await tenant.client.put(path, json={"scale": 2}, headers={"If-Match": '"1"'})
    assert document(changed) == {"code": "EUR", "scale": 2, "version": 2}
    await tenant.posted(sale())
    told = problem(await tenant.client.put(path, json={"scale": 3}, headers={"If-Match": '"2"'}), 409, "scale-fixed")
    assert "scale 2" in told["detail"]
    assert document(await tenant.client.put(path, json={"scale": 2})) == changed.json()


async def test_the_chart_gives_accounts_their_types(tenant: Tenant) -> None:
    empty = await tenant.get("/chart")
    assert document(empty) == {"rules": [], "version": 1}
    rules = [
        {"pattern": "users:*:wallet", "type": "liability", "limits": []},
        {"pattern": "assets:**:fees", "type": "expense", "limits": []},
    ]
    response = await tenant.client.put(
        tenant.path("/chart"), json={"rules": rules}, headers={"If-Match": empty.headers["etag"]}
    )
    assert document(response) == {"rules": [rule | {"limits": []} for rule in rules], "version": 2}
    assert response.headers["etag"] == '"2"'
    assert document(await tenant.get("/chart")) == response.json()
    entries = [
        {"account": "assets:a:b:fees", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        {"account": "users:42:wallet", "direction": "credit", "amount": "1.00", "asset": "EUR"},
    ]
    await tenant.posted({"entries": entries})
    assert document(await tenant.get("/accounts/assets:a:b:fees"))["type"] == "expense"
    assert document(await tenant.get("/accounts/users:42:wallet"))["type"] == "liability"
