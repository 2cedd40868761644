"""Accounts: open, get, list, change; their balances and their entries."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response

from application.ledger.change_account import ChangeAccount
from application.ledger.open_account import OpenAccount
from application.ledger.ports import Outcome
from application.ledger.readers import AccountFilter
from application.ledger.spans import Span
from domain.ledger.account import Account, AccountStatus, AccountType
from domain.ledger.events import AccountOpened
from domain.shared.access import Permission
from domain.shared.chain import format_time
from domain.shared.patterns import Pattern
from entrypoints.http.dependencies import Caller, CallerDependency, DryRun, IfMatch, Key, StrictRoute, etag
from entrypoints.http.openapi import MAY_BE_KNOWN, described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListQuery, ListSpec
from entrypoints.http.time_travel import AS_OF_DESCRIPTION, PointOfViewDependency
from entrypoints.http.v1.account_documents import (
    AccountDocument,
    AccountEntryDocument,
    BalancesDocument,
    account_document,
    balance_document,
    entry_document,
    listed_document,
    posted_document,
    whole_account_document,
)
from entrypoints.http.v1.as_of_head import tag_unless_known
from entrypoints.http.v1.chart import AccountTypeName
from entrypoints.schemas.forms import Form
from entrypoints.schemas.limits import Limits, limit_drafts
from entrypoints.schemas.transactions import Metadata, MetadataChanges

router = APIRouter(route_class=StrictRoute, tags=["accounts"])

ACCOUNTS = ListSpec(
    sorts=("path", "-path", "opened_at", "-opened_at"),
    fields=(
        Field("path", description="A path, or a pattern: `users:*:wallet`."),
        Field("type", ("", "in"), known=[each.value for each in AccountType]),
        Field(
            "status",
            ("", "in"),
            description="`open`, which is the default, or `archived`.",
            known=[each.value for each in AccountStatus],
        ),
        Field("opened_at", ("gt", "gte", "lt", "lte"), is_time=True),
    ),
    has_metadata=True,
)
ENTRIES = ListSpec(
    sorts=("-sequence", "sequence"),
    fields=(
        Field("asset", description="Only entries in this asset."),
        Field("as_of_sequence", description=AS_OF_DESCRIPTION, is_integer=True),
    ),
)


class AccountIn(Form):
    """An account to open."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "path": "users:42:wallet",
                    "type": "liability",
                    "limits": [{"asset": "EUR", "minimum": "0"}],
                    "metadata": {"user": "42"},
                }
            ]
        }
    )

    path: Annotated[str, Described(examples=["users:42:wallet"])]
    type: Annotated[AccountTypeName | None, Described(description="May be left out where the chart gives it.")] = None
    limits: Limits = Described(default_factory=list)
    metadata: Metadata = Described(default_factory=dict)


