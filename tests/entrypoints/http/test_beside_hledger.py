"""Reports of whole books beside those of hledger: kept ones, and fresh ones where it is installed.

The books are posted, and their years closed, over HTTP. The lines of the books tell beforehand what a closing is to
move.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.books import hledger
from tests.books.hledger import CASES, CASES_BY_NAME, Case, Figures, Sections
from tests.books.other_programs import require
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document

RESULT = "equity:retained"
ENTRY = ("account", "direction", "amount", "asset")
HOUSEHOLD = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="module")
async def company(new_organisation: NewOrganisation) -> Tenant:
    """The company's books: posted, two years closed, and the last one opened again for what was found later."""
    tenant = await new_organisation()
    for code, scale in hledger.SCALES.items():
        document(await tenant.client.put(tenant.path(f"/assets/{code}"), json={"scale": scale}))
    rules = [{"pattern": pattern, "type": of_type} for pattern, of_type in hledger.CHART.items()]
    chart = {"If-Match": "*"}
    document(await tenant.client.put(tenant.path("/chart"), json={"rules": rules}, headers=chart))
    period: Json = {"until": ""}
    for line in hledger.company_lines():
        if line.get("kind") == "closing":
            period = await closed(tenant, line)
            continue
        if line["effective_at"] < period["until"]:
            reason = {"reason": line["description"]}
            period = document(await tenant.client.post(tenant.path(f"/periods/{period['id']}/reopen"), json=reason))
        await tenant.posted(line)
    return tenant


async def closed(tenant: Tenant, line: Json) -> Json:
    """The period that ends with a closing line, closed over HTTP: what that moved is what the line says."""
    until = date.fromisoformat(line["effective_at"][:10]) + timedelta(days=1)
    asked = {"until": until.isoformat(), "result_to": RESULT, "reason": line["description"]}
    period: Json = document(await tenant.client.post(tenant.path("/periods"), json=asked), 201)
    moved = [document(await tenant.get(f"/transactions/{id}")) for id in period["closing_transactions"]]
    (as_one,) = gathered(moved)
    assert as_one["entries"] == line["entries"]
    assert datetime.fromisoformat(as_one["effective_at"]) == datetime.fromisoformat(line["effective_at"])
    return period


def gathered(transactions: Sequence[Json]) -> list[Json]:
    """The transactions, and the closing ones of a period, each of one asset, as the one that the lines have."""
    lines = {line["effective_at"]: line for line in hledger.company_lines() if line.get("kind") == "closing"}
    closings: dict[str, list[Json]] = {}
    found: list[Json] = []
    for each in transactions:
        if each["kind"] != "closing":
            found.append(each)
            continue
        entries = closings.setdefault(each["effective_at"], [])
        if not entries:
            line = lines[each["effective_at"]]
            found.append(each | {name: line[name] for name in ("reference", "description")} | {"entries": entries})
        entries += [{name: entry[name] for name in ENTRY} for entry in each["entries"]]
        entries.sort(key=lambda entry: (entry["account"] == RESULT, entry["account"], entry["asset"]))
    return found


async def exported(tenant: Tenant, scales: dict[str, int], *, is_gathered: bool = False) -> str:
    """What the ledger says of its accounts and transactions, as a journal."""
    accounts = await listed(tenant, "/accounts?limit=500")
    transactions = await listed(tenant, "/transactions?limit=500&sort=effective_at")
    if is_gathered:
        transactions = gathered(transactions)
    return hledger.journal(transactions, {each["path"]: each["type"] for each in accounts}, scales)


async def listed(tenant: Tenant, rest: str) -> list[Json]:
    items: list[Json] = []
    query = rest
    while True:
        page = document(await tenant.get(query))
        items += page["data"]
        if not page["has_more"]:
            return items
        query = f"{rest}&cursor={page['next_cursor']}"


async def test_the_exported_books_are_those_that_hledger_was_asked_about(company: Tenant) -> None:
    assert await exported(company, hledger.SCALES, is_gathered=True) == hledger.JOURNAL.read_text("utf-8")


@pytest.mark.parametrize("name", CASES_BY_NAME)
async def test_a_report_says_what_hledger_says(company: Tenant, name: str) -> None:
    case = CASES_BY_NAME[name]
    await compare(company, case, case.file.read_text("utf-8"))


async def test_the_installed_hledger_says_the_same_of_the_exported_books(company: Tenant) -> None:
    require("hledger")
    text = await exported(company, hledger.SCALES)
    for case in CASES:
        await compare(company, case, hledger.ask(text, case.command))


async def test_hledger_says_of_our_own_export_what_it_says_of_the_books(company: Tenant) -> None:
    require("hledger")
    text = (await company.get("/export?format=hledger")).text
    # In a register, ours has what happened on one day in the order of the log, whatever the time of that day.
    for case in [each for each in CASES if each.command[0] != "register"]:
        # Ours has tags of its own: what is closed, and what only states balances.
        command = [argument.replace("tag:closing", "tag:kind=closing") for argument in case.command]
        await compare(company, case, hledger.ask(text, [*command, "not:tag:balances"]))


