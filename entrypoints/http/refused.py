"""What the log is told of refusals: those of credentials, of permissions and of one request too many."""

from typing import Any, Final

from starlette.types import Scope

from application.identity.refusal_log import RefusalLog, Refused
from domain.shared.errors import DomainError, ErrorKind
from entrypoints.http.routes import route_of
from entrypoints.schemas.hidden import without_credentials

LOGGED_STATUSES: Final = frozenset({401, 403, 429})
# Those whose details name nobody but by ids.
_DETAILED: Final = (ErrorKind.NOT_AUTHENTICATED, ErrorKind.FORBIDDEN)


def log_refusal(log: RefusalLog, scope: Scope, status: int) -> None:
    """Write down that the request was refused with this status: one of `LOGGED_STATUSES`, or another of OAuth."""
    state: dict[str, Any] = scope["state"]
    refusal: DomainError | None = state.get("refusal")
    actor, credential, organisation_id = _who(state)
    detail = refusal.detail if refusal is not None and refusal.kind in _DETAILED else None
    log.note(
        Refused(
            # The protocol of OAuth has codes of its own, which stand in answers of its own form.
            state.get("refused_credential", "refused") if refusal is None else refusal.code,
            state["request_id"],
            f"{scope.get('method', 'WebSocket')} {_path(scope)}",
            state["address"],
            actor,
            credential,
            organisation_id,
            None if refusal is None else refusal.facts.get("permission"),
            _ledger(scope),
            f"status {status}" if detail is None else without_credentials(detail),
        )
    )


def _path(scope: Scope) -> str:
    """Return the path of the route, which names nobody; where it came to none, the one that was asked for."""
    return route_of(scope) or without_credentials(scope["path"])


def _ledger(scope: Scope) -> str | None:
    slug = scope.get("path_params", {}).get("ledger")
    return None if slug is None else without_credentials(str(slug))


def _who(state: dict[str, Any]) -> tuple[str | None, str | None, int | None]:
    """Return the actor, its credential and its organisation, as far as they are known."""
    bearer = state.get("bearer")
    if bearer is None:
        client_id, organisation_id = state.get("oauth_client", (None, None))
        return client_id, None, organisation_id
    if bearer.principal is None:
        return bearer.person.id, bearer.person.session, None
    return bearer.principal.actor, bearer.principal.credential, bearer.principal.organisation_id
