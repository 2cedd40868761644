"""Bank statements over HTTP: by their media types, with a profile as options, and only what is new."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from entrypoints.container import Container
from tests.adapters.foreign_files.statement_samples import CAMT, CSV, FILES, MT940, camt_entry, options_of
from tests.entrypoints.http.jobs_run import ended, results
from tests.entrypoints.http.tenant import Json, Tenant, document, problem

TYPES = {"mt940": "text/x-mt940", "ofx": "application/x-ofx", "camt053": "application/xml", "csv": "text/csv"}
RULE = {"contains": "Bäckerei", "account": "expenses:food", "type": "expense"}


def _query(name: str, options: dict[str, Any] | None = None) -> str:
    profile = options_of(name) | {"rules": [RULE]} if options is None else options
    return f"?options={quote(json.dumps(profile))}"


async def _previewed(tenant: Tenant, name: str, content: bytes, options: dict[str, Any] | None = None) -> Json:
    path = tenant.path(f"/imports/preview{_query(name, options)}")
    shown: Json = document(await tenant.client.post(path, content=content, headers={"Content-Type": TYPES[name]}))
    return shown


async def _imported(container: Container, tenant: Tenant, name: str, content: bytes) -> Json:
    path = tenant.path(f"/imports{_query(name)}")
    asked = await tenant.client.post(path, content=content, headers={"Content-Type": TYPES[name]})
    return await ended(container, tenant, document(asked, 202)["id"])


async def _balances(tenant: Tenant) -> dict[str, Any]:
    rows = document(await tenant.client.get(tenant.path("/reports/trial-balance")))["data"]
    return {row["account"]: row["balance"] for row in rows}


async def test_a_statement_is_shown_then_posted_and_other_formats_of_it_add_only_what_is_new(
    container: Container, tenant: Tenant
) -> None:
    shown = await _previewed(tenant, "mt940", MT940.encode())
    assert shown["clear"]
    assert shown["transactions"] == {"found": 4, "posted": 4, "already_there": 0}
    assert {each["path"]: each["type"] for each in shown["accounts"]["first"]} == {
        "assets:bank:nord": "asset",
        "imports:unassigned": "equity",
        "expenses:food": "expense",
    }
    job = await _imported(container, tenant, "mt940", MT940.encode())
    assert [each for each in await results(tenant, job["id"]) if "problem" in each] == []
    # -850.00 and twice -3.20 went out, 2,400.00 came in; the rolls are food.
    month = {"assets:bank:nord": "1543.60", "imports:unassigned": "-1550.00", "expenses:food": "6.40"}
    assert await _balances(tenant) == month

    for name, content in FILES.items():
        shown = await _previewed(tenant, name, content)
        assert shown["transactions"] == {"found": 4, "posted": 0, "already_there": 4}, name
        assert shown["refused"]["total"] == 0

    (first, *_) = (told := shown["already_there"])["first"]
    assert told["total"] == len(told["first"]) == 4
    posted = document(await tenant.client.get(tenant.path("/transactions?sort=sequence")))["data"]
    assert {each["transaction"] for each in told["first"]} == {each["id"] for each in posted}
    assert set(first) == {"place", "transaction"}

    fee = camt_entry(amount="1.50", mark="DBIT", day="2026-10-05", reference="B-1005", party="Nordbank", purpose="Fee")
    longer = CAMT.replace("</Stmt>", f"{fee}</Stmt>").replace("2543.60", "2542.10").encode()
    assert (await _previewed(tenant, "camt053", longer))["transactions"] == {
        "found": 5,
        "posted": 1,
        "already_there": 4,
    }
    await _imported(container, tenant, "camt053", longer)
    assert await _balances(tenant) == month | {"assets:bank:nord": "1542.10", "imports:unassigned": "-1548.50"}
    (posted,) = document(await tenant.client.get(tenant.path("/transactions?sort=-sequence&limit=1")))["data"]
    assert posted["description"] == "Nordbank | Fee"
    assert posted["metadata"]["bank_reference"] == "B-1005"


async def test_two_imports_of_one_month_that_both_wait_post_it_once(container: Container, tenant: Tenant) -> None:
    jobs = []
    for name in ("mt940", "camt053"):
        path = tenant.path(f"/imports{_query(name)}")
        asked = await tenant.client.post(path, content=FILES[name], headers={"Content-Type": TYPES[name]})
        jobs.append(document(asked, 202)["id"])
    for job in jobs:
        await ended(container, tenant, job)
    assert (await _balances(tenant))["assets:bank:nord"] == "1543.60"
    told = [each for job in jobs for each in await results(tenant, job)]
    # When they were asked for, none of the three accounts and four lines was there.
    assert [each["problem"]["code"] for each in told if "problem" in each] == ["account-exists"] * 3
    assert sum(each.get("already_there", False) for each in told) == 4


async def test_what_a_table_leaves_open_is_asked_in_the_preview_and_nothing_is_posted(tenant: Tenant) -> None:
    options = options_of("csv")
    content = re.sub(r"(\d\d)\.(\d\d)\.(2026;)", r"\1/\2/\3", CSV).encode()
    shown = await _previewed(tenant, "csv", content, options)
    assert not shown["clear"]
    assert "Say it by `csv.date_order`" in shown["unreadable"]["first"][0]["detail"]
    path = tenant.path(f"/imports{_query('csv', options)}&partial=true")
    problem(
        await tenant.client.post(path, content=content, headers={"Content-Type": "text/csv"}), 422, "validation-failed"
    )
    said = options | {"csv": options["csv"] | {"date_order": "dmy"}}
    shown = await _previewed(tenant, "csv", content, said)
    assert shown["clear"]
    assert shown["transactions"]["posted"] == 4


async def test_a_statement_whose_sum_is_wrong_is_not_posted_unless_asked(container: Container, tenant: Tenant) -> None:
    wrong = CAMT.replace("2543.60", "2543.61").encode()
    shown = await _previewed(tenant, "camt053", wrong)
    assert shown["failed_checks"]["total"] == 1
    path = tenant.path(f"/imports{_query('camt053')}")
    headers = {"Content-Type": "application/xml"}
    told = problem(await tenant.client.post(path, content=wrong, headers=headers), 422, "unclear-file")
    assert "closes with 2543.61 EUR" in told["detail"]
    job = document(await tenant.client.post(f"{path}&partial=true", content=wrong, headers=headers), 202)
    await ended(container, tenant, job["id"])
    assert len(document(await tenant.client.get(tenant.path("/transactions")))["data"]) == 4


@pytest.mark.parametrize("options", [{"bank_accounts": 1}, {"csv": {}}, {"rules": [{"contains": "x"}]}])
async def test_a_profile_that_is_not_understood_is_refused_at_once(tenant: Tenant, options: dict[str, Any]) -> None:
    path = tenant.path(f"/imports{_query('ofx', options)}")
    refused = await tenant.client.post(path, content=FILES["ofx"], headers={"Content-Type": TYPES["ofx"]})
    told = problem(refused, 422, "validation-failed")
    assert told["errors"][0]["pointer"].startswith("/options")
