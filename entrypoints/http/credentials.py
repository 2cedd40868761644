"""The credential that a request shows: in a header or, where browsers can send none, by a ticket in its URL."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from domain.shared.access import Principal
from domain.shared.errors import NotAuthenticated
from entrypoints.container import Services
from entrypoints.http.reading import address_of, header, user_agent_of

FindPrincipal = Callable[[], Awaitable[Principal]]
"""How to find who shows a credential, as things are now."""


async def redeem_ticket(request: HTTPConnection) -> None:
    """Have the ticket that the request shows in its URL, if it does, stand for the credential that it was made for.

    Only for what goes on: browsers cannot send headers there. Raises `NotAuthenticated`, `RateLimited`,
    `StoreUnavailable`.
    """
    ticket = request.query_params.get("ticket")
    if ticket is None or header(request, b"authorization") is not None:
        return
    services: Services = request.scope["app"].state.services
    address = address_of(request)
    services.admission.require_room_for_refusals(address)
    try:
        request.scope["state"]["credential"] = await services.tickets.redeem(ticket)
    except NotAuthenticated:
        await services.admission.count_refusal(address)
        raise


def principal_now(request: HTTPConnection) -> FindPrincipal:
    """Return how to find who shows the request's credential, as things are now: for what goes on after it was admitted.

    That raises `NotAuthenticated`, `PermissionDenied`, `StoreUnavailable`.
    """
    return finding(request, credential_of(request))


def finding(request: HTTPConnection, credential: str) -> FindPrincipal:
    """Return how to find who shows a credential from where the request came from, as things are now."""
    services: Services = request.scope["app"].state.services
    address, user_agent = address_of(request), user_agent_of(request)

    async def find() -> Principal:
        principal = await services.authenticate.principal(credential, address)
        return principal.coming_from(address, user_agent)

    return find


async def counted(connection: HTTPConnection, credential: str) -> Principal:
    """Count what is asked for over a connection as a request like any other; return who shows the credential there.

    Raises `NotAuthenticated`, `PermissionDenied`, `RateLimited`, `StoreUnavailable`.
    """
    services: Services = connection.scope["app"].state.services
    admission, address = services.admission, address_of(connection)
    if admission.address_at_once(address) is None:
        await admission.address(address)
    admitted = admission.at_once(credential, address) or await admission.admit(credential, address)
    return admitted.bearer.coming_from(address, user_agent_of(connection))


def credential_of(request: HTTPConnection) -> str:
    """Return the credential that the request shows. Raises `NotAuthenticated` where it shows none."""
    redeemed: str | None = request.scope["state"].get("credential")
    if redeemed is not None:
        return redeemed
    scheme, _, text = (header(request, b"authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise NotAuthenticated("The request carries no credential: send `Authorization: Bearer <API key or token>`.")
    return text.strip()
