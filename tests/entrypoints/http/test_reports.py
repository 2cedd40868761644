"""Reports and statements over HTTP: what is asked for, in which format it comes, and what is refused."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from httpx2 import Response

from application.ledger.statement import account_statement
from domain.shared.errors import ValidationFailed
from entrypoints.http.v1 import statements
from entrypoints.schemas.moments import start_of
from tests.docs.pages import ROOT, fenced
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

REPORTS = ("/reports/trial-balance", "/reports/balance-sheet", "/reports/income-statement")
STATEMENT = "/accounts/assets:bank/statement"
ALL = (*REPORTS, STATEMENT)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CSV, HTML = {"Accept": "text/csv"}, {"Accept": "text/html"}


async def year_end(tenant: Tenant) -> None:
    """A sale in each of two years, and one in between that is recorded last."""
    await tenant.posted(sale("10.00", effective_at="2025-12-30T12:00:00Z", reference="first"))
    await tenant.posted(sale("5.00", effective_at="2026-01-01T00:00:00Z", reference="second"))
    await tenant.posted(sale("1.00", effective_at="2025-12-31T23:59:59.999999Z", reference="late"))


def figure(amount: str, compared: str | None = None) -> list[Json]:
    return [{"asset": "EUR", "amount": amount, "compared": compared}]


def section(account: str | None, amount: str, compared: str | None = None) -> Json:
    figures = figure(amount, compared)
    return {"lines": [{"account": account, "amounts": figures}], "totals": figures}


EMPTY: Json = {"lines": [], "totals": []}


async def test_a_balance_sheet_at_a_day_beside_one_of_another(tenant: Tenant) -> None:
    await year_end(tenant)
    told = document(await tenant.get("/reports/balance-sheet?at=2026-01-01&compare_at=2025-12-31"))
    assert told == {
        "ledger": "main",
        "sequence": 7,
        "before": "2026-01-02T00:00:00.000000Z",
        "compare_before": "2026-01-01T00:00:00.000000Z",
        "assets": section("assets:bank", "16.00", "11.00"),
        "liabilities": EMPTY,
        "equity": section(None, "16.00", "11.00"),
    }
    now = document(await tenant.get("/reports/balance-sheet"))
    assert (now["before"], now["compare_before"]) == (None, None)
    assert now["assets"] == section("assets:bank", "16.00")


async def test_an_income_statement_of_a_year_beside_the_one_before(tenant: Tenant) -> None:
    await year_end(tenant)
    query = "from=2026-01-01&to=2027-01-01&compare_from=2025-01-01&compare_to=2026-01-01"
    told = document(await tenant.get(f"/reports/income-statement?{query}"))
    assert told == {
        "ledger": "main",
        "sequence": 7,
        "from": "2026-01-01T00:00:00.000000Z",
        "to": "2027-01-01T00:00:00.000000Z",
        "compare_from": "2025-01-01T00:00:00.000000Z",
        "compare_to": "2026-01-01T00:00:00.000000Z",
        "income": section("income:sales", "5.00", "11.00"),
        "expenses": EMPTY,
        "net": figure("5.00", "11.00"),
    }
    everything = document(await tenant.get("/reports/income-statement"))
    assert everything["net"] == figure("16.00")
    assert {everything[name] for name in ("from", "to", "compare_from", "compare_to")} == {None}
    open_end = document(await tenant.get("/reports/income-statement?from=2025-12-31&compare_to=2025-12-31"))
    assert open_end["net"] == figure("6.00", "10.00")


async def test_a_statement_of_a_span(tenant: Tenant) -> None:
    await year_end(tenant)
    told = document(await tenant.get(f"{STATEMENT}?from=2025-12-31&to=2026-01-02"))
    (euros,) = told.pop("data")
    assert told == {
        "ledger": "main",
        "account": "assets:bank",
        "type": "asset",
        "sequence": 7,
        "from": "2025-12-31T00:00:00.000000Z",
        "to": "2026-01-02T00:00:00.000000Z",
    }
    entries = euros.pop("entries")
    assert euros == {"asset": "EUR", "opening": "10.00", "debits": "6.00", "credits": "0.00", "closing": "16.00"}
    assert [(each["reference"], each["amount"], each["balance"]) for each in entries] == [
        ("late", "1.00", "11.00"),
        ("second", "5.00", "16.00"),
    ]
    listed = {each["reference"]: each for each in document(await tenant.get("/accounts/assets:bank/entries"))["data"]}
    for entry in entries:
        of_list = listed[entry["reference"]]
        assert {name: of_list[name] for name in entry if name != "balance"} == {
            name: value for name, value in entry.items() if name != "balance"
        }
    # The account's own side is that of its balances.
    of_sales = document(await tenant.get("/accounts/income:sales/statement?asset=EUR"))["data"][0]
    assert (of_sales["opening"], of_sales["credits"], of_sales["closing"]) == ("0.00", "16.00", "16.00")
    assert document(await tenant.get(f"{STATEMENT}?asset=USD"))["data"] == []


async def test_what_was_known_can_be_asked_for(tenant: Tenant) -> None:
    await year_end(tenant)
    first, second, late = document(await tenant.get("/transactions?sort=sequence"))["data"]
    for query, expected in (
        (f"as_of_sequence={second['sequence']}", "15.00"),
        (f"known_at={second['recorded_at']}", "15.00"),
        (f"as_of_sequence={first['sequence']}", "10.00"),
        (f"known_at={late['recorded_at']}", "16.00"),
    ):
        sheet = document(await tenant.get(f"/reports/balance-sheet?{query}"))
        assert sheet["assets"]["totals"] == figure(expected)
        assert document(await tenant.get(f"/reports/income-statement?{query}"))["net"] == figure(expected)
        told = document(await tenant.get(f"{STATEMENT}?{query}"))
        assert told["data"][0]["closing"] == expected
        assert told["sequence"] == sheet["sequence"]
    for path in ALL:
        both = f"{path}?as_of_sequence=1&known_at=2026-01-01"
        problem(await tenant.get(both), 422, "validation-failed")


async def test_accounts_are_rolled_up_to_a_depth(tenant: Tenant) -> None:
    await tenant.posted(sale("10.00"))
    online = sale("5.00")
    online["entries"][1]["account"] = "income:sales:online"
    await tenant.posted(online)
    for depth, expected in (
        (1, [("income", "15.00")]),
        (2, [("income:sales", "15.00")]),
        (3, [("income:sales", "10.00"), ("income:sales:online", "5.00")]),
        (128, [("income:sales", "10.00"), ("income:sales:online", "5.00")]),
    ):
        told = document(await tenant.get(f"/reports/income-statement?depth={depth}"))
        assert [(line["account"], line["amounts"][0]["amount"]) for line in told["income"]["lines"]] == expected
        trial = document(await tenant.get(f"/reports/trial-balance?depth={depth}"))["data"]
        credited = [(line["account"], line["credits"]) for line in trial if line["type"] == "income"]
        assert credited == expected
    sheet = document(await tenant.get("/reports/balance-sheet?depth=1"))
    assert sheet["assets"]["lines"][0]["account"] == "assets"


async def test_days_are_those_of_the_ledgers_time_zone(tenant: Tenant, postgres_url: str) -> None:
    await tenant.posted(sale("1.00", effective_at="2025-12-31T22:59:59.999999Z"))  # still 2025 in Vienna
    await tenant.posted(sale("2.00", effective_at="2025-12-31T23:00:00Z"))
    superuser = await asyncpg.connect(postgres_url)
    try:
        await superuser.execute(
            "UPDATE ledger_settings SET time_zone = 'Europe/Vienna' WHERE organisation_id = $1", tenant.organisation_id
        )
    finally:
        await superuser.close()
    told = document(await tenant.get("/reports/income-statement?from=2026-01-01&compare_to=2026-01-01"))
    assert told["net"] == figure("2.00", "1.00")
    assert told["from"] == "2025-12-31T23:00:00.000000Z"
    sheet = document(await tenant.get("/reports/balance-sheet?at=2025-12-31&compare_at=2025-12-30"))
    assert sheet["assets"]["totals"] == figure("1.00", "0.00")
    page = (await tenant.get(f"{STATEMENT}?from=2026-01-01", headers=HTML)).text
    assert "from 2026-01-01" in page
    assert "2026-01-01 00:00:00" in page
    assert "Europe/Vienna" in page


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("TEXT/CSV", "text/csv; charset=utf-8; header=present"),
        ("text/csv, application/json;q=0.9", "text/csv; charset=utf-8; header=present"),
        ("text/csv;q=0.5, */*;q=0.1", "text/csv; charset=utf-8; header=present"),
        ("text/csv, application/json", "application/json"),
        ("text/*, text/csv;q=0", "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        (BROWSER, "text/html; charset=utf-8"),
        ("application/problem+json, application/json", "application/json"),
        ("nonsense, text/csv", "text/csv; charset=utf-8; header=present"),
        ("text/csv;q=x, application/json;q=0.1", "application/json"),
    ],
)
async def test_a_report_comes_in_the_format_that_is_accepted(
    reported: Tenant, path: str, accept: str | None, expected: str
) -> None:
    # An empty header is no wish; without any, the client would send one of its own.
    response = await reported.get(path, headers={"Accept": accept or ""})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == expected
    assert response.headers["vary"] == "Accept"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.fixture(scope="module")
async def reported(new_organisation: Any) -> Tenant:
    tenant: Tenant = await new_organisation()
    await year_end(tenant)
    return tenant


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("accept", ["application/xml", "text/csv;q=0", "image/*", "*/*;q=0", "text/plain"])
async def test_a_format_that_is_not_there_is_a_problem(reported: Tenant, path: str, accept: str) -> None:
    told = problem(await reported.get(path, headers={"Accept": accept}), 406, "not-acceptable")
    assert "application/json, text/csv, text/html" in told["detail"]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        *((path, "depth=0", 422, "validation-failed") for path in REPORTS),
        *((path, "depth=129", 422, "validation-failed") for path in REPORTS),
        *((path, "depth=x", 422, "validation-failed") for path in REPORTS),
        *((path, "depth=1&depth=2", 400, "unknown-parameter") for path in REPORTS),
        *((path, "format=csv", 400, "unknown-parameter") for path in ALL),
        (STATEMENT, "depth=1", 400, "unknown-parameter"),
        (STATEMENT, "at=2026-01-01", 400, "unknown-parameter"),
        ("/reports/income-statement", "at=2026-01-01", 400, "unknown-parameter"),
        ("/reports/balance-sheet", "from=2026-01-01", 400, "unknown-parameter"),
        ("/reports/balance-sheet", "compare_at=yesterday", 422, "validation-failed"),
        ("/reports/balance-sheet", "compare_at=9999-12-31", 422, "validation-failed"),
        *(
            (path, f"{name}={value}", 422, "validation-failed")
            for path in ("/reports/income-statement", STATEMENT)
            for name in ("from", "to")
            for value in ("", "2026", "2026-02-30", "2026-01-01T00:00:00", "now")
        ),
        ("/reports/income-statement", "from=2026-01-02&to=2026-01-01", 422, "validation-failed"),
        ("/reports/income-statement", "compare_from=2026-01-02&compare_to=2026-01-01", 422, "validation-failed"),
        ("/reports/income-statement", "compare_from=2026", 422, "validation-failed"),
        (STATEMENT, "from=2026-01-02&to=2026-01-01T23:59:59Z", 422, "validation-failed"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    reported: Tenant, path: str, query: str, status: int, code: str
) -> None:
    for headers in ({}, CSV, HTML):
        problem(await reported.get(f"{path}?{query}", headers=headers), status, code)


async def test_which_end_is_wrong_is_said(reported: Tenant) -> None:
    told = problem(
        await reported.get("/reports/income-statement?compare_from=2026-01-02&compare_to=2026-01-01"),
        422,
        "validation-failed",
    )
    assert "compare_from is later than compare_to" in told["detail"]
    told = problem(await reported.get(f"{STATEMENT}?to=x"), 422, "validation-failed")
    assert told["detail"].startswith("to must be a time of RFC 3339")


async def test_the_ends_of_the_calendar_are_times_too(reported: Tenant) -> None:
    for headers in ({}, CSV, HTML):
        for path in ("/reports/income-statement", STATEMENT):
            response = await reported.get(f"{path}?from=0001-01-01&to=9999-12-31T23:59:59Z", headers=headers)
            assert response.status_code == 200, response.text
    nothing = document(await reported.get("/reports/income-statement?from=2026-01-01&to=2026-01-01"))
    assert nothing["net"] == []


async def test_what_is_not_there_has_no_reports(reported: Tenant) -> None:
    for path in ALL:
        problem(await reported.client.get(f"/v1/ledgers/other{path}"), 404, "ledger-not-found")
    problem(await reported.get("/accounts/assets:none/statement"), 404, "account-not-found")
    problem(await reported.get(f"{STATEMENT}?as_of_sequence=1"), 404, "account-not-found")


async def test_a_statement_of_too_many_entries_is_refused(reported: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "account_statement", partial(account_statement, entries_max=2))
    # In a span that no other test asks for, as what was answered is kept.
    told = problem(await reported.get(f"{STATEMENT}?to=2027-11-25"), 422, "statement-too-long")
    assert "a shorter one" in told["detail"]
    assert document(await reported.get(f"{STATEMENT}?from=2026-01-01"))["data"][0]["closing"] == "16.00"


async def test_an_empty_ledger_has_empty_reports(tenant: Tenant) -> None:
    for path in REPORTS:
        told = document(await tenant.get(path))
        assert told["sequence"] == 1
        response = await tenant.get(path, headers=CSV)
        assert len(rows(response)) == 1
        assert "</html>" in (await tenant.get(path, headers=HTML)).text
    document(await tenant.client.post(tenant.path("/accounts"), json={"path": "assets:bank"}), 201)
    assert document(await tenant.get(STATEMENT))["data"] == []
    assert "Nothing was posted." in (await tenant.get(STATEMENT, headers=HTML)).text


def rows(response: Response) -> list[list[str]]:
    assert response.status_code == 200, response.text
    assert response.text.endswith("\r\n")
    return list(csv.reader(io.StringIO(response.text, newline="")))


async def test_csv_says_what_json_says(reported: Tenant) -> None:
    query = "from=2026-01-01&compare_to=2026-01-01"
    assert rows(await reported.get(f"/reports/income-statement?{query}", headers=CSV)) == [
        ["section", "row", "account", "asset", "amount", "compared"],
        ["income", "account", "income:sales", "EUR", "5.00", "11.00"],
        ["income", "total", "", "EUR", "5.00", "11.00"],
        ["net", "total", "", "EUR", "5.00", "11.00"],
    ]
    assert rows(await reported.get("/reports/balance-sheet", headers=CSV)) == [
        ["section", "row", "account", "asset", "amount", "compared"],
        ["assets", "account", "assets:bank", "EUR", "16.00", ""],
        ["assets", "total", "", "EUR", "16.00", ""],
        ["equity", "not_closed", "", "EUR", "16.00", ""],
        ["equity", "total", "", "EUR", "16.00", ""],
    ]
    assert rows(await reported.get("/reports/trial-balance", headers=CSV)) == [
        ["account", "type", "asset", "debits", "credits", "balance"],
        ["assets:bank", "asset", "EUR", "16.00", "0.00", "16.00"],
        ["income:sales", "income", "EUR", "0.00", "16.00", "-16.00"],
    ]
    told = document(await reported.get(f"{STATEMENT}?from=2026-01-01"))["data"][0]["entries"][0]
    assert rows(await reported.get(f"{STATEMENT}?from=2026-01-01", headers=CSV)) == [
        [
            *("asset", "row", "effective_at", "sequence", "transaction", "reference", "description"),
            *("debit", "credit", "balance"),
        ],
        ["EUR", "opening", "2026-01-01T00:00:00.000000Z", "", "", "", "", "", "", "11.00"],
        [
            *("EUR", "entry", "2026-01-01T00:00:00.000000Z", str(told["sequence"]), told["transaction"], "second"),
            *("", "5.00", "", "16.00"),
        ],
        ["EUR", "closing", "", "", "", "", "", "5.00", "0.00", "16.00"],
    ]


async def test_no_text_of_a_user_is_run_by_a_spreadsheet(tenant: Tenant) -> None:
    await tenant.posted(sale("1.00", description='=HYPERLINK("https://evil.test")', reference="-2+3"))
    await tenant.posted(sale("2.00", description='@x, "quoted"\r\nand more', reference="+49"))
    opening, first, second, closing = rows(await tenant.get(STATEMENT, headers=CSV))[1:]
    assert first[5:7] == ["'-2+3", '\'=HYPERLINK("https://evil.test")']
    assert second[5:7] == ["'+49", '\'@x, "quoted"\r\nand more']
    assert (opening[-1], closing[-1]) == ("0.00", "3.00")
    refund = sale("9.00")
    refund["entries"][0]["direction"], refund["entries"][1]["direction"] = "credit", "debit"
    await tenant.posted(refund)
    assert rows(await tenant.get(STATEMENT, headers=CSV))[-1][-1] == "-6.00"


class Page(HTMLParser):
    """The elements of a page, and the cells of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.cells: list[str] = []
        self._is_in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("th", "td", "caption", "dd", "h1"):
            self.cells.append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell = self._is_in_cell and tag not in ("th", "td", "caption", "dd", "h1")

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.cells[-1] += data


