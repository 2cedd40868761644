"""What the example must not get wrong, as others learn from it; it is tried beside the example's own tests."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.ledger.transaction import DuplicateReference
from domain.shared.access import Permission
from entrypoints.testing.trial import Trial, trial
from partita_interest.accruing import accrue_daily, due_of

ADA, BANK = "liabilities:savings:ada", "assets:bank"


async def moved(server: Trial, debit: str, credit: str, day: str, *amounts: str) -> str:
    """Move amounts in one transaction; return its id, or the code of what was refused."""
    sides = [(debit, "debit", each) for each in amounts] + [(credit, "credit", each) for each in amounts]
    entries = [{"account": path, "direction": side, "amount": of, "asset": "EUR"} for path, side, of in sides]
    body = {"entries": entries, "effective_at": f"{day}T12:00:00Z"}
    answer = (await server.client.post("/v1/ledgers/main/transactions", json=body)).json()
    return str(answer.get("code") or answer["id"])


async def owed(server: Trial) -> str:
    answer = await server.client.get("/v1/ledgers/main/accounts/liabilities:accrued-interest/balances")
    return str(answer.json()["balances"][0]["posted"])


async def test_the_same_interest_is_not_accrued_twice_whatever_days_it_goes_up_to(tmp_path: Path) -> None:
    async with trial(tmp_path) as server:
        await moved(server, BANK, ADA, "2026-03-01", "36500.00")
        own, who = server.services("interest"), server.principal
        async with own.ledgers.read(who, Permission.ACCOUNTS_READ, ledger="main") as reads:
            # The job and somebody else, both of whom have seen that nothing was accrued.
            (ninth,) = await due_of(own, reads, "main", ADA, date(2026, 3, 9))
            (tenth,) = await due_of(own, reads, "main", ADA, date(2026, 3, 10))
        await own.journal.submit(who, "main", ninth, request_id="req_ninth")
        with pytest.raises(DuplicateReference):
            await own.journal.submit(who, "main", tenth, request_id="req_tenth")
        assert await owed(server) == "18.00"  # nine days at 2.00
        # The job of 2 April goes up to 31 March, that of 5 April (days were left out) finishes March, too.
        await accrue_daily(own, who, "main", datetime(2026, 4, 2, tzinfo=UTC))
        assert await owed(server) == "62.00"
        await moved(server, BANK, ADA, "2026-03-31", "36500.00")
        await accrue_daily(own, who, "main", datetime(2026, 4, 5, tzinfo=UTC))
        assert await owed(server) == "76.00"  # 2.00 of 31 March, and three days at 4.00


async def test_a_reversed_accrual_is_accrued_anew(tmp_path: Path) -> None:
    async with trial(tmp_path) as server:
        await moved(server, BANK, ADA, "2026-03-01", "36500.00")
        path = "/v1/ledgers/main/x/interest/accruals?day=2026-03-02"
        assert (await server.client.post(path)).json() == {"accrued": 1}
        (made,) = (await server.client.get("/v1/ledgers/main/transactions?account=expenses:interest")).json()["data"]
        assert (await server.client.post(f"/v1/ledgers/main/transactions/{made['id']}/reverse", json={})).is_success
        assert await owed(server) == "0.00"
        assert (await server.client.post(path)).json() == {"accrued": 1}
        assert await owed(server) == "4.00"


async def test_withdrawals_are_counted_together_and_mistakes_can_be_reversed(tmp_path: Path) -> None:
    async with trial(tmp_path) as server:
        deposit = await moved(server, BANK, ADA, "2026-03-01", "36500.00")
        for amounts in (("10000.01",), ("10000.00", "10000.00"), ("10000.00", "0.01")):
            assert await moved(server, ADA, BANK, "2026-03-05", *amounts) == "interest-withdrawal-too-large"
        assert (await moved(server, ADA, BANK, "2026-03-05", "9999.99", "0.01")).startswith("txn_")
        assert (await server.client.post(f"/v1/ledgers/main/transactions/{deposit}/reverse", json={})).is_success
