"""API keys: make, list, revoke."""

from typing import Annotated, NotRequired

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.identity.api_key import ApiKey
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, Key, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["api-keys"])


class ApiKeyIn(Form):
    """An API key to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "checkout service"}]})

    name: Annotated[str, Described(description="What it is for, so that you know it again.")]


class ApiKeyDocument(TypedDict):
    """An API key; `key` itself stands only in the first answer to its making."""

    id: str
    name: str
    hint: str
    created_at: str
    revoked_at: str | None
    key: NotRequired[str]


class ApiKeysDocument(TypedDict):
    """All API keys of an organisation, oldest first."""

    data: list[ApiKeyDocument]


def api_key_document(key: ApiKey) -> ApiKeyDocument:
    """Return an API key as it is shown."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "created_at": format_time(key.created_at),
        "revoked_at": format_time(key.revoked_at) if key.revoked_at else None,
    }


@router.post(
    "/api-keys", status_code=201, summary="Make an API key", responses=described_problems(400, 401, 403, 409, 422)
)
async def post_api_key(body: ApiKeyIn, key: Key, who: CallerDependency, response: Response) -> ApiKeyDocument:
    """Make an API key for the organisation. This answer alone shows it; Partita keeps no more than its hash."""
    made, text = await who.services.api_keys.create(who.principal, body.name, request_id=who.request_id, key=key)
    document = api_key_document(made)
    if text is None:
        response.headers["Idempotency-Replayed"] = "true"
        return document
    response.headers["Cache-Control"] = "no-store"
    return {**document, "key": text}


@router.get("/api-keys", summary="List API keys", responses=described_problems(401, 403))
async def list_api_keys(who: CallerDependency) -> ApiKeysDocument:
    """Return the organisation's API keys, the revoked ones too."""
    return {"data": [api_key_document(key) for key in await who.services.api_keys.list(who.principal)]}


@router.delete(
    "/api-keys/{id}", status_code=204, summary="Revoke an API key", responses=described_problems(401, 403, 404)
)
async def delete_api_key(id: str, who: CallerDependency) -> None:
    """Make an API key useless for good, everywhere within five seconds."""
    await who.services.api_keys.revoke(who.principal, id, request_id=who.request_id)
