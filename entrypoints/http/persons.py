"""Routes of persons: some for whoever comes, the others for those who have logged in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from domain.shared.access import Person
from domain.shared.chain import Origin
from entrypoints.container import Services
from entrypoints.http.dependencies import StrictRoute, bearer
from entrypoints.http.reading import address_of, user_agent_of

# An address, a password and a token are far below this.
FORM_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who shows no credential, from where, in which request, and the services."""

    origin: Origin
    request_id: str
    services: Services


@dataclass(frozen=True, slots=True)
class PersonCaller(Visitor):
    """A person who has logged in."""

    person: Person

    @property
    def reader(self) -> str:
        """Return who alone may go on with the cursors of a list: the person."""
        return self.person.id


async def visitor(request: Request) -> Visitor:
    """Return who comes."""
    origin = Origin(address=address_of(request), user_agent=user_agent_of(request))
    return Visitor(origin, request.state.request_id, request.app.state.services)


async def person_caller(request: Request) -> PersonCaller:
    """Return which person calls. Raises as `bearer` does, and `PermissionDenied`."""
    who = await visitor(request)
    person = (await bearer(request)).of_person().coming_from(who.origin.address, who.origin.user_agent)
    return PersonCaller(who.origin, who.request_id, who.services, person)


VisitorDependency = Annotated[Visitor, Depends(visitor)]
PersonDependency = Annotated[PersonCaller, Depends(person_caller)]


class OpenRoute(StrictRoute):
    """A route for whoever comes, who may not send much."""

    body_bytes_max = FORM_BYTES_MAX

    async def admit(self, request: Request) -> None:
        """Let everyone in."""


class PersonRoute(StrictRoute):
    """A route for persons who have logged in."""

    body_bytes_max = FORM_BYTES_MAX

    async def admit(self, request: Request) -> None:
        """Let those in whose access token is of a session."""
        await person_caller(request)
