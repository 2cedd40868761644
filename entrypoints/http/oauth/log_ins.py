"""Who is logged in at a browser: one session at a time, which ends when another begins there."""

from contextlib import suppress
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from application.identity.log_in import SignedIn
from domain.shared.access import Person
from domain.shared.chain import Origin
from domain.shared.errors import NotFound
from entrypoints.container import Services
from entrypoints.http.oauth.browser import Browser
from entrypoints.http.reading import address_of, user_agent_of


async def log_in(request: Request, signed_in: SignedIn, response: Response) -> None:
    """Have the browser remember the session that has just begun, and end the one that it had before."""
    await _end_session(request)
    Browser(request).log_in(Person(signed_in.person_id, signed_in.session_id), response)


async def log_out(request: Request, response: Response) -> None:
    """End the session that the browser has, and have it forget that."""
    await _end_session(request)
    Browser(request).log_out(response)


def without_log_in(query: str) -> str:
    """Return a query of the authorisation endpoint without the wish that someone logs in, as someone just has.

    What else the client wants to be shown (`prompt=login consent`), it still wants.
    """
    fields = []
    for name, value in parse_qsl(query):
        if name == "prompt":
            value = " ".join(each for each in value.split() if each != "login")  # noqa: PLW2901 # the same, less
        if value:
            fields.append((name, value))
    return urlencode(fields)


def origin_of(request: Request) -> Origin:
    """Return where a log-in comes from."""
    return Origin(address=address_of(request), user_agent=user_agent_of(request))


async def _end_session(request: Request) -> None:
    services: Services = request.app.state.services
    person = Browser(request).person()
    if person is not None:
        with suppress(NotFound):  # it may have ended by itself
            await services.persons.accounts.end_session(person, person.session, origin=origin_of(request))
