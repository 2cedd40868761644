"""Who is connected, from where, and what that may cost."""

from typing import Final
from weakref import WeakValueDictionary

from starlette.websockets import WebSocket

from domain.shared.access import Principal
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from entrypoints.container import Services
from entrypoints.http.credentials import counted, finding
from entrypoints.http.dependencies import Caller
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.reading import address_of

_LOGGED: Final = (ErrorKind.NOT_AUTHENTICATED, ErrorKind.FORBIDDEN, ErrorKind.EXCESSIVE)

Principals = WeakValueDictionary[tuple[str, str | None], LastingPrincipal]
"""Of all connections, by credential and address: who shows the same is asked for once."""


class Client:
    """Whoever is connected, by the credential that was shown last."""

    def __init__(self, socket: WebSocket, credential: str, admitted: Principal, principals: Principals) -> None:
        """Begin with who was admitted just now."""
        self.services: Services = socket.scope["app"].state.services
        self.request_id: str = socket.scope["state"]["request_id"]
        self._socket = socket
        self._credential = credential
        self._principals = principals
        self.principal = self._lasting(credential, admitted)

    async def count(self) -> Principal:
        """Count what is asked for as a request like any other; return who asks.

        Raises `NotAuthenticated`, `PermissionDenied`, `RateLimited`, `StoreUnavailable`.
        """
        return await counted(self._socket, self._credential)

    async def show(self, credential: str) -> None:
        """Go on with another credential of the same organisation. Raises as `count` does, and `ValidationFailed`."""
        admitted = await counted(self._socket, credential)
        if admitted.organisation_id != self.principal.last.organisation_id:
            raise ValidationFailed("The token is of another organisation. Open another connection for that.")
        self._credential = credential
        self.principal = self._lasting(credential, admitted)

    def log_refusal(self, refusal: DomainError, what: str, ledger: str) -> None:
        """Write down that something was refused, if it is of a kind that is logged."""
        if refusal.kind in _LOGGED:
            Caller(self.principal.last, self.request_id, self.services).log_refusal(refusal, what, ledger)

    def _lasting(self, credential: str, principal: Principal) -> LastingPrincipal:
        name = (credential, address_of(self._socket))
        known = self._principals.get(name)
        if known is None:
            known = self._principals[name] = LastingPrincipal(principal, finding(self._socket, credential))
        return known
