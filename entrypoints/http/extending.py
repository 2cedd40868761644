"""Routes of extensions, below the ledgers that they are about."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute

from application.shared.extension_watch import ExtensionWatch
from application.shared.ports import CommitInDoubt, StoreUnavailable
from domain.shared.errors import DomainError
from domain.shared.stable import stable
from entrypoints.container import Services
from entrypoints.extending import ExtensionServices
from entrypoints.extending.loading import Extensions
from entrypoints.http.dependencies import StrictRoute, caller
from entrypoints.http.validators import NotModified

SLOW_SECONDS: Final = 5.0
# What any route may raise: refusals, forms that are filled in wrongly, and a store that is away.
_FINE: Final = (DomainError, RequestValidationError, HTTPException, StoreUnavailable, CommitInDoubt, NotModified)


class NotStrict(Exception):
    """A route of an extension would read requests less strictly than all others do."""


@stable(since="0.2.0")
def services_for(name: str) -> Any:
    """Return how the routes of an extension get its services: `Annotated[ExtensionServices, services_for("mine")]`."""

    def given(request: Request) -> ExtensionServices:
        services: Services = request.app.state.services
        return services.extension_services[name]

    return Depends(given)


def extension_routes(extensions: Extensions) -> list[BaseRoute]:
    """Return the routes of all extensions; those of one with which something is wrong are left out, and it is named.

    Who calls is asked before anything else, by every route.
    """
    routes: list[BaseRoute] = []
    for name, loaded in extensions.loaded.items():
        # Begun anew for each, as what goes wrong half-way leaves nothing.
        mounted = APIRouter()
        try:
            for router in loaded.extension.routes:
                _require_strict(router)
                mounted.include_router(
                    router,
                    prefix=f"/v1/ledgers/{{ledger}}/x/{name}",
                    dependencies=[Depends(caller), Depends(_watched(loaded.watch))],
                )
        except Exception as error:
            extensions.fail(name, f"its routes cannot be mounted: {error!r}", error)
        else:
            routes += mounted.routes
    return routes


def _require_strict(router: APIRouter) -> None:
    for route in router.routes:
        if not isinstance(route, StrictRoute):
            raise NotStrict(f"{getattr(route, 'path', route)} is no StrictRoute: APIRouter(route_class=StrictRoute)")


def _watched(watch: ExtensionWatch) -> Callable[[], AsyncIterator[None]]:
    async def watched() -> AsyncIterator[None]:
        with watch.awaiting("a request", slow_seconds=SLOW_SECONDS, fine=_FINE):
            yield

    return watched