async def test_hledger_says_the_same_of_the_books_of_a_household(tenant: Tenant) -> None:
    require("hledger")
    if not (HOUSEHOLD / "household.ndjson").exists():
        pytest.skip("the books of the household are not beside this repository")
    scales = json.loads((HOUSEHOLD / "household.assets.json").read_text())
    for code, scale in scales.items():
        await tenant.client.put(tenant.path(f"/assets/{code}"), json={"scale": scale})
    lines = (HOUSEHOLD / "household.ndjson").read_bytes()
    answers = (await tenant.stream(lines)).text.splitlines()
    assert {json.loads(answer)["status"] for answer in answers} == {201}
    text = await exported(tenant, scales)
    for case in CASES:
        if not case.path.startswith("/reports/"):
            continue
        query = {name: nine_years_before(value) for name, value in case.query.items()}
        command = [nine_years_before(argument) for argument in case.command]
        await compare(tenant, replace(case, query=query), hledger.ask(text, command))


def nine_years_before(text: str) -> str:
    """A date of the company's books as one of the household's."""
    return re.sub(r"^20\d\d(?=-)", lambda year: str(int(year[0]) - 9), text)


async def compare(tenant: Tenant, case: Case, said: str) -> None:
    """See that a report says what hledger said."""
    told = document(await tenant.get(case.path, params=dict(case.query)))
    if case.command[0] == "register":
        (of_asset,) = told["data"]
        assert register(told["type"], of_asset) == hledger.register_of(said)
    elif case.command[0] == "balance":
        assert balances(told) == hledger.balances_of(said)
    else:
        with_equity = case.command[0] == "balancesheetequity"
        assert sections(told, with_equity=with_equity) == hledger.sections_of(said)


def sections(told: Json, *, with_equity: bool) -> Sections:
    """A report of sections as hledger has them: with what is not closed outside of equity, and nothing of zeros."""
    if "net" in told:
        named = {"revenues": told["income"], "expenses": told["expenses"]}
        found = {name: figures_of(section) for name, section in named.items()}
        found["net"] = {("", figure["asset"]): columns(figure) for figure in told["net"]}
    else:
        not_closed = [line for line in told["equity"]["lines"] if line["account"] is None]
        assert told["equity"]["lines"][-1:] == not_closed or not not_closed
        found = {name: figures_of(told[name]) for name in ("assets", "liabilities")}
        if with_equity:
            found["equity"] = figures_of(told["equity"])
            found["net"] = {("", each["asset"]): columns(each) for line in not_closed for each in line["amounts"]}
            check_that_both_sides_are_equal(told)
        else:
            found["net"] = less(found["assets"], found["liabilities"])
    without_zeros = {name: {key: each for key, each in part.items() if any(each)} for name, part in found.items()}
    return {name: part for name, part in without_zeros.items() if part}


def figures_of(section: Json) -> Figures:
    figures = {
        (line["account"], figure["asset"]): columns(figure)
        for line in section["lines"]
        if line["account"] is not None
        for figure in line["amounts"]
    }
    totals: Figures = {}
    for (_, asset), each in figures.items():
        before = totals.get(("", asset), [Decimal(0)] * len(each))
        totals["", asset] = [one + other for one, other in zip(before, each, strict=True)]
    if all(line["account"] is not None for line in section["lines"]):
        told = {("", figure["asset"]): columns(figure) for figure in section["totals"]}
        assert told == totals
    return figures | totals


def columns(figure: Json) -> list[Decimal]:
    """The figures as hledger puts them side by side: the earlier one first."""
    amount = Decimal(figure["amount"])
    return [amount] if figure["compared"] is None else [Decimal(figure["compared"]), amount]


def less(figures: Figures, others: Figures) -> Figures:
    totals = {key for key in (*figures, *others) if not key[0]}
    nothing = [Decimal(0)] * len(next(iter((figures | others).values()), ()))
    return {
        key: [one - other for one, other in zip(figures.get(key, nothing), others.get(key, nothing), strict=True)]
        for key in totals
    }


def check_that_both_sides_are_equal(told: Json) -> None:
    """Assets are liabilities plus equity, in each asset."""
    sums: dict[str, list[Decimal]] = {}
    for section, sign in (("assets", 1), ("liabilities", -1), ("equity", -1)):
        for figure in told[section]["totals"]:
            of_asset = sums.setdefault(figure["asset"], [Decimal(0)] * len(columns(figure)))
            for index, amount in enumerate(columns(figure)):
                of_asset[index] += sign * amount
    assert sums
    assert not any(amount for amounts in sums.values() for amount in amounts)


def balances(told: Json) -> Figures:
    """The balances of a trial balance, in which hledger has one line for a path, whatever the types."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in told["data"]:
        key = (line["account"], line["asset"])
        sums[key] = sums.get(key, Decimal(0)) + Decimal(line["balance"])
    return {key: [balance] for key, balance in sums.items() if balance}


def register(of_type: str, told: Any) -> list[tuple[str, Decimal, Decimal]]:
    """A statement's entries as hledger's register has them: debit-positive."""
    side = 1 if of_type in ("asset", "expense") else -1
    return [
        (
            each["effective_at"][:10],
            Decimal(each["amount"]) * (1 if each["direction"] == "debit" else -1),
            Decimal(each["balance"]) * side,
        )
        for each in told["entries"]
    ]
