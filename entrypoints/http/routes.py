"""Which route a request came to: the path with its parameters' names, which names nobody."""

from typing import Final

from fastapi.dependencies.models import Dependant
from starlette.types import Scope

_VERSION_1: Final = "/v1"


def route_of(scope: Scope) -> str | None:
    """Return the path of the route that the request came to, if it did: `/v1/ledgers/{ledger}/transactions`."""
    hot: str | None = scope["state"].get("route")
    if hot is not None:
        return hot
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return None
    # A route knows its path only within the router that has it.
    return _VERSION_1 + path if scope["path"].startswith(_VERSION_1) and not path.startswith(_VERSION_1) else path


def query_parameters(dependant: Dependant) -> list[str]:
    """Return the names of the query parameters that a route takes, and all that it depends on."""
    names = [field.alias for field in dependant.query_params]
    return names + [name for each in dependant.dependencies for name in query_parameters(each)]
