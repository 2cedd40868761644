"""Routes of persons who have logged in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from domain.shared.access import Person
from entrypoints.container import Services
from entrypoints.http.dependencies import StrictRoute, address_of, bearer_of


@dataclass(frozen=True, slots=True)
class PersonCaller:
    """A person who has logged in, in which request, and the services."""

    person: Person
    request_id: str
    services: Services

    @property
    def reader(self) -> str:
        """Return who alone may go on with the cursors of a list: the person."""
        return self.person.id


async def person_caller(request: Request) -> PersonCaller:
    """Return which person calls. Raises `NotAuthenticated`, `PermissionDenied`, `StoreUnavailable`."""
    services: Services = request.app.state.services
    person = await services.authenticate.person(bearer_of(request), address_of(request))
    return PersonCaller(person, request.state.request_id, services)


PersonDependency = Annotated[PersonCaller, Depends(person_caller)]


class PersonRoute(StrictRoute):
    """A route for persons who have logged in."""

    async def admit(self, request: Request) -> None:
        """Let those in whose access token is of a session."""
        await person_caller(request)
