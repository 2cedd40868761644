"""Accruing for all savings accounts of a ledger: as a daily job, and when someone asks for it."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Annotated

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
from partita_interest.accrual import AccrueInterest, earned
from partita_interest.withdrawals import SAVINGS

router = APIRouter(route_class=StrictRoute, tags=["interest"])
Services = Annotated[ExtensionServices, services_for("interest")]


@router.post("/accruals", summary="Accrue interest")
async def post_accruals(ledger: str, day: date, who: CallerDependency, services: Services) -> dict[str, int]:
    """Accrue what savings accounts have earned in the day's month, up to its end, and was not accrued before."""
    return {"accrued": await accrue(services, who.principal, ledger, day)}


async def accrue_daily(services: ExtensionServices, principal: Principal, ledger: str, period: datetime) -> None:
    """Accrue up to the day before yesterday, which is over in every time zone, and what is left of the month before."""
    day = period.date() - timedelta(days=2)
    for each in (day, day.replace(day=1) - timedelta(days=1)):
        await accrue(services, principal, ledger, each)


async def accrue(services: ExtensionServices, principal: Principal, ledger: str, day: date) -> int:
    """Accrue up to the end of a day; return how often. Again, it accrues nothing twice."""
    count, page = 0, PageRequest("path")
    while True:
        async with services.ledgers.read(principal, Permission.ACCOUNTS_READ, ledger=ledger) as reads:
            accounts = await reads.accounts.accounts(ledger, AccountFilter(SAVINGS), page)
            due = [await due_of(services, reads, ledger, each.account.path, day) for each in accounts.items]
        for command in chain(*due):
            with suppress(DuplicateReference):  # someone else was faster
                await services.journal.submit(principal, ledger, command, request_id=services.ids.new("req"))
                count += 1
        if accounts.next_after is None:
            return count
        page = PageRequest("path", after=accounts.next_after)


async def due_of(own: ExtensionServices, reads: LedgerReads, ledger: str, path: str, day: date) -> list[AccrueInterest]:
    """Return what an account has earned in the month by effective times, less what was accrued of that already."""
    time_zone = (await reads.ledgers.ledger(ledger)).settings.time_zone
    days = [day.replace(day=number) for number in range(1, day.day + 1)]
    ends = [beginning_of_day(each + timedelta(days=1), time_zone) for each in days]
    views = [await reads.accounts.balances(ledger, path, as_of=AsOf(end)) for end in ends]
    commands = []
    for asset in {each.asset for _, balances in views for each in balances}:
        held = [each.balance.posted(account.type) for account, of in views for each in of if each.asset == asset]
        month = f"interest:{path}:{asset.code}:{day:%Y-%m}:"
        of_month, page = TransactionFilter(reference_prefix=month), PageRequest("sequence", limit=500)
        known = (await reads.transactions.transactions(ledger, of_month, page)).items
        accrued = sum(each.entries[0].entry.amount for each in known if not each.reversed_by)
        amount = earned(held, own.settings.basis_points) - accrued
        if amount > 0:
            # It is numbered, so that it comes after just those that were taken off, whatever day it goes up to.
            name, moment = f"{month}{len(known)}", ends[-1] - timedelta(microseconds=1)
            commands.append(AccrueInterest(own.ids.new("txn"), asset, name, amount, moment))
    return commands
