"""Two wallets for holds and reversals to be tried on, and what is done to their ledger by commands alone."""

from datetime import UTC, date, datetime

from application.ledger.archive_account import ArchiveAccount
from application.ledger.archive_ledger import ArchiveLedger
from application.ledger.change_account import ChangeAccount
from application.ledger.close_period import ClosePeriod
from application.ledger.freeze_account import FreezeAccount
from application.ledger.freeze_ledger import FreezeLedger
from application.ledger.ports import Command
from domain.ledger.closing import ClosingDraft
from domain.ledger.limit import LimitDraft
from entrypoints.container import Services
from tests.entrypoints.http.tenant import Json, Tenant, document

ANA, BEN = "users:ana", "users:ben"
CLOSED_ON = datetime(2026, 1, 1, tzinfo=UTC)


async def open_wallets(tenant: Tenant, services: Services) -> None:
    """Open Ana's wallet, which may not fall below zero, with a hundred euros, and Ben's with none."""
    for path in (ANA, BEN):
        account = {"path": path, "type": "liability"}
        document(await tenant.client.post(tenant.path("/accounts"), json=account), 201)
    await do(tenant, services, ChangeAccount(ANA, None, limits=(LimitDraft("EUR", minimum="0"),)))
    await tenant.posted({"entries": [entry("assets:bank", "debit", "100.00"), entry(ANA, "credit", "100.00")]})


async def do(tenant: Tenant, services: Services, *commands: Command) -> None:
    """Have commands done."""
    for command in commands:
        await services.journal.submit(tenant.principal, tenant.ledger, command, request_id="req_tests")


def closing(ids: Services) -> Command:
    """The closing of all that was before 2026."""
    return ClosePeriod(ClosingDraft(ids.ids.new("prd"), date(2026, 1, 1), CLOSED_ON))


FREEZE_ANA = FreezeAccount(ANA, "lost card")
FREEZE_LEDGER = FreezeLedger("audit")
ARCHIVE_BEN = ArchiveAccount(BEN, None, "left")
ARCHIVE_LEDGER = ArchiveLedger(None, "over")


def entry(account: str, direction: str, amount: str, asset: str = "EUR") -> Json:
    """One entry."""
    return {"account": account, "direction": direction, "amount": amount, "asset": asset}


def moved(amount: str) -> list[Json]:
    """Entries that move so much from Ana to Ben."""
    return [entry(ANA, "debit", amount), entry(BEN, "credit", amount)]


async def place(tenant: Tenant, amount: str = "60.00", **others: object) -> Json:
    """Hold so much of Ana's for Ben."""
    response = await tenant.client.post(tenant.path("/holds"), json={"entries": moved(amount)} | others)
    placed: Json = document(response, 201)
    return placed


async def available(tenant: Tenant) -> str:
    """What Ana could spend now: as the amount that `all` comes to in a dry run."""
    payment = {"entries": [entry(ANA, "debit", "all"), entry(BEN, "credit", "rest")]}
    response = await tenant.post(payment, params={"dry_run": "true"})
    if response.status_code == 422:
        return str(response.json()["available"])
    return str(document(response)["entries"][0]["amount"])
