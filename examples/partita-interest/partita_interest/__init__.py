"""Interest on savings accounts, for Partita: what the extension adds."""

from pydantic import BaseModel, Field

from domain.shared.access import Permission
from entrypoints.extending import Extension, LedgerJob
from partita_interest.accrual import AccrueInterest
from partita_interest.accruing import accrue_daily, router
from partita_interest.withdrawals import WithdrawalPolicy

READS = {Permission.LEDGERS_READ, Permission.ACCOUNTS_READ, Permission.TRANSACTIONS_READ}


class InterestSettings(BaseModel):
    """PARTITA_INTEREST_BASIS_POINTS a year, and PARTITA_INTEREST_WITHDRAWAL_MAX in minor units."""

    basis_points: int = Field(default=200, ge=0, le=10_000)
    withdrawal_max: int = Field(default=1_000_000, gt=0)


extension = Extension(
    name="interest",
    settings=InterestSettings,
    commands=(AccrueInterest,),
    policies=(lambda settings: WithdrawalPolicy(settings.withdrawal_max),),
    jobs=(LedgerJob("accrual", accrue_daily, frozenset({*READS, Permission.TRANSACTIONS_POST})),),
    routes=(router,),
)
