"""Accounts: open, get, list, change; their balances and their entries."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.change_account import ChangeAccount
from application.ledger.open_account import OpenAccount
from application.ledger.readers import AccountEntryView, AccountFilter, AccountView, AssetBalance, Span
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import format_amount
from domain.ledger.chart import Pattern
from domain.ledger.events import AccountOpened
from domain.shared.access import Permission
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, DryRun, IfMatch, Key, StrictRoute, etag
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListSpec
from entrypoints.http.time_travel import AS_OF_DESCRIPTION, PointOfViewDependency
from entrypoints.http.v1.chart import AccountTypeName
from entrypoints.schemas.forms import Form
from entrypoints.schemas.transactions import Metadata, MetadataChanges

router = APIRouter(route_class=StrictRoute, tags=["accounts"])

ACCOUNTS = ListSpec(
    sorts=("path", "-path", "opened_at", "-opened_at"),
    fields=(
        Field("path", description="A path, or a pattern: `users:*:wallet`."),
        Field("type", ("", "in")),
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
        json_schema_extra={"examples": [{"path": "users:42:wallet", "type": "liability", "metadata": {"user": "42"}}]}
    )

    path: Annotated[str, Described(examples=["users:42:wallet"])]
    type: Annotated[AccountTypeName | None, Described(description="May be left out where the chart gives it.")] = None
    metadata: Metadata = Described(default_factory=dict)


class AccountChange(Form):
    """What may change about an account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": {"user": "42", "old": None}}]})

    metadata: MetadataChanges


class AccountDocument(TypedDict):
    """An account; `version` counts changes of its settings, not its entries."""

    path: str
    type: str
    status: str
    metadata: Mapping[str, str]
    version: int
    opened_at: str


class BalanceDocument(TypedDict):
    """What an account holds of an asset, on the account's normal side; the four totals are what it follows from.

    At a time, only what was posted is known: the other fields are null.
    """

    asset: str
    posted: str
    available: str | None
    posted_debits: str
    posted_credits: str
    held_debits: str | None
    held_credits: str | None
    balance_version: int | None


class BalancesDocument(TypedDict):
    """What an account holds."""

    account: str
    type: str
    balances: list[BalanceDocument]


class AccountEntryDocument(TypedDict):
    """A line of an account's history."""

    sequence: int
    transaction: str
    direction: str
    amount: str
    asset: str
    balance_after: str
    balance_version: int
    reference: str | None
    description: str
    effective_at: str
    recorded_at: str


def account_document(account: Account, opened_at: str) -> AccountDocument:
    """Return an account as it is shown."""
    return {
        "path": account.path,
        "type": account.type.value,
        "status": account.status.value,
        "metadata": account.metadata,
        "version": account.version,
        "opened_at": opened_at,
    }


def _view_document(view: AccountView) -> AccountDocument:
    return account_document(view.account, format_time(view.opened_at))


def _balance_document(account: Account, held: AssetBalance) -> BalanceDocument:
    scale, balance = held.asset.scale, held.balance
    posted = format_amount(balance.posted(account.type), scale)
    nothing = format_amount(0, scale)
    return {
        "asset": held.asset.code,
        "posted": posted,
        "available": posted,
        "posted_debits": format_amount(balance.posted_debits, scale),
        "posted_credits": format_amount(balance.posted_credits, scale),
        "held_debits": nothing,
        "held_credits": nothing,
        "balance_version": balance.version,
    }


def _posted_document(account: Account, held: AssetBalance) -> BalanceDocument:
    """Return a balance at a time: holds and versions belong to the order of events, and not to that of the business."""
    document = _balance_document(account, held)
    return {**document, "available": None, "held_debits": None, "held_credits": None, "balance_version": None}