class AccountChange(Form):
    """What may change about an account: `limits` replace all of its own, `metadata` are laid over its own.

    What is left out stays as it is.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"metadata": {"user": "42", "old": None}},
                {"limits": [{"asset": "EUR", "minimum": "-100.00", "maximum": "10000.00"}]},
            ]
        }
    )

    limits: Limits = Described(default_factory=list)
    metadata: MetadataChanges = Described(default_factory=dict)


@router.post(
    "/ledgers/{ledger}/accounts",
    status_code=201,
    summary="Open an account",
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def post_account(
    ledger: str, account: AccountIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> AccountDocument:
    """Open an account before its first entry. Where the chart gives its type, the first entry opens it by itself."""
    account_type = AccountType(account.type) if account.type else None
    command = OpenAccount(account.path, account_type, account.metadata, limit_drafts(account.limits))
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    opened = outcome.applied[-1]
    event = opened.event
    assert isinstance(event, AccountOpened)
    if dry_run:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/v1/ledgers/{ledger}/accounts/{quote(event.account, safe=':')}"
    response.headers["ETag"] = etag(1)
    as_opened = Account(
        outcome.sequence or 0,
        event.account,
        event.account_type,
        metadata=event.metadata,
        limits={limit.asset.code: limit for limit in event.limits},
    )
    return account_document(as_opened, format_time(opened.recorded_at))


@router.get(
    "/ledgers/{ledger}/accounts/{path}",
    summary="Get an account",
    responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN},
)
async def get_account(ledger: str, path: str, who: CallerDependency, response: Response) -> AccountDocument:
    """Return one account, an archived one too, with the limits that are in force for it now."""
    return await shown_account(ledger, path, who, response, Permission.ACCOUNTS_READ)


async def shown_account(
    ledger: str, path: str, who: Caller, response: Response, permission: Permission, outcome: Outcome | None = None
) -> AccountDocument:
    """Return an account as it is, or as a dry run with that outcome would leave it.

    The permission is that of the command, where there was one: who may change an account may see what came of it.
    """
    async with who.read(permission, ledger, account=path) as reads:
        view = await reads.accounts.account(ledger, path)
        chart = await reads.ledgers.chart(ledger)
    response.headers["ETag"] = etag(view.account.version)
    account = outcome.book.account(path) if outcome is not None and outcome.book is not None else view.account
    return whole_account_document(account, format_time(view.opened_at), chart)


@router.get(
    "/ledgers/{ledger}/accounts",
    summary="List accounts",
    openapi_extra=described_list(ACCOUNTS),
    responses={**described_problems(400, 401, 403, 404), **MAY_BE_KNOWN},
)
async def list_accounts(
    ledger: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AccountDocument]:
    """Return a page of accounts, those that are archived only where `status` asks for them."""
    query = ACCOUNTS.read(request, who)
    where = account_filter(query)
    async with who.read(Permission.ACCOUNTS_READ, ledger) as reads:
        response.headers["ETag"] = await tag_unless_known(request, who, reads, ledger)
        page = await reads.accounts.accounts(ledger, where, query.page)
    return query.document(page, listed_document, response)


def account_filter(query: ListQuery) -> AccountFilter:
    """Return which accounts a query asks for. Raises `ValidationFailed`."""
    return AccountFilter(
        path=query.value("path", Pattern),
        type=query.values("type"),
        status=query.values("status") or [AccountStatus.OPEN.value],
        metadata=query.metadata,
        opened_at=query.span("opened_at", Span),
    )


@router.patch(
    "/ledgers/{ledger}/accounts/{path}",
    summary="Change an account",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def change_account(
    ledger: str,
    path: str,
    change: AccountChange,
    version: IfMatch,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> AccountDocument:
    """Replace the account's own limits, lay metadata over its own, or both.

    Limits may be such that the account breaks them already: then what makes that worse is refused.
    """
    limits = limit_drafts(change.limits) if "limits" in change.model_fields_set else None
    command = ChangeAccount(path, version, change.metadata, limits)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    return await shown_account(ledger, path, who, response, command.permission, outcome)


@router.get(
    "/ledgers/{ledger}/accounts/{path}/balances",
    summary="Get an account's balances",
    responses={**described_problems(401, 403, 404, 422), **MAY_BE_KNOWN},
)
async def get_balances(
    ledger: str,
    path: str,
    who: CallerDependency,
    request: Request,
    response: Response,
    point_of_view: PointOfViewDependency,
) -> BalancesDocument:
    """Return what the account holds of every asset it was ever used with, now, as of a sequence, or at a time.

    With `at`, the answer has posted figures alone: `available`, what is held and `balance_version` are null.
    """
    async with who.read(Permission.ACCOUNTS_READ, ledger, account=path) as reads:
        response.headers["ETag"] = await tag_unless_known(request, who, reads, ledger)
        as_of = await point_of_view.as_of(reads, ledger)
        account, balances = await reads.accounts.balances(ledger, path, as_of=as_of)
    show = balance_document if as_of.before is None else posted_document
    return {
        "account": account.path,
        "type": account.type.value,
        "balances": [show(account, of_asset) for of_asset in balances],
    }


@router.get(
    "/ledgers/{ledger}/accounts/{path}/entries",
    summary="List an account's entries",
    openapi_extra=described_list(ENTRIES),
    responses={**described_problems(400, 401, 403, 404), **MAY_BE_KNOWN},
)
async def list_entries(
    ledger: str, path: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AccountEntryDocument]:
    """Return a page of the account's history, now or as of a sequence, the latest first unless sorted otherwise."""
    query = ENTRIES.read(request, who)
    async with who.read(Permission.ACCOUNTS_READ, ledger, account=path) as reads:
        response.headers["ETag"] = await tag_unless_known(request, who, reads, ledger)
        page = await reads.accounts.entries(
            ledger,
            path,
            asset=query.value("asset", str),
            page=query.page,
            as_of_sequence=query.sequence("as_of_sequence"),
        )
    return query.document(page, entry_document, response)
