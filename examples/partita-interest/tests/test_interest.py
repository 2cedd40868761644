"""The extension on a whole server, where it is installed as any package is."""

from pathlib import Path

from entrypoints.testing.trial import Trial, trial
from partita_interest.accrual import earned

ADA, BANK = "liabilities:savings:ada", "assets:bank"


def test_it_is_rounded_down_once_over_all_the_days() -> None:
    # 2 % of 100.00 are 200 cents in 365 days: 200/365 of a cent on each of them.
    assert [earned([10_000] * days, 200) for days in (1, 2, 30, 365)] == [0, 1, 16, 200]
    assert earned([-10_000, 36_500], 10_000) == 100  # a hundred per cent, on one day, of 365.00


async def moved(server: Trial, debit: str, credit: str, amount: str, day: str) -> str:
    sides = ((debit, "debit"), (credit, "credit"))
    entries = [{"account": path, "direction": side, "amount": amount, "asset": "EUR"} for path, side in sides]
    body = {"entries": entries, "effective_at": f"{day}T12:00:00Z"}
    answer = await server.client.post("/v1/ledgers/main/transactions", json=body)
    return str(answer.json().get("code", "posted"))


async def accrued(server: Trial, day: str) -> tuple[int, str]:
    """Accrue up to that day; return how often, and what is owed then."""
    answer = await server.client.post("/v1/ledgers/main/x/interest/accruals", params={"day": day})
    owed = await server.client.get("/v1/ledgers/main/accounts/liabilities:accrued-interest/balances")
    return answer.json()["accrued"], owed.json()["balances"][0]["posted"]


async def test_interest_is_accrued_and_withdrawals_are_limited(tmp_path: Path) -> None:
    async with trial(tmp_path) as server:
        await moved(server, BANK, ADA, "36500.00", "2026-03-01")
        assert await accrued(server, "2026-03-01") == (1, "2.00")  # 2 % are 730.00 in 365 days
        assert await accrued(server, "2026-03-01") == (0, "2.00")
        for _ in range(2):
            assert await moved(server, ADA, BANK, "9125.00", "2026-03-04") == "posted"
        assert await accrued(server, "2026-03-10") == (1, "13.00")  # three days at 2.00, and seven at 1.00
        assert await moved(server, ADA, BANK, "10000.01", "2026-03-05") == "interest-withdrawal-too-large"
        await server.run_jobs()
        (job,) = (await server.client.get("/v1/jobs?kind=extension")).json()["data"]
        assert (job["state"], job["created_by"]) == ("done", "system:x:interest")
