"""Files of other programs over HTTP: shown, refused as a whole, or posted by a job."""

import gzip
import json
from typing import Any

import pytest

from entrypoints.container import Container
from tests.adapters.foreign_files.programs_say import FILES, kept
from tests.books.other_programs import balances_by_hledger, require
from tests.entrypoints.http.jobs_run import ended, results
from tests.entrypoints.http.tenant import Json, Tenant, document, problem

HLEDGER = {"Content-Type": "text/x-hledger"}

JOURNAL = """\
account assets:bank   ; type: A
account Vermögen:Kasse alt   ; type: A

2026-01-02 * (r-1) Opening | a note  ; kind: opening
    assets:bank        1,000.00 EUR
    equity:opening

2026-01-03 Shares
    assets:shares       10 ABC @ 12.50 USD
    assets:bank      -110.00 EUR @@ 125.00 USD

2026-01-03 Bread
    expenses:food        3.50 EUR
    Vermögen:Kasse alt
"""


async def previewed(tenant: Tenant, text: str | bytes, query: str = "") -> Json:
    content = text.encode() if isinstance(text, str) else text
    shown: Json = document(
        await tenant.client.post(tenant.path(f"/imports/preview{query}"), content=content, headers=HLEDGER)
    )
    return shown


async def imported(container: Container, tenant: Tenant, text: str, query: str = "") -> Json:
    asked = await tenant.client.post(tenant.path(f"/imports{query}"), content=text.encode(), headers=HLEDGER)
    return await ended(container, tenant, document(asked, 202)["id"])


async def balances(tenant: Tenant) -> dict[str, Any]:
    rows = document(await tenant.client.get(tenant.path("/reports/trial-balance")))["data"]
    return {f"{row['account']} {row['asset']}": row["balance"] for row in rows}


async def test_a_preview_says_what_an_import_would_do_and_does_nothing(tenant: Tenant) -> None:
    shown = await previewed(tenant, JOURNAL)
    assert shown["clear"]
    assert shown["transactions"] == {"found": 3, "posted": 3, "already_there": 0}
    assert shown["refused"]["first"] == []
    opened = {each["path"]: each["type"] for each in shown["accounts"]["first"]}
    assert opened["Vermögen:Kasse-alt"] == "asset"
    assert opened["equity:conversion:ABC-USD:ABC"] == "equity"
    assert {each["code"]: each["scale"] for each in shown["assets"]["first"]} == {"EUR": 2, "ABC": 0, "USD": 2}
    assert document(await tenant.client.get(tenant.path("/transactions")))["data"] == []
    assert document(await tenant.client.get(tenant.path("/accounts")))["data"] == []


async def test_an_import_does_what_its_preview_showed_and_again_nothing(container: Container, tenant: Tenant) -> None:
    job = await imported(container, tenant, JOURNAL)
    assert (job["state"], job["arguments"]["format"], job["arguments"]["transactions"]) == ("done", "hledger", 3)
    told = await results(tenant, job["id"])
    assert [each for each in told if "problem" in each] == []
    posted = [each for each in told if "transaction" in each]
    assert [each["place"] for each in posted] == ["line 4", "line 8", "line 12"]
    listed = document(await tenant.client.get(tenant.path("/transactions?sort=sequence")))["data"]
    assert listed[0]["reference"].startswith("journal-")
    assert listed[0]["metadata"] == {"code": "r-1", "status": "cleared", "kind": "opening"}
    assert listed[0]["effective_at"] == "2026-01-02T00:00:00.000000Z"
    account = document(await tenant.client.get(tenant.path("/accounts/Vermögen:Kasse-alt")))
    assert account["metadata"] == {"name": "Vermögen:Kasse alt"}

    shown = await previewed(tenant, JOURNAL)
    assert shown["transactions"] == {"found": 3, "posted": 0, "already_there": 3}
    assert (shown["accounts"]["total"], shown["assets"]["total"], shown["refused"]["total"]) == (0, 0, 0)
    before = await balances(tenant)
    # 1,000 of the opening, less 110 for shares; what was paid for 10 of them is 125 USD.
    assert before == {
        "Vermögen:Kasse-alt EUR": "-3.50",
        "assets:bank EUR": "890.00",
        "assets:shares ABC": "10",
        "equity:conversion:ABC-USD:ABC ABC": "-10",
        "equity:conversion:ABC-USD:USD USD": "125.00",
        "equity:conversion:EUR-USD:EUR EUR": "110.00",
        "equity:conversion:EUR-USD:USD USD": "-125.00",
        "equity:opening EUR": "-1000.00",
        "expenses:food EUR": "3.50",
    }
    await imported(container, tenant, JOURNAL)
    assert await balances(tenant) == before
    assert len(document(await tenant.client.get(tenant.path("/transactions")))["data"]) == 3


