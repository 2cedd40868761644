"""API keys: make, list, get, rotate, revoke."""

from datetime import timedelta
from typing import Annotated, Final, NotRequired

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.identity.api_key import ApiKey, KeyRights
from domain.identity.role import OPERATOR, SCOPES_MAX
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, Key, StrictRoute
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.v1.access_forms import AccountPatterns, LedgerPatterns, accounts_of, ledgers_of
from entrypoints.schemas.forms import Form, Time

router = APIRouter(route_class=StrictRoute, tags=["api-keys"])

API_KEYS = ListSpec(sorts=("id", "-id"))

_SECONDS_OF_A_DAY = 86_400


class ApiKeyIn(Form):
    """An API key to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "checkout service", "scopes": ["operator"], "ledgers": ["eu-*"]}]}
    )

    name: Annotated[str, Described(description="What it is for, so that you know it again.")]
    scopes: Annotated[
        list[str],
        Described(
            description="What it may do: permissions (`transactions:post`) and built-in roles (`auditor`).",
            max_length=SCOPES_MAX,
        ),
    ] = [OPERATOR.name]  # noqa: RUF012 # pydantic copies it
    ledgers: LedgerPatterns = None
    accounts: AccountPatterns = None
    networks: Annotated[
        list[str] | None,
        Described(description="Where it may be used from, in CIDR; anywhere, if left out.", examples=[["10.0.0.0/8"]]),
    ] = None
    expires_at: Annotated[Time | None, Described(description="When it stops; never, if left out.")] = None


class RotationIn(Form):
    """How an API key is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: Annotated[
        int, Described(description="For how long the old key works on; none at all with 0.", ge=0, le=90 * 86_400)
    ] = _SECONDS_OF_A_DAY
    expires_at: Annotated[
        Time | None,
        Described(description="When the new key stops; if left out, it lives as long as the old one was made to."),
    ] = None


_PLAIN_ROTATION: Final = RotationIn()


class ApiKeyDocument(TypedDict):
    """An API key; `key` itself stands only in the first answer to its making.

    `last_used_at` is known to the minute. `replaced_by` is the id of the key that took its place by rotation.
    """

    id: str
    name: str
    hint: str
    scopes: list[str]
    ledgers: list[str] | None
    accounts: list[str] | None
    networks: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    replaced_by: str | None
    key: NotRequired[str]


def api_key_document(key: ApiKey) -> ApiKeyDocument:
    """Return an API key as it is shown."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": list(key.scopes),
        "ledgers": None if key.ledgers is None else [pattern.text for pattern in key.ledgers],
        "accounts": None if key.accounts is None else [pattern.text for pattern in key.accounts],
        "networks": None if key.networks is None else list(key.networks),
        "created_at": format_time(key.created_at),
        "expires_at": format_time(key.expires_at) if key.expires_at else None,
        "revoked_at": format_time(key.revoked_at) if key.revoked_at else None,
        "last_used_at": format_time(key.last_used_at) if key.last_used_at else None,
        "replaced_by": key.replaced_by,
    }


@router.post(
    "/api-keys", status_code=201, summary="Make an API key", responses=described_problems(400, 401, 403, 409, 422)
)
async def post_api_key(body: ApiKeyIn, key: Key, who: CallerDependency, response: Response) -> ApiKeyDocument:
    """Make an API key for the organisation, which may do nothing that its maker may not.

    This answer alone shows it; Partita keeps no more than its hash.
    """
    rights = KeyRights(
        tuple(body.scopes),
        ledgers_of(body.ledgers),
        accounts_of(body.accounts),
        body.expires_at,
        None if body.networks is None else tuple(body.networks),
    )
    made, text = await who.services.api_keys.create(
        who.principal, body.name, rights, request_id=who.request_id, key=key
    )
    return _shown_once(made, text, response)


@router.get(
    "/api-keys",
    summary="List API keys",
    openapi_extra=described_list(API_KEYS),
    responses=described_problems(400, 401, 403),
)
async def list_api_keys(who: CallerDependency, request: Request, response: Response) -> ListDocument[ApiKeyDocument]:
    """Return a page of the organisation's API keys, oldest first, those that work no more too."""
    query = API_KEYS.read(request, who)
    page = await who.services.api_keys.list(who.principal, query.page)
    return query.document(page, api_key_document, response)


@router.get("/api-keys/{id}", summary="Get an API key", responses=described_problems(401, 403, 404))
async def get_api_key(id: str, who: CallerDependency) -> ApiKeyDocument:
    """Return one API key, without the key itself."""
    return api_key_document(await who.services.api_keys.get(who.principal, id))


@router.post(
    "/api-keys/{id}/rotate",
    status_code=201,
    summary="Replace an API key",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def rotate_api_key(
    id: str, key: Key, who: CallerDependency, response: Response, rotation: RotationIn = _PLAIN_ROTATION
) -> ApiKeyDocument:
    """Make a key with the same rights, which this answer alone shows, and let the old one end after the overlap."""
    made, text = await who.services.api_keys.rotate(
        who.principal,
        id,
        request_id=who.request_id,
        overlap=timedelta(seconds=rotation.overlap_seconds),
        expires_at=rotation.expires_at,
        key=key,
    )
    return _shown_once(made, text, response)


@router.delete(
    "/api-keys/{id}", status_code=204, summary="Revoke an API key", responses=described_problems(401, 403, 404)
)
async def delete_api_key(id: str, who: CallerDependency) -> None:
    """Make an API key useless for good, everywhere within five seconds."""
    await who.services.api_keys.revoke(who.principal, id, request_id=who.request_id)


def _shown_once(made: ApiKey, text: str | None, response: Response) -> ApiKeyDocument:
    document = api_key_document(made)
    if text is None:
        response.headers["Idempotency-Replayed"] = "true"
        return document
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"/v1/api-keys/{made.id}"
    return {**document, "key": text}