async def test_no_text_of_a_user_becomes_a_part_of_the_page(tenant: Tenant) -> None:
    attack = "</td></table><script>alert(1)</script><img src=x onerror=\"alert(2)\"> & 'more'"
    await tenant.posted(sale("1.00", description=attack, reference='"><b>'))
    response = await tenant.get(STATEMENT, headers=HTML)
    page = Page(response.text)
    assert attack in page.cells
    assert '"><b>' in page.cells
    known = {"html", "head", "meta", "title", "style", "body", "h1", "dl", "dt", "dd"}
    known |= {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
    assert {tag for tag, _ in page.elements} <= known
    assert all(
        set(attributes) <= {"lang", "charset", "name", "content", "scope", "class"} for _, attributes in page.elements
    )


@pytest.mark.parametrize("path", ALL)
async def test_a_page_stands_alone_and_may_load_and_run_nothing(reported: Tenant, path: str) -> None:
    response = await reported.get(path, headers={"Accept": BROWSER})
    policy = response.headers["content-security-policy"].split("; ")
    assert policy[0].startswith("style-src 'sha256-")
    assert "default-src 'none'" in policy
    assert "unsafe" not in response.headers["content-security-policy"]
    page = Page(response.text)
    heads = [attributes for tag, attributes in page.elements if tag == "th"]
    assert heads
    assert {attributes["scope"] for attributes in heads} == {"row", "col"}
    assert "16.00" in page.cells
    assert "@media print" in response.text
    assert [attributes for tag, attributes in page.elements if tag == "html"] == [{"lang": "en"}]


async def test_the_style_is_the_one_that_the_policy_allows(reported: Tenant) -> None:
    response = await reported.get(STATEMENT, headers=HTML)
    style = response.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]