async def test_what_is_not_clear_is_posted_only_where_that_is_asked_for(container: Container, tenant: Tenant) -> None:
    text = f"""{JOURNAL}
~ monthly
    assets:bank   1 EUR
    income:x

2026-01-04 Wrong
    assets:bank     5.00 EUR = 895.00 EUR
    income:gift

2026-01-05 Unbalanced
    assets:bank     5.00 EUR
    income:gift    -4.00 EUR
"""
    shown = await previewed(tenant, text)
    assert not shown["clear"]
    assert [each["place"] for each in shown["unreadable"]["first"]] == ["line 16", "line 24"]
    assert "rules" in shown["unreadable"]["first"][0]["detail"]
    assert "off by 1.00 EUR" in shown["unreadable"]["first"][1]["detail"]
    # 1,000 - 110 + 5.
    assert shown["failed_checks"] == {"total": 0, "first": []}
    wrong = text.replace("= 895.00", "= 896.00")
    shown = await previewed(tenant, wrong)
    assert [each["place"] for each in shown["failed_checks"]["first"]] == ["line 21"]
    assert "holds 895.00." in shown["failed_checks"]["first"][0]["detail"]

    refused = await tenant.client.post(tenant.path("/imports"), content=wrong.encode(), headers=HLEDGER)
    told = problem(refused, 422, "unclear-file")
    assert "2 parts of the file are not understood, and 1 of its checks fail" in told["detail"]
    assert document(await tenant.client.get("/v1/jobs"))["data"] == []

    job = await imported(container, tenant, wrong, "?partial=true")
    assert (job["arguments"]["unreadable"], job["arguments"]["failed_checks"]) == (2, 1)
    assert len(document(await tenant.client.get(tenant.path("/transactions")))["data"]) == 4


