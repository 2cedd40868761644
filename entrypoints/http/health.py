"""Whether the server lives, and whether it can do its work."""

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from entrypoints.container import Services
from entrypoints.http.openapi import FOR_EVERYONE

router = APIRouter(prefix="/health", tags=["health"])


class LiveDocument(TypedDict):
    """The process answers."""

    status: Literal["live"]


class ReadyDocument(TypedDict):
    """What the server relies on: `ok`, or what is wrong. It works on without Redis, and not without its database."""

    status: Literal["ready", "degraded", "not-ready"]
    database: str
    redis: str


@router.get("/live", summary="Is the process alive?", openapi_extra=FOR_EVERYONE)
async def live() -> LiveDocument:
    """Answer. A process that does not should be restarted."""
    return {"status": "live"}


@router.get(
    "/ready",
    summary="Can the server do its work?",
    openapi_extra=FOR_EVERYONE,
    responses={503: {"model": ReadyDocument}},
)
async def ready(request: Request, response: Response) -> ReadyDocument:
    """Ask the database, whose schema must be up to date, and Redis, once a second; 503: send requests elsewhere."""
    services: Services = request.app.state.services
    database = await services.database_health.trouble()
    redis = await services.redis_health.trouble()
    if database:
        response.status_code = 503
    return {
        "status": "not-ready" if database else "degraded" if redis else "ready",
        "database": database or "ok",
        "redis": redis or "ok",
    }
