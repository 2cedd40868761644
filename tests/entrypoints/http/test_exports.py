"""Ledgers as files over HTTP; and what hledger, ledger and beancount say of them."""

import csv
import json
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from application.interchange.verify_file import verify_file
from tests.books import hledger, other_programs
from tests.books.books import HERE, Balances, Books, household, shop
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

HOUSEHOLD = Path(__file__).parents[4] / "shared" / "data"
FORMATS = {
    "ndjson": ("application/x-ndjson", "ndjson"),
    "hledger": ("text/plain; charset=utf-8", "journal"),
    "beancount": ("text/plain; charset=utf-8", "beancount"),
    "csv": ("text/csv; charset=utf-8; header=present", "csv"),
}
NEAREST = [
    *(["balance", "--flat", "-O", "csv", "--layout=bare"], ["balancesheetequity", "-O", "csv", "--layout=bare"]),
    *(["incomestatement", "-O", "csv", "--layout=bare", "--monthly"], ["register", "-O", "csv", "assets:bank"]),
]


@pytest.mark.parametrize("wanted", FORMATS)
async def test_a_ledger_can_be_had_as_a_file(tenant: Tenant, wanted: str) -> None:
    await tenant.posted(sale(reference="order-1", metadata={"order": "1"}))
    response = await tenant.get("/export", params={"format": wanted})
    media_type, suffix = FORMATS[wanted]
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.headers["content-disposition"] == f'attachment; filename="main-5.{suffix}"'
    assert "order-1" in response.text


async def test_without_a_format_it_is_the_log_which_anyone_can_verify(tenant: Tenant) -> None:
    await tenant.posted(sale())
    data = (await tenant.get("/export")).content
    found = verify_file(BytesIO(data)).verification
    checkpoint = document(await tenant.get("/checkpoint"))
    assert (found.valid, found.checked, found.head.hash.hex()) == (True, 5, checkpoint["hash"])


async def test_it_is_the_ledger_as_it_was_after_an_event(tenant: Tenant) -> None:
    first, _ = await tenant.posted(sale("1.00")), await tenant.posted(sale("2.00"))
    text = (await tenant.get("/export", params={"format": "hledger", "sequence": first["sequence"]})).text
    assert '    assets:bank  0 "EUR" = 1.00 "EUR"\n' in text
    assert "2.00" not in text
    rows = list(csv.DictReader(StringIO((await tenant.get("/export?format=csv")).text, newline="")))
    assert [row["debit"] or row["credit"] for row in rows] == ["1.00", "1.00", "2.00", "2.00"]


@pytest.mark.parametrize("query", ["format=xml", "sequence=0", "sequence=2", "sequence=x"])
async def test_what_cannot_be_exported_is_refused_before_the_file_begins(tenant: Tenant, query: str) -> None:
    problem(await tenant.get(f"/export?{query}"), 422, "validation-failed")


async def test_nobody_exports_the_ledger_of_another_organisation(
    tenant: Tenant, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    document(await other.client.post("/v1/ledgers", json={"slug": "theirs"}), 201)
    for each in FORMATS:
        problem(await tenant.client.get(f"/v1/ledgers/theirs/export?format={each}"), 404, "ledger-not-found")


@pytest.mark.parametrize("wanted", [{"scopes": ["reports:read"]}, {"scopes": ["admin"], "accounts": ["assets:**"]}])
async def test_it_takes_the_permission_to_read_all_events(tenant: Tenant, wanted: Json) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "few"} | wanted), 201)
    tenant.client.headers["Authorization"] = f"Bearer {made['key']}"
    for each in FORMATS:
        told = problem(await tenant.get(f"/export?format={each}"), 403, "permission-denied")
        assert told["permission"] == "events:read"


def household_or_none() -> Books | None:
    return household(HOUSEHOLD) if (HOUSEHOLD / "household.ndjson").exists() else None


@pytest.fixture(scope="module", params=[shop, household_or_none], ids=["shop", "household"])
def books(request: pytest.FixtureRequest) -> Books:
    made: Books | None = request.param()
    if made is None:
        pytest.skip("the books of the household are not beside this repository")
    return made


@pytest.fixture(scope="module")
async def keeper(books: Books, new_organisation: NewOrganisation) -> Tenant:
    """Who keeps these books: they were imported as lines."""
    return await imported(books, await new_organisation())


async def imported(books: Books, tenant: Tenant) -> Tenant:
    for code, scale in books.scales.items():
        document(await tenant.client.put(tenant.path(f"/assets/{code}"), json={"scale": scale}))
    answers = (await tenant.stream(books.transactions.read_bytes())).text.splitlines()
    assert {json.loads(answer)["status"] for answer in answers} == {201}
    return tenant


@pytest.mark.parametrize("program", other_programs.BALANCES_BY)
async def test_a_program_says_the_balances_that_we_do(keeper: Tenant, books: Books, program: str) -> None:
    other_programs.require(program)
    wanted = "beancount" if program == "bean-check" else "hledger"
    said = other_programs.BALANCES_BY[program]((await keeper.get(f"/export?format={wanted}")).text)
    assert said == books.balances == await balances(keeper)


async def test_after_import_and_export_hledger_says_what_it_said_of_the_journal(
    new_organisation: NewOrganisation,
) -> None:
    other_programs.require("hledger")
    tenant = await imported(shop(), await new_organisation())
    original = (HERE / "shop.journal").read_text("utf-8")
    text = (await tenant.get("/export?format=hledger")).text
    for command in NEAREST:
        before, after = (hledger.ask(each, [*command, "not:tag:balances"]) for each in (original, text))
        if command[0] == "register":
            assert hledger.register_of(after) == hledger.register_of(before)
        else:
            # Accounts come in the order in which they are declared.
            assert sorted(after.splitlines()) == sorted(before.splitlines())


async def balances(tenant: Tenant) -> Balances:
    rows = document(await tenant.get("/reports/trial-balance"))["data"]
    found = {(row["account"], row["asset"]): Decimal(row["balance"]) for row in rows}
    return {key: balance for key, balance in found.items() if balance}
