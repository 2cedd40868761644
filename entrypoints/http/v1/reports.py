"""Reports: what a ledger says as a whole."""

import asyncio
from typing import Final

import orjson
from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.readers import TrialBalance
from domain.ledger.asset import format_amount
from domain.shared.access import Permission
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.time_travel import PointOfViewDependency

router = APIRouter(route_class=StrictRoute, tags=["reports"])

# About a millisecond: whoever else is served by this event loop does not notice.
LINES_PER_TURN: Final = 500


class TrialBalanceLineDocument(TypedDict):
    """What one account has seen of one asset; `balance` is debit-positive, whatever the account's normal side."""

    account: str
    type: str
    asset: str
    debits: str
    credits: str
    balance: str


class TotalDocument(TypedDict):
    """All debits and all credits in one asset: they are equal."""

    asset: str
    debits: str
    credits: str


class TrialBalanceDocument(TypedDict):
    """Every account that was ever used, by path and asset, as of a sequence."""

    ledger: str
    sequence: int
    data: list[TrialBalanceLineDocument]
    totals: list[TotalDocument]


async def trial_balance_document(slug: str, report: TrialBalance) -> bytes:
    """Return a trial balance as it is shown, a `TrialBalanceDocument`; others are served while it is written."""
    lines: list[bytes] = []
    totals: dict[str, tuple[int, int, int]] = {}
    for index, line in enumerate(report.lines, 1):
        code, scale, balance = line.asset.code, line.asset.scale, line.balance
        document: TrialBalanceLineDocument = {
            "account": line.path,
            "type": line.type.value,
            "asset": code,
            "debits": format_amount(balance.posted_debits, scale),
            "credits": format_amount(balance.posted_credits, scale),
            "balance": format_amount(balance.posted_debits - balance.posted_credits, scale),
        }
        lines.append(orjson.dumps(document))
        _, debits, credits = totals.get(code, (scale, 0, 0))
        totals[code] = (scale, debits + balance.posted_debits, credits + balance.posted_credits)
        if index % LINES_PER_TURN == 0:
            await asyncio.sleep(0)
    sums: list[TotalDocument] = [
        {"asset": code, "debits": format_amount(debits, scale), "credits": format_amount(credits, scale)}
        for code, (scale, debits, credits) in sorted(totals.items())
    ]
    return b'{"ledger":%b,"sequence":%d,"data":[%b],"totals":%b}' % (
        orjson.dumps(slug),
        report.sequence,
        b",".join(lines),
        orjson.dumps(sums),
    )


@router.get(
    "/ledgers/{ledger}/reports/trial-balance",
    summary="Get the trial balance",
    response_model=TrialBalanceDocument,
    responses=described_problems(401, 403, 404, 422),
)
async def get_trial_balance(ledger: str, who: CallerDependency, point_of_view: PointOfViewDependency) -> Response:
    """Return every account's totals and balance, now, as of a sequence, or at a time. All debits equal all credits."""
    async with who.services.ledgers.read(who.principal, Permission.REPORTS_READ) as reads:
        report = await reads.reports.trial_balance(ledger, as_of=await point_of_view.as_of(reads, ledger))
    return Response(await trial_balance_document(ledger, report), media_type="application/json")
