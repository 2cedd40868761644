"""Whether the server lives, has started, and can do its work."""

from typing import Final, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from entrypoints.container import Services
from entrypoints.http.openapi import FOR_EVERYONE

router = APIRouter(prefix="/health", tags=["health"])

# Those who follow a ledger get what another server wrote within a second, without Redis.
RELAY_SECONDS_MAX: Final = 5.0
_NOT_ASKED: Final = "It is not asked, as the server stops."


class LiveDocument(TypedDict):
    """The process answers."""

    status: Literal["live"]


class StartupDocument(TypedDict):
    """Whether the process has ever been ready."""

    status: Literal["started", "starting"]


class ReadyDocument(TypedDict):
    """What the server relies on: `ok`, or what is wrong. It works on without Redis, and not without its database.

    `relay` says whether those who follow a ledger hear of new events in time, and `replicas` whether all of these are
    read from, if there are any; `extensions` names those that do not take part as they should.
    """

    status: Literal["ready", "degraded", "not-ready", "stopping"]
    database: str
    redis: str
    relay: str
    replicas: str
    extensions: str


@router.get("/live", summary="Is the process alive?", openapi_extra=FOR_EVERYONE)
async def live() -> LiveDocument:
    """Answer. A process that does not should be restarted."""
    return {"status": "live"}


@router.get(
    "/startup",
    summary="Has the process started?",
    openapi_extra=FOR_EVERYONE,
    responses={503: {"model": StartupDocument}},
)
async def startup(request: Request, response: Response) -> StartupDocument:
    """Say whether it was ever ready; 503 until then. Only after that it makes sense to ask whether it is alive."""
    services: Services = request.app.state.services
    if not services.lifecycle.has_started:
        services.lifecycle.has_started = await services.database_health.trouble() is None
    if not services.lifecycle.has_started:
        response.status_code = 503
        return {"status": "starting"}
    return {"status": "started"}


@router.get(
    "/ready",
    summary="Can the server do its work?",
    openapi_extra=FOR_EVERYONE,
    responses={503: {"model": ReadyDocument}},
)
async def ready(request: Request, response: Response) -> ReadyDocument:
    """Ask the database, whose schema must be up to date, and Redis, once a second; 503: send requests elsewhere.

    A server that is about to stop says `stopping`, and still answers for a while.
    """
    services: Services = request.app.state.services
    if services.lifecycle.is_stopping:
        # Whoever asks is to know at once, whatever the others take.
        response.status_code = 503
        return {
            "status": "stopping",
            "database": _NOT_ASKED,
            "redis": _NOT_ASKED,
            "relay": _NOT_ASKED,
            "replicas": _NOT_ASKED,
            "extensions": _NOT_ASKED,
        }
    database = await services.database_health.trouble()
    redis = await services.redis_health.trouble()
    _, lag_seconds = services.relay.followed
    relay = f"Events come {lag_seconds:.0f} seconds late." if lag_seconds > RELAY_SECONDS_MAX else None
    replicas = await services.replica_health.trouble()
    failed = services.extensions.failed
    extensions = f"Something is wrong with {', '.join(sorted(failed))}; the log says what." if failed else None
    if database:
        response.status_code = 503
    return {
        "status": "not-ready" if database else "degraded" if redis or relay or replicas or extensions else "ready",
        "database": database or "ok",
        "redis": redis or "ok",
        "relay": relay or "ok",
        "replicas": replicas or "ok",
        "extensions": extensions or "ok",
    }
