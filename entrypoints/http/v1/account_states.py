"""What becomes of accounts: freeze and unfreeze, archive and restore."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.responses import Response

from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.freeze_account import FreezeAccount, UnfreezeAccount
from domain.ledger.account import BOTH
from domain.ledger.transaction import Direction
from entrypoints.http.dependencies import CallerDependency, DryRun, IfMatch, Key, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.v1.account_documents import AccountDocument
from entrypoints.http.v1.accounts import shown_account
from entrypoints.http.v1.reasons import Reason, ReasonIn, ReasonOfDeletion
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["accounts"])


DirectionName = Literal["debit", "credit"]


def _both() -> list[DirectionName]:
    return ["debit", "credit"]


class FreezingIn(Form):
    """In which directions an account is frozen or unfrozen, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"directions": ["debit"], "reason": "Card reported stolen."}]}
    )

    directions: Annotated[
        list[DirectionName], Described(min_length=1, max_length=2, description="Both, if left out.")
    ] = Described(default_factory=_both)
    reason: Reason

    @property
    def as_set(self) -> frozenset[Direction]:
        """Return the directions as a command takes them."""
        return BOTH.intersection(map(Direction, self.directions))


@router.post(
    "/ledgers/{ledger}/accounts/{path}/freeze",
    summary="Freeze an account",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def freeze_account(
    ledger: str,
    path: str,
    freezing: FreezingIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> AccountDocument:
    """Let the account take no more debits, credits or either, neither posted nor held. What is frozen stays so.

    The answer shows the account as it is now, also where an idempotency key had frozen it before.
    """
    command = FreezeAccount(path, freezing.reason, freezing.as_set)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return await shown_account(ledger, path, who, response, command.permission, outcome)


@router.post(
    "/ledgers/{ledger}/accounts/{path}/unfreeze",
    summary="Unfreeze an account",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def unfreeze_account(
    ledger: str,
    path: str,
    freezing: FreezingIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> AccountDocument:
    """Let the account take entries in these directions again.

    The answer shows the account as it is now, also where an idempotency key had unfrozen it before.
    """
    command = UnfreezeAccount(path, freezing.reason, freezing.as_set)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return await shown_account(ledger, path, who, response, command.permission, outcome)


@router.delete(
    "/ledgers/{ledger}/accounts/{path}",
    summary="Archive an account",
    responses=described_problems(400, 401, 403, 404, 409, 412, 422, 428),
)
async def archive_account(
    ledger: str,
    path: str,
    version: IfMatch,
    reason: ReasonOfDeletion,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> AccountDocument:
    """Put away an account on which nothing is posted or held: lists hide it, its history stays, and so does its path.

    It takes no entries until it is restored. One that is archived already stays so.
    """
    command = ArchiveAccount(path, version, reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    return await shown_account(ledger, path, who, response, command.permission, outcome)


@router.post(
    "/ledgers/{ledger}/accounts/{path}/restore",
    summary="Restore an archived account",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def restore_account(
    ledger: str,
    path: str,
    restoring: ReasonIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> AccountDocument:
    """Bring an archived account back, as it was when it was archived. One that is open stays so.

    The answer shows the account as it is now, also where an idempotency key had restored it before.
    """
    command = RestoreAccount(path, restoring.reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return await shown_account(ledger, path, who, response, command.permission, outcome)