async def test_many_assets_go_on_below(tenant: Tenant) -> None:
    codes = [f"COIN{number}" for number in range(6)]
    for code in codes:
        document(await tenant.client.put(tenant.path(f"/assets/{code}"), json={"scale": 0}))
        transaction = sale("7")
        for entry in transaction["entries"]:
            entry["asset"] = code
        await tenant.posted(transaction)
    page = Page((await tenant.get("/reports/balance-sheet", headers=HTML)).text)
    assert [cell for cell in page.cells if cell in ("Assets", "Liabilities", "Equity")] == [
        *("Assets", "Liabilities", "Equity"),
        *("Assets", "Liabilities", "Equity"),
    ]
    # Once as a head of each of three sections; four assets stand side by side, and two below.
    assert [cell for cell in page.cells if cell.startswith("COIN")] == codes[:4] * 3 + codes[4:] * 3
    told = document(await tenant.get("/reports/balance-sheet"))
    assert [each["asset"] for each in told["assets"]["lines"][0]["amounts"]] == codes


async def test_the_example_of_the_documentation_is_what_its_books_come_to(tenant: Tenant) -> None:
    for month, debited, credited, amount in (
        (1, "assets:bank", "equity:capital", "100.00"),
        (1, "assets:bank", "income:sales", "30.00"),
        (1, "expenses:rent", "assets:bank", "12.00"),
        (2, "assets:bank", "income:sales", "5.00"),
    ):
        transaction = sale(amount, effective_at=f"2026-0{month}-15T00:00:00Z")
        transaction["entries"][0]["account"], transaction["entries"][1]["account"] = debited, credited
        await tenant.posted(transaction)
    query = "from=2026-02-01&to=2026-03-01&compare_from=2026-01-01&compare_to=2026-02-01"
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert f"/reports/income-statement?{query}\n" in text
    shown = [json.loads(block) for kind, block in fenced(text) if kind == "json" and '"net"' in block]
    assert shown == [document(await tenant.get(f"/reports/income-statement?{query}"))]
    sheet = document(await tenant.get("/reports/balance-sheet?at=2026-02-28&compare_at=2026-01-31"))
    assert sheet["assets"] == section("assets:bank", "123.00", "118.00")
    assert [(line["account"], line["amounts"]) for line in sheet["equity"]["lines"]] == [
        ("equity:capital", figure("100.00", "100.00")),
        (None, figure("23.00", "18.00")),
    ]


