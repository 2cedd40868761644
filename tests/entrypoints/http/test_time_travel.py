"""Balances and the trial balance at any time, as known at any other: what is asked for, and what it means."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from domain.shared.errors import ValidationFailed
from entrypoints.schemas.moments import end_of
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

PATHS = ("/accounts/assets:bank/balances", "/reports/trial-balance")


async def posted_at(tenant: Tenant, amount: str, effective_at: str) -> Json:
    return await tenant.posted(sale(amount, effective_at=effective_at))


async def held(tenant: Tenant, query: str) -> list[str]:
    """What the bank holds, by both ways to ask for it."""
    balances = document(await tenant.get(f"/accounts/assets:bank/balances?{query}"))["balances"]
    report = document(await tenant.get(f"/reports/trial-balance?{query}"))
    lines = [each for each in report["data"] if each["account"] == "assets:bank"]
    assert [each["balance"] for each in lines] == [each["posted"] for each in balances]
    assert sum(Decimal(each["balance"]) for each in report["data"]) == 0
    return [each["posted"] for each in balances]


async def test_a_balance_at_a_time_has_what_was_effective_by_then(tenant: Tenant) -> None:
    await posted_at(tenant, "1.00", "2026-03-30T10:00:00Z")
    await posted_at(tenant, "2.00", "2026-03-31T10:00:00Z")
    await posted_at(tenant, "4.00", "2026-03-31T23:59:59.999999Z")
    await posted_at(tenant, "8.00", "2026-04-01T00:00:00Z")
    await posted_at(tenant, "16.00", "2026-03-30T11:00:00Z")
    for at, expected in (
        ("2026-03-29", []),
        ("2026-03-30T09:59:59.999999Z", []),
        ("2026-03-30T10:00:00Z", ["1.00"]),
        ("2026-03-30T12:00:00%2B02:00", ["1.00"]),
        ("2026-03-30", ["17.00"]),
        ("2026-03-31T10:00:00Z", ["19.00"]),
        ("2026-03-31", ["23.00"]),
        ("2026-04-01", ["31.00"]),
        ("0001-01-01", []),
        ("9999-12-30", ["31.00"]),
    ):
        assert await held(tenant, f"at={at}") == expected, at


async def test_as_of_a_day_as_known_on_another(tenant: Tenant) -> None:
    first = await posted_at(tenant, "1.00", "2026-03-30T10:00:00Z")
    second = await posted_at(tenant, "2.00", "2026-04-02T10:00:00Z")
    late = await posted_at(tenant, "4.00", "2026-03-31T10:00:00Z")
    for by, expected in ((first, ["1.00"]), (second, ["1.00"]), (late, ["5.00"])):
        assert await held(tenant, f"at=2026-03-31&as_of_sequence={by['sequence']}") == expected
        assert await held(tenant, f"at=2026-03-31&known_at={by['recorded_at']}") == expected
    assert await held(tenant, f"known_at={second['recorded_at']}") == ["3.00"]
    assert await held(tenant, f"known_at={late['recorded_at'][:10]}&at=2026-03-31") == ["5.00"]
    assert document(await tenant.get("/reports/trial-balance?known_at=2001-01-01"))["data"] == []
    problem(await tenant.get("/accounts/assets:bank/balances?known_at=2001-01-01"), 404, "account-not-found")


async def test_at_a_time_only_posted_figures_are_told(tenant: Tenant) -> None:
    await posted_at(tenant, "1.00", "2026-03-30T10:00:00Z")
    (told,) = document(await tenant.get("/accounts/assets:bank/balances?at=2026-03-31"))["balances"]
    assert told == {
        "asset": "EUR",
        "posted": "1.00",
        "available": None,
        "posted_debits": "1.00",
        "posted_credits": "0.00",
        "held_debits": None,
        "held_credits": None,
        "balance_version": None,
    }


@pytest.mark.parametrize(
    "moment",
    [
        *("", "x", "2026", "1e9", "2026-3-1", "2026-02-30", "2026-13-01", "0000-01-01", "9999-12-31", "20260331"),
        *("2026-W14-2", "２０２６-03-31", "2026-03-31T10:00:00", "2026-03-31T10:00:00 02:00"),
        "9999-12-31T23:59:59.999999Z",
    ],
)
async def test_what_is_no_time_and_no_date_is_refused(tenant: Tenant, moment: str) -> None:
    await tenant.posted(sale())
    for path in PATHS:
        for parameter in ("at", "known_at"):
            problem(await tenant.get(f"{path}?{parameter}={moment}"), 422, "validation-failed")


async def test_what_the_ledger_knew_is_said_in_one_way(tenant: Tenant) -> None:
    await tenant.posted(sale())
    for path in PATHS:
        told = problem(await tenant.get(f"{path}?known_at=2026-03-31&as_of_sequence=1"), 422, "validation-failed")
        assert "known_at and as_of_sequence" in told["detail"]
        problem(await tenant.get(f"{path}?at=2026-03-31&at=2026-03-31"), 400, "unknown-parameter")


async def test_a_day_ends_in_the_time_zone_of_the_ledger(tenant: Tenant, postgres_url: str) -> None:
    await posted_at(tenant, "1.00", "2026-03-31T21:59:59.999999Z")  # 23:59:59.999999 in Vienna, in summer
    await posted_at(tenant, "2.00", "2026-03-31T22:00:00Z")
    assert await held(tenant, "at=2026-03-31") == ["3.00"]
    superuser = await asyncpg.connect(postgres_url)
    try:
        await superuser.execute(
            "UPDATE ledger_settings SET time_zone = 'Europe/Vienna' WHERE organisation_id = $1", tenant.organisation_id
        )
    finally:
        await superuser.close()
    assert await held(tenant, "at=2026-03-31") == ["1.00"]
    assert await held(tenant, "at=2026-04-01") == ["3.00"]


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        (date(2026, 3, 31), "UTC", datetime(2026, 4, 1, tzinfo=UTC)),
        (date(2026, 1, 31), "Europe/Vienna", datetime(2026, 1, 31, 23, tzinfo=UTC)),
        (date(2026, 3, 31), "Asia/Kolkata", datetime(2026, 3, 31, 18, 30, tzinfo=UTC)),
        # Clocks in Beirut go from midnight to one o'clock: the day begins with the hour that is left out.
        (date(2026, 3, 28), "Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
        # In Havana they go back from one o'clock to midnight: the first midnight is the end.
        (date(2025, 11, 1), "America/Havana", datetime(2025, 11, 2, 4, tzinfo=UTC)),
    ],
)
def test_a_day_ends_where_the_next_one_begins(day: date, zone: str, end: datetime) -> None:
    assert end_of(day, ZoneInfo(zone)) == end


def test_after_the_last_day_there_is_no_time() -> None:
    for last in (date.max, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(ValidationFailed):
            end_of(last, ZoneInfo("UTC"))
