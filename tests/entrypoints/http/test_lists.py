"""Lists: pages, cursors, sorting and filters."""

import re

import pytest

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

LISTS = ("/transactions", "/accounts", "/accounts/assets:bank/entries")


@pytest.fixture(scope="module")
async def books(new_organisation: NewOrganisation) -> Tenant:
    """Twelve sales, each with an account of its own; nobody changes them."""
    tenant = await new_organisation()
    for number in range(12):
        transaction = sale(
            f"{number + 1}.00",
            reference=f"order-{number:02}" if number % 2 else None,
            effective_at=f"2026-01-{number + 1:02}T00:00:00Z",
            metadata={"parity": "odd" if number % 2 else "even", "a[b]&c=d": str(number)},
        )
        transaction["entries"][1]["account"] = f"income:shop-{number:02}:sales"
        await tenant.posted(transaction)
    return tenant


async def walked(tenant: Tenant, rest: str) -> list[Json]:
    """Every item of a list, page by page, by the cursor; the header leads the same way."""
    items: list[Json] = []
    response = await tenant.get(rest)
    while True:
        page = document(response)
        assert set(page) == {"data", "has_more", "next_cursor"}
        items += page["data"]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            assert "link" not in response.headers
            return items
        match = re.fullmatch(r'<(/v1/[^>]+)>; rel="next"', response.headers["link"])
        assert match
        by_link = await tenant.client.get(match.group(1))
        separator = "&" if "?" in rest else "?"
        response = await tenant.get(f"{rest}{separator}cursor={page['next_cursor']}")
        assert by_link.json() == response.json()


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 13, 500])
@pytest.mark.parametrize("rest", LISTS)
async def test_a_list_is_walked_page_by_page(books: Tenant, rest: str, limit: int) -> None:
    assert await walked(books, f"{rest}?limit={limit}") == document(await books.get(rest))["data"]


@pytest.mark.parametrize(
    ("rest", "field", "sorts"),
    [
        ("/transactions", "sequence", ("sequence", "-sequence")),
        ("/transactions", "effective_at", ("effective_at", "-effective_at")),
        ("/transactions", "recorded_at", ("recorded_at", "-recorded_at")),
        ("/accounts", "path", ("path", "-path")),
        ("/accounts", "opened_at", ("opened_at", "-opened_at")),
        ("/accounts/assets:bank/entries", "sequence", ("sequence", "-sequence")),
    ],
)
async def test_a_list_is_sorted_as_asked(books: Tenant, rest: str, field: str, sorts: tuple[str, str]) -> None:
    ascending, descending = [await walked(books, f"{rest}?limit=5&sort={sort}") for sort in sorts]
    assert [each[field] for each in ascending] == sorted(each[field] for each in ascending)
    assert len(ascending) >= 12
    assert descending == ascending[::-1]


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("account=assets:bank&limit=2&sort=sequence", [1, 2]),
        ("account=income:shop-03:sales", [4]),
        ("account=income:*:sales&sequence[lt]=13", [4, 3, 2, 1]),
        ("account=income:**&effective_at[gte]=2026-01-11T00:00:00Z", [12, 11]),
        ("account=income:*", []),
        ("asset=EUR&limit=1", [12]),
        ("asset=USD", []),
        ("reference=order-03", [4]),
        ("reference[in]=order-03,order-05,order-99", [6, 4]),
        ("reference[prefix]=order-0", [10, 8, 6, 4, 2]),
        ("reference[exists]=false", [11, 9, 7, 5, 3, 1]),
        ("reference[exists]=true&limit=2", [12, 10]),
        ("metadata[parity]=odd&sort=sequence&limit=2", [2, 4]),
        ("metadata[parity]=odd&metadata[a%5Bb%5D%26c%3Dd]=3", [4]),
        ("metadata[parity]=neither", []),
        ("metadata[none]=odd", []),
        ("effective_at[gt]=2026-01-10T00:00:00Z", [12, 11]),
        ("effective_at[lte]=2026-01-02T00:00:00Z", [2, 1]),
        ("effective_at[gte]=2026-01-02T01:00:00%2B01:00&effective_at[lt]=2026-01-04T00:00:00Z", [3, 2]),
        ("effective_at[gte]=2026-01-31T00:00:00Z", []),
        ("recorded_at[gt]=9999-12-31T23:59:59Z", []),
        ("recorded_at[gt]=0001-01-01T00:00:00Z&limit=1", [12]),
        ("sequence[gt]=999999999999999999", []),
    ],
)
async def test_transactions_are_filtered(books: Tenant, query: str, amounts: list[int]) -> None:
    page = document(await books.get(f"/transactions?{query}"))
    assert [each["entries"][0]["amount"] for each in page["data"]] == [f"{amount}.00" for amount in amounts]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("path=income:*:sales", 12),
        ("path=assets:bank", 1),
        ("type=asset", 1),
        ("type[in]=asset,income", 13),
        ("type=equity", 0),
        ("opened_at[gt]=9999-12-31T23:59:59Z", 0),
        ("metadata[a]=b", 0),
    ],
)
async def test_accounts_are_filtered(books: Tenant, query: str, count: int) -> None:
    assert len(document(await books.get(f"/accounts?{query}"))["data"]) == count