@pytest.mark.parametrize(
    ("moment", "zone", "start"),
    [
        (date(2026, 4, 1), "UTC", datetime(2026, 4, 1, tzinfo=UTC)),
        (date(2026, 4, 1), "Europe/Vienna", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        (date(2026, 1, 1), "Europe/Vienna", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (date(1, 1, 1), "America/Havana", datetime(1, 1, 1, 5, 29, 28, tzinfo=UTC)),
        (datetime(2026, 4, 1, 12, tzinfo=UTC), "Asia/Kolkata", datetime(2026, 4, 1, 12, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_midnight_in_the_zone(moment: date, zone: str, start: datetime) -> None:
    assert start_of(moment, ZoneInfo(zone)) == start


def test_before_the_first_day_there_is_no_time() -> None:
    with pytest.raises(ValidationFailed):
        start_of(date(1, 1, 1), ZoneInfo("Asia/Kolkata"))


async def test_formats_are_described(tenant: Tenant) -> None:
    described = document(await tenant.client.get("/openapi.json"))["paths"]
    for path in (*REPORTS, "/accounts/{path}/statement"):
        operation = described[f"/v1/ledgers/{{ledger}}{path}"]["get"]
        assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/csv", "text/html"}
        assert "406" in operation["responses"]
        names = {each["name"] for each in operation["parameters"]}
        assert {"known_at", "as_of_sequence"} <= names
