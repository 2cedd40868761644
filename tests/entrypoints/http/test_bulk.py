"""Many transactions as a JSON list: each by itself, or all or none."""

from tests.entrypoints.http.tenant import Tenant, blamed, checked_problem, document, problem, sale, with_entry


async def test_each_transaction_of_a_list_is_answered_by_itself(tenant: Tenant) -> None:
    response = await tenant.bulk([sale("1.00"), with_entry(amount="9.99"), sale("2.00")])
    first, refused, last = document(response)["results"]
    assert (first["index"], first["status"]) == (0, 201)
    assert set(first) == {"index", "status", "transaction"}
    assert first["transaction"]["entries"][0]["balance_after"] == "1.00"
    assert (refused["index"], refused["status"]) == (1, 422)
    assert set(refused) == {"index", "status", "problem"}
    told = checked_problem(refused["problem"], 422, "unbalanced-transaction")
    assert told["request_id"] == response.headers["x-request-id"]
    assert (last["index"], last["status"]) == (2, 201)
    assert last["transaction"]["entries"][0]["balance_after"] == "3.00"
    assert document(await tenant.get(f"/transactions/{last['transaction']['id']}")) == last["transaction"]


async def test_a_list_of_1_000_is_posted_in_order(tenant: Tenant) -> None:
    results = document(await tenant.bulk([sale("0.01", reference=str(n)) for n in range(1_000)]))["results"]
    assert [each["transaction"]["reference"] for each in results] == [str(n) for n in range(1_000)]
    sequences = [each["transaction"]["sequence"] for each in results]
    assert sequences == list(range(5, 1_005))
    assert await tenant.balance("assets:bank") == "10.00"


async def test_an_atomic_list_is_posted_as_a_whole(tenant: Tenant) -> None:
    transactions = [sale("1.00", reference="a"), sale("2.00", reference="b")]
    results = document(await tenant.bulk(transactions, atomic=True))["results"]
    assert [(each["index"], each["status"]) for each in results] == [(0, 201), (1, 201)]
    assert [each["transaction"]["entries"][0]["balance_after"] for each in results] == ["1.00", "3.00"]
    assert await tenant.head() == 6


async def test_an_atomic_list_with_one_refusal_posts_nothing(tenant: Tenant) -> None:
    await tenant.posted(sale(reference="taken"))
    before = await tenant.head()
    transactions = [sale("1.00"), sale(reference="taken"), sale("2.00"), with_entry(asset="XYZ")]
    told = problem(await tenant.bulk(transactions, atomic=True), 409, "duplicate-reference")
    assert blamed(told) == ["/transactions/1/reference", "/transactions/3/entries/0/asset"]
    assert await tenant.head() == before
    assert await tenant.balance("assets:bank") == "12.50"


async def test_a_reference_twice_in_an_atomic_list_is_refused(tenant: Tenant) -> None:
    told = problem(await tenant.bulk([sale(reference="a")] * 2, atomic=True), 409, "duplicate-reference")
    assert blamed(told) == ["/transactions/1/reference"]
    assert await tenant.head() == 1


async def test_a_reference_twice_in_a_list_refuses_the_second(tenant: Tenant) -> None:
    results = document(await tenant.bulk([sale(reference="a")] * 2))["results"]
    assert [each["status"] for each in results] == [201, 409]


async def test_a_list_for_a_ledger_that_is_not_there_is_refused_item_by_item(tenant: Tenant) -> None:
    response = await tenant.client.post("/v1/ledgers/other/transactions/bulk", json={"transactions": [sale()]})
    (result,) = document(response)["results"]
    checked_problem(result["problem"], 404, "ledger-not-found")