async def test_a_preview_goes_by_the_rules_of_the_ledger(container: Container, tenant: Tenant) -> None:
    await imported(container, tenant, "2026-01-02 Opening  ; uuid: r-1\n  assets:bank  10.00 EUR\n  equity:opening\n")
    closed = {"until": "2026-02-01"}
    document(await tenant.client.post(tenant.path("/periods"), json=closed), 201)
    held = {
        "reference": "held",
        "entries": [
            {"account": "assets:bank", "direction": "credit", "amount": "1.00", "asset": "EUR"},
            {"account": "equity:opening", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        ],
    }
    document(await tenant.client.post(tenant.path("/holds"), json=held), 201)
    text = """\
2026-01-31 In a closed period
    assets:bank  1.00 EUR
    equity:opening

2026-02-01 Another one of this name  ; uuid: r-1
    assets:bank  2.00 EUR
    equity:opening

2026-02-01 A hold has the reference  ; uuid: held
    assets:bank  3.00 EUR
    equity:opening

2026-02-01 Nobody says what this account is
    users:1:wallet  4.00 EUR
    equity:opening

2999-01-01 In the future
    assets:bank  5.00 EUR
    equity:opening

2026-02-02 More digits than the asset has
    assets:bank  1.005 EUR
    equity:opening

2026-02-02 As it should be
    assets:bank  6.00 EUR
    equity:opening
"""
    shown = await previewed(tenant, text)
    assert shown["transactions"] == {"found": 7, "posted": 1, "already_there": 0}
    assert [(each["place"], each["code"]) for each in shown["refused"]["first"]] == [
        ("line 14", "validation-failed"),  # the account by itself
        ("line 1", "period-closed"),
        ("line 5", "duplicate-reference"),
        ("line 9", "duplicate-reference"),
        ("line 13", "account-not-found"),
        ("line 17", "effective-in-future"),
        ("line 21", "too-many-decimals"),
    ]
    # With what the option says, the wallet is one.
    wallets = await previewed(tenant, text, '?options={"types":{"users":"liability"}}')
    assert wallets["transactions"]["posted"] == 2
    told = await results(tenant, (await imported(container, tenant, text))["id"])
    problems = [(each["place"], each["problem"]["code"]) for each in told if "problem" in each]
    assert problems == [(each["place"], each["code"]) for each in shown["refused"]["first"]]


async def test_zeros_at_the_end_of_an_amount_are_no_digits_that_an_asset_has_not(tenant: Tenant) -> None:
    shown = await previewed(
        tenant, "2026-01-01 x\n    assets:bank  1.500 EUR\n    assets:fund  -3.000 FUND\n    equity:x\n"
    )
    assert (shown["transactions"]["posted"], shown["refused"]["first"]) == (1, [])
    assert {each["code"]: each["scale"] for each in shown["assets"]["first"]} == {"EUR": 2, "FUND": 3}


async def test_limits_are_tried_over_the_whole_file(tenant: Tenant) -> None:
    rule = {"pattern": "users:*", "type": "liability", "limits": [{"asset": "EUR", "minimum": "0"}]}
    document(await tenant.client.put(tenant.path("/chart"), json={"rules": [rule]}, headers={"If-Match": "*"}))
    ins = [f"2026-01-01 In {n}\n  assets:bank  1.00 EUR\n  users:1\n" for n in range(300)]
    outs = [f"2026-01-02 Out {n}\n  users:1  100.00 EUR\n  assets:bank\n" for n in range(4)]
    shown = await previewed(tenant, "\n".join(ins + outs))
    # 300 come in, so 100 can be taken out three times.
    assert shown["transactions"] == {"found": 304, "posted": 303, "already_there": 0}
    assert [each["code"] for each in shown["refused"]["first"]] == ["insufficient-funds"]


async def test_another_transaction_of_the_same_reference_is_told_from_the_same_one(
    container: Container, tenant: Tenant
) -> None:
    text = "2026-01-02 Cash  ; uuid: 7f\n  assets:bank  1.00 EUR\n  equity:opening\n"
    await imported(container, tenant, text)
    (posted,) = document(await tenant.client.get(tenant.path("/transactions")))["data"]
    for changed, is_same in ((text.replace("Cash", "! Cash"), True), (text.replace("1.00", "2.00"), False)):
        (told,) = await results(tenant, (await imported(container, tenant, changed))["id"])
        if is_same:
            assert told == {"index": 0, "place": "line 1", "transaction": posted["id"], "already_there": True}
        else:
            assert told["problem"]["code"] == "duplicate-reference"
            assert "its time or its entries differ" in told["problem"]["detail"]


async def test_a_code_that_repeats_posts_each_transaction_once(container: Container, tenant: Tenant) -> None:
    january = "2026-01-05 (ATM) Cash\n  assets:cash  1.00 EUR\n  equity:opening\n\n"
    february = january.replace("2026-01", "2026-02").replace("1.00", "2.00")
    await imported(container, tenant, january)
    shown = await previewed(tenant, february + january)
    assert shown["transactions"] == {"found": 2, "posted": 1, "already_there": 1}
    await imported(container, tenant, february + january)
    assert await balances(tenant) == {"assets:cash EUR": "3.00", "equity:opening EUR": "-3.00"}


async def test_conversions_of_another_name_have_a_type(container: Container, tenant: Tenant) -> None:
    options = '?options={"conversion":"Umtausch"}'
    shown = await previewed(tenant, JOURNAL, options)
    assert (shown["transactions"]["posted"], shown["refused"]["first"]) == (3, [])
    await imported(container, tenant, JOURNAL, options)
    assert (await balances(tenant))["Umtausch:ABC-USD:ABC ABC"] == "-10"


async def test_a_name_is_not_taken_for_that_of_another_file(container: Container, tenant: Tenant) -> None:
    text = "2026-01-02 x\n  assets:a/b  1.00 EUR\n  equity:opening\n"
    await imported(container, tenant, text)
    assert (await previewed(tenant, text))["remarks"]["first"] == [
        {"place": "line 2", "detail": "The account 'assets:a/b' is assets:a-b here."}
    ]
    other = text.replace("a/b", "a b").encode()
    for path in ("/imports/preview", "/imports?partial=true"):
        refused = await tenant.client.post(tenant.path(path), content=other, headers=HLEDGER)
        told = problem(refused, 422, "validation-failed")
        assert "'assets:a b' would be assets:a-b, which is the account 'assets:a/b' here" in told["detail"]


@pytest.mark.parametrize(
    ("query", "content", "headers", "status", "code"),
    [
        ("", b"x", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        ("?format=excel", b"x", HLEDGER, 422, "validation-failed"),
        ("?options=[]", b"x", HLEDGER, 422, "validation-failed"),
        ("?options={", b"x", HLEDGER, 422, "validation-failed"),
        ('?options={"type":{}}', b"x", HLEDGER, 422, "validation-failed"),
        ('?options={"types":{"a":"b"}}', b"x", HLEDGER, 422, "validation-failed"),
        ('?options={"rounding":"a b"}', b"x", HLEDGER, 422, "validation-failed"),
        ("?preview=true", b"x", HLEDGER, 400, "unknown-parameter"),
        ("", b"", HLEDGER, 422, "validation-failed"),
        ("", b"; only a comment\n", HLEDGER, 422, "validation-failed"),
        ("", gzip.compress(JOURNAL.encode()), HLEDGER, 422, "validation-failed"),
    ],
)
@pytest.mark.parametrize("path", ["/imports", "/imports/preview"])
async def test_what_cannot_be_an_import_is_refused_at_once(
    tenant: Tenant, path: str, query: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = await tenant.client.post(tenant.path(path) + query, content=content, headers=headers)
    problem(response, status, code)
    assert document(await tenant.client.get("/v1/jobs"))["data"] == []


async def test_a_file_is_told_from_another_by_how_it_is_read(container: Container, tenant: Tenant) -> None:
    headers = {**HLEDGER, "Idempotency-Key": "k"}
    path = tenant.path("/imports")
    first = document(await tenant.client.post(path, content=JOURNAL.encode(), headers=headers), 202)
    again = await tenant.client.post(path, content=JOURNAL.encode(), headers=headers)
    assert (document(again, 202)["id"], again.headers["idempotency-replayed"]) == (first["id"], "true")
    other = await tenant.client.post(f"{path}?partial=true", content=JOURNAL.encode(), headers=headers)
    problem(other, 409, "idempotency-conflict")


@pytest.mark.parametrize("name", ["household.journal", "german.journal"])
async def test_hledger_says_of_the_export_what_it_said_of_the_original(
    container: Container, tenant: Tenant, name: str
) -> None:
    require("hledger")
    journal = (FILES / name).read_text("utf-8")
    types = {"budget": "equity", "business:bank": "asset", "business:income": "income"}
    job = await imported(container, tenant, journal, f"?options={json.dumps({'types': types})}")
    assert [each for each in await results(tenant, job["id"]) if "problem" in each] == []
    export = await tenant.client.get(tenant.path("/export?format=hledger"))
    accounts = document(await tenant.client.get(tenant.path("/accounts?limit=500")))["data"]
    names = {each["path"]: each["metadata"].get("name", each["path"]) for each in accounts}
    ours = {
        (names[path], asset): balance
        for (path, asset), balance in balances_by_hledger(export.text).items()
        if not path.startswith(("equity:conversion", "equity:rounding"))
    }
    codes = {"$": "USD", "€": "EUR", "AB 12": "AB-12"}
    assert ours == {
        (account, codes.get(commodity, commodity)): balance
        for (account, commodity), balance in kept(name).items()
        if not account.startswith("equity:conversion")
    }


async def test_an_export_is_imported_into_an_empty_ledger_with_the_same_balances(
    container: Container, tenant: Tenant
) -> None:
    await imported(container, tenant, JOURNAL)
    expected = await balances(tenant)
    for written_as, slug in (("hledger", "second"), ("beancount", "third")):
        export = await tenant.client.get(tenant.path(f"/export?format={written_as}"))
        document(await tenant.client.post("/v1/ledgers", json={"slug": slug}), 201)
        other = Tenant(tenant.organisation_id, tenant.key, slug, tenant.client)
        job = await imported(container, other, export.text, f"?format={written_as}")
        assert [each for each in await results(other, job["id"]) if "problem" in each] == []
        assert await balances(other) == expected
        posted = document(await other.client.get(other.path("/transactions?sort=sequence")))["data"]
        originals = document(await tenant.client.get(tenant.path("/transactions?sort=sequence")))["data"]
        assert [(each["reference"], each["effective_at"]) for each in posted] == [
            (each["reference"], each["effective_at"]) for each in originals
        ]


async def test_whoever_is_limited_to_accounts_is_shown_and_may_do_no_more(container: Container, tenant: Tenant) -> None:
    limited = {"name": "limited", "scopes": ["admin"], "accounts": ["assets:**"]}
    made = document(await tenant.client.post("/v1/api-keys", json=limited), 201)
    owner = tenant.client.headers["Authorization"]
    tenant.client.headers["Authorization"] = f"Bearer {made['key']}"
    shown = await previewed(tenant, JOURNAL)
    assert shown["transactions"] == {"found": 3, "posted": 0, "already_there": 0}
    assert {each["code"] for each in shown["refused"]["first"]} == {"permission-denied"}
    assert [each["path"] for each in shown["accounts"]["first"]] == ["assets:bank", "assets:shares"]
    # Of an account that is there with another type, but not for this one, nothing is told.
    expense = {"path": "users:1", "type": "expense"}
    document(await tenant.client.post(tenant.path("/accounts"), json=expense, headers={"Authorization": owner}), 201)
    text = "account users:{n}  ; type: A\n\n2026-01-02 x\n  users:{n}  1 EUR\n  assets:bank\n"
    there, not_there = [await previewed(tenant, text.format(n=n)) for n in (1, 2)]
    assert json.dumps(there) == json.dumps(not_there).replace("users:2", "users:1")
    assert there["remarks"]["total"] == 0
    await imported(container, tenant, JOURNAL)
    tenant.client.headers["Authorization"] = owner
    opened = document(await tenant.client.get(tenant.path("/accounts")))["data"]
    assert [each["path"] for each in opened] == ["assets:bank", "assets:shares", "users:1"]
    assert document(await tenant.client.get(tenant.path("/transactions")))["data"] == []
