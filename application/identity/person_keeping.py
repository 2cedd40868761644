"""What whoever runs the server does about a person, when something has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from application.identity.erasure import Erasure
from application.identity.grant_endings import end_grants
from application.identity.person_ports import Membership, PersonChanges, PersonWork, SecurityEvent
from application.identity.ports import Revocations
from application.identity.tidying import Removed
from application.shared.pagination import PageRequest
from application.shared.ports import Clock, Ids
from domain.identity.person import RegisteredPerson, normalised_email
from domain.identity.session import Session
from domain.shared.chain import Author, Origin
from domain.shared.errors import NotFound

EVENTS_SHOWN: Final = 20
_REMOVED_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person, its memberships with the organisations' names by number, its sessions, and what happened last."""

    person: RegisteredPerson
    memberships: Sequence[Membership]
    names: Mapping[int, str]
    sessions: Sequence[Session]
    events: Sequence[SecurityEvent]


@dataclass(frozen=True, slots=True)
class PersonKeeping:
    """How persons are looked after. Each is named by its e-mail address or its id, `usr_…`."""

    work: PersonWork
    erasure: Erasure
    revocations: Revocations
    clock: Clock
    ids: Ids

    async def show(self, named: str) -> PersonView:
        """Return what is kept of a person. Raises `NotFound`, `ValidationFailed`."""
        async with self.work.begin() as changes:
            person = await _found(changes, named)
            memberships = await changes.memberships.of(person.id)
            profiles = await changes.memberships.organisations([each.organisation_id for each in memberships])
            sessions = await changes.sessions.of(person.id, self.clock.now())
            events = await changes.log.page(person.id, PageRequest("-at", EVENTS_SHOWN))
        names = {each.id: each.name for each in profiles}
        return PersonView(person, memberships, names, sessions, events.items)

    async def log_out(self, named: str, *, author: Author) -> tuple[int, int]:
        """End all sessions of a person, and all that it lets OAuth clients do; return how many those were.

        Raises `NotFound`, `ValidationFailed`.
        """
        now = self.clock.now()
        async with self.work.begin() as changes:
            person = await _found(changes, named)
        async with self.work.begin() as changes:
            grants = await end_grants(changes, self.ids, person.id, "sessions-ended", author=author, now=now)
            ended = await changes.sessions.end(person.id, now)
            for id in ended:
                details = {"session": id, "by": "operator"}
                await changes.log.record(SecurityEvent("session.ended", now, person.id, Origin(), details))
        await self.revocations.announce(*ended, *grants)
        return len(ended), len(grants)

    async def tidy(self) -> Removed:
        """Remove what is of no use any more, of all persons and organisations; return how much that was."""
        now, removed = self.clock.now(), Removed()
        while True:
            async with self.work.begin() as changes:
                gone = await changes.leftovers.remove(now, _REMOVED_AT_ONCE, with_those_of_organisations=True)
            removed += gone
            if gone.is_all(_REMOVED_AT_ONCE):
                return removed

    async def erase(self, named: str, *, author: Author) -> str:
        """Remove all that tells who a person was, and return its id. Raises `NotFound`, and as `Erasure` does."""
        async with self.work.begin() as changes:
            person = await _found(changes, named)
        await self.erasure.erase(person.id, author=author)
        return person.id


async def _found(changes: PersonChanges, named: str) -> RegisteredPerson:
    is_email = "@" in named
    people = changes.people
    person = await (people.by_email(normalised_email(named)) if is_email else people.by_id(named))
    if person is None:
        raise NotFound(f"There is no person {named!a}.")
    return person