@pytest.mark.parametrize(
    ("path", "field", "known"),
    [
        ("/v1/ledgers", "status", "open, archived"),
        ("/v1/ledgers/main/accounts", "status", "open, archived"),
        ("/v1/ledgers/main/accounts", "type", "asset, expense, liability, equity, income"),
        ("/v1/ledgers/main/holds", "status", "open, captured, released, expired"),
    ],
)
@pytest.mark.parametrize("value", ["opne", "OPEN", "", "open,archived"])
async def test_a_value_that_a_field_never_has_is_refused_with_the_known_ones(
    books: Tenant, path: str, field: str, known: str, value: str
) -> None:
    for params in ({field: value}, {f"{field}[in]": f"{known.partition(',')[0]},{value},x"}):
        told = problem(await books.client.get(path, params=params), 422, "validation-failed")
        assert told["detail"].endswith(f" There are: {known}.")


@pytest.mark.parametrize(
    ("rest", "known"),
    [
        ("/transactions", "account, asset, reference, reference[in], reference[prefix], reference[exists]"),
        ("/accounts", "path, type, type[in], status, status[in], opened_at[gt]"),
        ("/accounts/assets:bank/entries", "limit, cursor, sort, asset"),
    ],
)
@pytest.mark.parametrize("name", ["colour", "limits", "sequence[eq]", "account[like]", "type[gt]", "é", "metadata"])
async def test_an_unknown_filter_is_refused_with_the_known_ones(
    books: Tenant, rest: str, known: str, name: str
) -> None:
    told = problem(await books.get(rest, params={name: "1"}), 400, "unknown-parameter")
    assert known in told["detail"]
    assert repr(name).encode("ascii", "backslashreplace").decode() in told["detail"]


@pytest.mark.parametrize("sort", ["colour", "", "amount", "+sequence", "sequence,effective_at", "--sequence"])
async def test_an_unknown_sort_is_refused_with_the_known_ones(books: Tenant, sort: str) -> None:
    told = problem(await books.get("/transactions", params={"sort": sort}), 400, "unknown-parameter")
    assert "-sequence, sequence, recorded_at, -recorded_at, effective_at, -effective_at" in told["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1.5",
        "limit=１",
        "limit=" + "9" * 100,
        "sequence[gt]=x",
        "sequence[gt]=-1",
        "sequence[gt]=9999999999999999999",
        "effective_at[gt]=yesterday",
        "effective_at[gt]=2026-01-01",
        "effective_at[gt]=2026-02-30T00:00:00Z",
        "effective_at[gt]=2026-01-01T00:00:00+01:00",  # a plus is a space in a query
        "reference[exists]=yes",
        "account=a::b",
        "account=",
        "account=**:**:**",
        "reference=a%00b",
        "metadata[a]=%00",
        "metadata[%00]=a",
        "asset=%00",
    ],
)
async def test_a_value_of_the_wrong_form_is_refused(books: Tenant, query: str) -> None:
    problem(await books.get(f"/transactions?{query}"), 422, "validation-failed")


