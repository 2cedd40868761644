"""Accruing for all savings accounts of a ledger: as a daily job, and when someone asks for it."""

from datetime import date, timedelta
from itertools import chain
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from application.ledger.readers import AccountFilter, LedgerReads, TransactionFilter
from application.ledger.spans import AsOf
from application.ledger.time_zones import beginning_of_day
from application.shared.pagination import PageRequest
from domain.ledger.transaction import DuplicateReference
from domain.shared.access import Permission, Principal
from entrypoints.extending import ExtensionServices
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.extending import services_for
from partita_interest.accrual import AccrueInterest, earned, reference
from partita_interest.withdrawals import SAVINGS

router = APIRouter(route_class=StrictRoute, tags=["interest"])
Services = Annotated[ExtensionServices, services_for("interest")]


@router.post("/accruals", summary="Accrue interest")
async def post_accruals(ledger: str, day: date, who: CallerDependency, services: Services) -> dict[str, int]:
    """Accrue what savings accounts have earned in the day's month, up to its end, and was not accrued before."""
    return {"accrued": await accrue(services, who.principal, ledger, day)}


async def accrue_yesterday(services: ExtensionServices, principal: Principal, ledger: str) -> None:
    """Accrue up to the end of yesterday, in the ledger's time zone."""
    async with services.ledgers.read(principal, Permission.LEDGERS_READ, ledger=ledger) as reads:
        time_zone = (await reads.ledgers.ledger(ledger)).settings.time_zone
    today = services.clock.now().astimezone(ZoneInfo(time_zone)).date()
    await accrue(services, principal, ledger, today - timedelta(days=1))


async def accrue(services: ExtensionServices, principal: Principal, ledger: str, day: date) -> int:
    """Accrue up to the end of a day; return how often. Again, it accrues nothing twice."""
    count, page = 0, PageRequest("path")
    while True:
        async with services.ledgers.read(principal, Permission.ACCOUNTS_READ, ledger=ledger) as reads:
            accounts = await reads.accounts.accounts(ledger, AccountFilter(SAVINGS), page)
            due = [await _due(services, reads, ledger, each.account.path, day) for each in accounts.items]
        for command in chain(*due):
            try:
                await services.journal.submit(principal, ledger, command, request_id=services.ids.new("req"))
                count += 1
            except DuplicateReference:  # someone else was faster
                continue
        if accounts.next_after is None:
            return count
        page = PageRequest("path", after=accounts.next_after)


async def _due(given: ExtensionServices, reads: LedgerReads, ledger: str, path: str, day: date) -> list[AccrueInterest]:
    """Return what an account has earned in the month by effective times, less what was accrued of that already."""
    time_zone = (await reads.ledgers.ledger(ledger)).settings.time_zone
    days = [day.replace(day=number) for number in range(1, day.day + 1)]
    ends = [beginning_of_day(each + timedelta(days=1), time_zone) for each in days]
    views = [await reads.accounts.balances(ledger, path, as_of=AsOf(end)) for end in ends]
    commands = []
    for asset in {each.asset for _, balances in views for each in balances}:
        held = [each.balance.posted(account.type) for account, of in views for each in of if each.asset == asset]
        of_month = TransactionFilter(reference_prefix=reference(path, asset.code, f"{day:%Y-%m}"))
        known = await reads.transactions.transactions(ledger, of_month, PageRequest("sequence"))
        accrued = sum(each.entries[0].entry.amount for each in known.items if not each.reversed_by)
        amount = earned(held, given.settings.basis_points) - accrued
        if amount > 0:
            id, moment = given.ids.new("txn"), ends[-1] - timedelta(microseconds=1)
            commands.append(AccrueInterest(id, path, asset, day, amount, moment))
    return commands
