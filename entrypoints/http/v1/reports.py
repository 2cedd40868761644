"""Reports: what a ledger says as a whole."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from application.ledger.readers import TrialBalance
from domain.ledger.asset import format_amount
from domain.shared.access import Permission
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.v1.accounts import AsOfSequence

router = APIRouter(route_class=StrictRoute, tags=["reports"])


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


def trial_balance_document(slug: str, report: TrialBalance) -> TrialBalanceDocument:
    """Return a trial balance as it is shown."""
    lines: list[TrialBalanceLineDocument] = []
    totals: dict[str, tuple[int, int, int]] = {}
    for line in report.lines:
        code, scale, balance = line.asset.code, line.asset.scale, line.balance
        lines.append(
            {
                "account": line.account.path,
                "type": line.account.type.value,
                "asset": code,
                "debits": format_amount(balance.posted_debits, scale),
                "credits": format_amount(balance.posted_credits, scale),
                "balance": format_amount(balance.posted_debits - balance.posted_credits, scale),
            }
        )
        _, debits, credits = totals.get(code, (scale, 0, 0))
        totals[code] = (scale, debits + balance.posted_debits, credits + balance.posted_credits)
    return {
        "ledger": slug,
        "sequence": report.sequence,
        "data": lines,
        "totals": [
            {"asset": code, "debits": format_amount(debits, scale), "credits": format_amount(credits, scale)}
            for code, (scale, debits, credits) in sorted(totals.items())
        ],
    }


@router.get(
    "/ledgers/{ledger}/reports/trial-balance",
    summary="Get the trial balance",
    responses=described_problems(401, 403, 404, 422),
)
async def get_trial_balance(
    ledger: str, who: CallerDependency, as_of_sequence: AsOfSequence = None
) -> TrialBalanceDocument:
    """Return every account's totals and balance, now or as of a sequence. All debits equal all credits."""
    async with who.services.ledgers.read(who.principal, Permission.REPORTS_READ) as reads:
        report = await reads.reports.trial_balance(ledger, as_of_sequence=as_of_sequence)
    return trial_balance_document(ledger, report)