def _entry_document(view: AccountEntryView) -> AccountEntryDocument:
    line = view.line
    scale = line.entry.asset.scale
    return {
        "sequence": view.sequence,
        "transaction": view.transaction_id,
        "direction": line.entry.direction.value,
        "amount": format_amount(line.entry.amount, scale),
        "asset": line.entry.asset.code,
        "balance_after": format_amount(line.balance.posted(line.account.type), scale),
        "balance_version": line.balance.version,
        "reference": view.reference,
        "description": view.description,
        "effective_at": format_time(view.effective_at),
        "recorded_at": format_time(view.recorded_at),
    }


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
    command = OpenAccount(account.path, AccountType(account.type) if account.type else None, account.metadata)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    opened = outcome.applied[-1]
    event = opened.event
    assert isinstance(event, AccountOpened)
    if dry_run:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/v1/ledgers/{ledger}/accounts/{quote(event.account, safe=':')}"
    response.headers["ETag"] = etag(1)
    as_opened = Account(outcome.sequence or 0, event.account, event.account_type, metadata=event.metadata)
    return account_document(as_opened, format_time(opened.recorded_at))


@router.get("/ledgers/{ledger}/accounts/{path}", summary="Get an account", responses=described_problems(401, 403, 404))
async def get_account(ledger: str, path: str, who: CallerDependency, response: Response) -> AccountDocument:
    """Return one account."""
    async with who.services.ledgers.read(who.principal, Permission.ACCOUNTS_READ) as reads:
        view = await reads.accounts.account(ledger, path)
    response.headers["ETag"] = etag(view.account.version)
    return _view_document(view)


@router.get(
    "/ledgers/{ledger}/accounts",
    summary="List accounts",
    openapi_extra=described_list(ACCOUNTS),
    responses=described_problems(400, 401, 403, 404),
)
async def list_accounts(
    ledger: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AccountDocument]:
    """Return a page of accounts."""
    query = ACCOUNTS.read(request, who)
    where = AccountFilter(
        path=query.value("path", Pattern),
        type=query.values("type"),
        metadata=query.metadata,
        opened_at=query.span("opened_at", Span),
    )
    async with who.services.ledgers.read(who.principal, Permission.ACCOUNTS_READ) as reads:
        page = await reads.accounts.accounts(ledger, where, query.page)
    return query.document(page, _view_document, response)


@router.patch(
    "/ledgers/{ledger}/accounts/{path}",
    summary="Change an account's metadata",
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
    """Lay metadata over the account's own."""
    outcome = await who.do(ledger, ChangeAccount(path, version, change.metadata), response, dry_run=dry_run)
    document = await get_account(ledger, path, who, response)
    return account_document(outcome.book.account(path), document["opened_at"]) if outcome.book else document


@router.get(
    "/ledgers/{ledger}/accounts/{path}/balances",
    summary="Get an account's balances",
    responses=described_problems(401, 403, 404, 422),
)
async def get_balances(
    ledger: str, path: str, who: CallerDependency, point_of_view: PointOfViewDependency
) -> BalancesDocument:
    """Return what the account holds of every asset it was ever used with, now, as of a sequence, or at a time.

    With `at`, the answer has posted figures alone: `available`, what is held and `balance_version` are null.
    """
    async with who.services.ledgers.read(who.principal, Permission.ACCOUNTS_READ) as reads:
        as_of = await point_of_view.as_of(reads, ledger)
        account, balances = await reads.accounts.balances(ledger, path, as_of=as_of)
    show = _balance_document if as_of.before is None else _posted_document
    return {
        "account": account.path,
        "type": account.type.value,
        "balances": [show(account, held) for held in balances],
    }


@router.get(
    "/ledgers/{ledger}/accounts/{path}/entries",
    summary="List an account's entries",
    openapi_extra=described_list(ENTRIES),
    responses=described_problems(400, 401, 403, 404),
)
async def list_entries(
    ledger: str, path: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AccountEntryDocument]:
    """Return a page of the account's history, now or as of a sequence, the latest first unless sorted otherwise."""
    query = ENTRIES.read(request, who)
    async with who.services.ledgers.read(who.principal, Permission.ACCOUNTS_READ) as reads:
        page = await reads.accounts.entries(
            ledger,
            path,
            asset=query.value("asset", str),
            page=query.page,
            as_of_sequence=query.sequence("as_of_sequence"),
        )
    return query.document(page, _entry_document, response)
