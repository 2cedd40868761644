"""The log of a ledger: events, checkpoint, verification; and the trial balance, which follows from it."""

import json
from base64 import b64decode
from hashlib import sha256

import asyncpg
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.entrypoints.http.tenant import Tenant, document, problem, sale


async def test_events_can_be_checked_by_anyone(tenant: Tenant) -> None:
    await tenant.posted(sale(description="Ünïcode \u20ac", metadata={"\U0001f600": "1", "\uffff": "2"}))
    told = document(await tenant.get("/events"))
    assert told["has_more"] is False
    previous = "00" * 32
    for number, event in enumerate(told["data"], 1):
        assert event["sequence"] == number
        assert event["previous_hash"] == previous
        content = {name: value for name, value in event.items() if name not in ("previous_hash", "hash")}
        assert event["hash"] == sha256(bytes.fromhex(previous) + rfc8785.dumps(content)).hexdigest()
        previous = event["hash"]
    types = [event["type"] for event in told["data"]]
    assert types == [
        "ledger.created",
        "asset.registered",
        "account.opened",
        "account.opened",
        "transaction.posted",
    ]


async def test_an_event_says_who_caused_it_and_in_which_request(tenant: Tenant) -> None:
    response = await tenant.post(sale(), headers={"X-Request-Id": "checkout-7"})
    (event,) = document(await tenant.get("/events?after=4"))["data"]
    (key,) = document(await tenant.client.get("/v1/api-keys"))["data"]
    assert event["actor"] == key["id"]
    assert event["request_id"] == "checkout-7" == response.headers["x-request-id"]
    assert event["recorded_at"] == response.json()["recorded_at"]
    assert event["data"]["id"] == response.json()["id"]


async def test_events_are_read_on_from_the_last_one_seen(tenant: Tenant) -> None:
    await tenant.bulk([sale()] * 20)
    seen: list[int] = []
    while True:
        page = document(await tenant.get(f"/events?after={seen[-1] if seen else 0}&limit=7"))
        seen += [event["sequence"] for event in page["data"]]
        if not page["has_more"]:
            break
        assert len(page["data"]) == 7
    assert seen == list(range(1, 25))


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=501", "limit=x", "after=1e3", "after=" + "9" * 40]
)
async def test_events_after_nothing_that_is_a_sequence_are_refused(tenant: Tenant, query: str) -> None:
    told = problem(await tenant.get(f"/events?{query}"), 422, "validation-failed")
    assert query.partition("=")[0] in told["detail"]


async def test_a_checkpoint_is_signed_over_all_that_it_says(tenant: Tenant) -> None:
    await tenant.posted(sale())
    checkpoint = document(await tenant.get("/checkpoint"))
    (last,) = document(await tenant.get("/events?after=4"))["data"]
    assert checkpoint["ledger"] == "main"
    assert (checkpoint["sequence"], checkpoint["hash"]) == (5, last["hash"])
    assert checkpoint["recorded_at"] == last["recorded_at"]
    assert checkpoint["algorithm"] == "Ed25519"
    signature = b64decode(checkpoint.pop("signature"))
    Ed25519PublicKey.from_public_bytes(b64decode(checkpoint["public_key"])).verify(signature, rfc8785.dumps(checkpoint))


async def test_verification_follows_the_whole_chain(tenant: Tenant) -> None:
    await tenant.bulk([sale()] * 10)
    (last,) = document(await tenant.get("/events?after=13"))["data"]
    response = await tenant.client.post(tenant.path("/verification"))
    assert document(response) == {"valid": True, "checked": 14, "head": {"sequence": 14, "hash": last["hash"]}}


async def test_verification_names_the_event_that_was_changed(tenant: Tenant, postgres_url: str) -> None:
    await tenant.bulk([sale("12.50")] * 10)
    database = await asyncpg.connect(postgres_url)
    try:
        changed = await database.execute(
            """
            UPDATE event_log SET content = replace(convert_from(content, 'UTF8'), '12.50', '12.51')::bytea
            WHERE organisation_id = $1 AND sequence = 9
                AND stream_id = (SELECT id FROM ledgers WHERE organisation_id = $1 AND slug = 'main')
            """,
            tenant.organisation_id,
        )
    finally:
        await database.close()
    assert changed == "UPDATE 1"
    verification = document(await tenant.client.post(tenant.path("/verification")))
    assert verification["valid"] is False
    assert verification["first_bad_sequence"] == 9
    assert verification["checked"] == 8
    assert "hash" in verification["reason"]


async def test_the_trial_balance_tells_every_account_and_adds_up(tenant: Tenant) -> None:
    await tenant.posted(sale("100.00"))
    await tenant.posted(
        {
            "entries": [
                {"account": "expenses:rent", "direction": "debit", "amount": "40.00", "asset": "EUR"},
                {"account": "assets:bank", "direction": "credit", "amount": "40.00", "asset": "EUR"},
                {"account": "assets:till", "direction": "debit", "amount": "7", "asset": "JPY"},
                {"account": "income:sales", "direction": "credit", "amount": "7", "asset": "JPY"},
            ]
        }
    )
    report = document(await tenant.get("/reports/trial-balance"))
    assert report == {
        "ledger": "main",
        "sequence": 9,
        "data": [
            line("assets:bank", "asset", "EUR", "100.00", "40.00", "60.00"),
            line("assets:till", "asset", "JPY", "7", "0", "7"),
            line("expenses:rent", "expense", "EUR", "40.00", "0.00", "40.00"),
            line("income:sales", "income", "EUR", "0.00", "100.00", "-100.00"),
            line("income:sales", "income", "JPY", "0", "7", "-7"),
        ],
        "totals": [
            {"asset": "EUR", "debits": "140.00", "credits": "140.00"},
            {"asset": "JPY", "debits": "7", "credits": "7"},
        ],
    }
    before = document(await tenant.get("/reports/trial-balance?as_of_sequence=5"))
    assert before["sequence"] == 5
    assert [(each["account"], each["balance"]) for each in before["data"]] == [
        ("assets:bank", "100.00"),
        ("income:sales", "-100.00"),
    ]
    assert document(await tenant.get("/reports/trial-balance?as_of_sequence=1"))["data"] == []


def line(account: str, kind: str, asset: str, debits: str, credits: str, balance: str) -> dict[str, str]:
    return {
        "account": account,
        "type": kind,
        "asset": asset,
        "debits": debits,
        "credits": credits,
        "balance": balance,
    }


async def test_events_are_the_bytes_that_were_hashed(tenant: Tenant, postgres_url: str) -> None:
    await tenant.posted(sale())
    response = await tenant.get("/events")
    database = await asyncpg.connect(postgres_url)
    try:
        rows = await database.fetch(
            "SELECT content FROM event_log WHERE stream_id = "
            "(SELECT id FROM ledgers WHERE organisation_id = $1 AND slug = 'main') ORDER BY sequence",
            tenant.organisation_id,
        )
    finally:
        await database.close()
    for row, event in zip(rows, response.json()["data"], strict=True):
        stored = json.loads(row["content"])
        assert {name: event[name] for name in stored} == stored
        assert rfc8785.dumps(stored) == row["content"]