@pytest.mark.parametrize(
    "query", ["reference=%FF", "asset=%ED%A0%80", "metadata[%C0%80]=a", "reference=%F4%90%80%80", "reference=%"]
)
async def test_odd_encodings_find_nothing(books: Tenant, query: str) -> None:
    assert document(await books.get(f"/transactions?{query}"))["data"] == []


async def test_a_parameter_twice_is_refused(books: Tenant) -> None:
    problem(await books.get("/transactions?limit=1&limit=2"), 400, "unknown-parameter")


async def test_a_cursor_belongs_to_its_query(books: Tenant, new_organisation: NewOrganisation) -> None:
    async def cursor(rest: str) -> str:
        found: str = document(await books.get(rest))["next_cursor"]
        return found

    sales = await cursor("/transactions?limit=2&asset=EUR")
    document(await books.get(f"/transactions?limit=7&asset=EUR&cursor={sales}"))
    for rest in (
        "/transactions",
        "/transactions?asset=USD",
        "/transactions?asset=EUR&sort=sequence",
        "/transactions?asset=EUR&metadata[parity]=odd",
        "/accounts",
        "/accounts/assets:bank/entries?asset=EUR",
    ):
        separator = "&" if "?" in rest else "?"
        told = problem(await books.get(f"{rest}{separator}cursor={sales}"), 400, "unknown-parameter")
        assert "cursor" in told["detail"]
    stranger = await new_organisation()
    problem(await stranger.get(f"/transactions?limit=2&asset=EUR&cursor={sales}"), 400, "unknown-parameter")


@pytest.mark.parametrize("cursor", ["x", "W10.x", "%00", "%FF", "a" * 5_000, ".", "WzFd", "é"])
async def test_a_made_up_cursor_is_refused(books: Tenant, cursor: str) -> None:
    response = await books.get(f"/transactions?cursor={cursor}")
    assert response.status_code in (400, 422), response.text
    problem(response, response.status_code, response.json()["code"])


async def test_a_changed_cursor_is_refused(books: Tenant) -> None:
    cursor = document(await books.get("/transactions?limit=2"))["next_cursor"]
    for changed in (cursor[:-1], cursor + "A", cursor[1:], cursor.swapcase()):
        problem(await books.get(f"/transactions?limit=2&cursor={changed}"), 400, "unknown-parameter")


async def test_an_empty_cursor_is_the_beginning(books: Tenant) -> None:
    assert document(await books.get("/transactions?cursor=")) == document(await books.get("/transactions"))


async def test_the_link_of_an_account_of_another_script_can_be_followed(tenant: Tenant) -> None:
    for _ in range(3):
        transaction = sale()
        transaction["entries"][0]["account"] = "assets:銀行"
        await tenant.posted(transaction)
    assert len(await walked(tenant, "/accounts/assets:銀行/entries?limit=1")) == 3


async def test_what_is_posted_meanwhile_disturbs_no_walk(tenant: Tenant) -> None:
    await tenant.bulk([sale(reference=str(number)) for number in range(6)])
    first = document(await tenant.get("/transactions?limit=3"))
    await tenant.bulk([sale(reference=f"later-{number}") for number in range(6)])
    rest = document(await tenant.get(f"/transactions?limit=3&cursor={first['next_cursor']}"))
    assert [each["reference"] for each in first["data"] + rest["data"]] == ["5", "4", "3", "2", "1", "0"]


async def test_a_key_of_metadata_is_filtered_by_once(books: Tenant) -> None:
    twice = await books.get("/transactions?metadata[a]=1&metadata[b]=1&metadata[a]=2")
    assert "'metadata[a]' is given twice" in problem(twice, 400, "unknown-parameter")["detail"]
    ten = "&".join(f"metadata[{number}]=1" for number in range(10))
    assert document(await books.get(f"/transactions?{ten}"))["data"] == []
    for rest in ("/transactions", "/accounts"):
        told = problem(await books.get(f"{rest}?{ten}&metadata[10]=1"), 422, "validation-failed")
        assert "At most 10" in told["detail"]
