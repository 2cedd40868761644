"""Members: who they are, what they may do, and how they leave."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from application.identity.ports import Revocations
from application.identity.team_changes import TeamUseCases, by_itself, require_assignable, require_other_owner
from application.identity.team_ports import OrganisationProfile, PeopleLookup, Team, TeamChanges
from application.shared.expected_version import require_version
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import record_event
from domain.identity.member import LastOwner, Member, checked_assignments
from domain.identity.member_events import MemberChanged, MemberLeft, MemberRemoved
from domain.identity.role import Assignment, grants_of
from domain.shared.access import Permission, Person, Principal, lowers
from domain.shared.chain import Author
from domain.shared.errors import NotFound

_AT_A_TIME: Final = 100


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A member, and the address by which the others know who it is; one that was erased has none."""

    member: Member
    email: str | None


class MemberKeeping(TeamUseCases):
    """Who belongs to an organisation. What changes it holds the organisation's log, so that an owner is left."""

    def __init__(
        self, work: Work[Team, TeamChanges], clock: Clock, ids: Ids, revocations: Revocations, people: PeopleLookup
    ) -> None:
        super().__init__(work, clock, ids, revocations)
        self._people = people

    async def list(self, principal: Principal, page: PageRequest) -> Page[KnownMember]:
        """Return a page of the organisation's members. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.MEMBERS_READ) as team:
            found = await team.members.page(page)
        emails = await self._people.emails([member.person for member in found.items])
        return Page([KnownMember(member, emails.get(member.person)) for member in found.items], found.next_after)

    async def get(self, principal: Principal, person: str) -> KnownMember:
        """Return one member. Raises `PermissionDenied`, `NotFound`."""
        async with self._work.read(principal, Permission.MEMBERS_READ) as team:
            member = await _found(team, person)
        return await self._known(member)

    async def change(
        self,
        principal: Principal,
        person: str,
        assignments: Sequence[Assignment],
        *,
        version: int | None,
        request_id: str,
    ) -> KnownMember:
        """Give a member other roles, and return it; `version` is the one that is expected, None for any.

        The principal must itself have what the member had and what it gets. Raises `PermissionDenied`, `NotFound`,
        `VersionConflict`, `ValidationFailed`, `LastOwner`.
        """
        now = self._clock.now()
        async with self._work.begin(principal, Permission.MEMBERS_CHANGE, takes_away=True) as team:
            await team.log.hold()
            before = await _found(team, person, version)
            given = checked_assignments(assignments, await team.roles.all())
            await require_assignable(principal, team, before.assignments, given)
            after = before
            if given != before.assignments:
                roles = await team.roles.all()
                if not lowers(grants_of(before.assignments, roles), grants_of(given, roles)):
                    principal.require_writable(Permission.MEMBERS_CHANGE)
                after = replace(before, assignments=given, version=before.version + 1)
                if not after.is_owner:
                    await require_other_owner(team, before)
                await team.members.put(after)
                changed = MemberChanged(person, before.assignments, given)
                await record_event(team.log, self._ids, changed, principal.author(request_id), now)
        await self._revocations.announce(person)
        return await self._known(after)

    async def remove(self, principal: Principal, person: str, *, version: int | None, request_id: str) -> None:
        """Have a person be a member no more, and end what it let OAuth clients do.

        Raises `PermissionDenied`, also where the member is more than the principal is, `NotFound`, `VersionConflict`,
        `LastOwner`.
        """
        now = self._clock.now()
        async with self._work.begin(principal, Permission.MEMBERS_REMOVE) as team:
            await team.log.hold()
            member = await _found(team, person, version)
            await require_assignable(principal, team, member.assignments)
            await require_other_owner(team, member)
            ended = await _take_out(team, person, now)
            removed = MemberRemoved(person, member.assignments)
            await record_event(team.log, self._ids, removed, principal.author(request_id), now)
        await self._revocations.announce(person, *ended)

    async def leave(self, organisation_id: int, person: Person, *, request_id: str) -> None:
        """Have a person leave an organisation, which takes no permission, and end what it let OAuth clients do.

        Raises `NotFound`, `LastOwner`.
        """
        await self._leave(organisation_id, person, person.author(request_id))

    async def _leave(self, organisation_id: int, person: Person, author: Author) -> None:
        now = self._clock.now()
        async with self._work.begin(by_itself(organisation_id, person), Permission.MEMBERS_REMOVE) as team:
            await team.log.hold()
            member = await _found(team, person.id)
            await require_other_owner(team, member)
            ended = await _take_out(team, person.id, now)
            await record_event(team.log, self._ids, MemberLeft(person.id, member.assignments), author, now)
        await self._revocations.announce(person.id, *ended)

    async def leave_all(self, person_id: str, *, author: Author) -> None:
        """Have a person that is to be erased leave every organisation, as the author causes it.

        Raises `LastOwner`, which names those that it is the last owner of; then it leaves none, as far as can be seen.
        """
        person = Person(person_id, "")
        organisations = await self._all_of(person_id)
        owned = [each for each in organisations if await self._is_last_owner(each.id, person)]
        if owned:
            named = ", ".join(f"{each.id} ({each.name})" for each in owned)
            raise LastOwner(f"{person_id} is the only owner of these organisations: {named}. Hand them over first.")
        for organisation in organisations:
            with suppress(NotFound):  # where it was removed meanwhile
                await self._leave(organisation.id, person, author)

    async def _all_of(self, person_id: str) -> Sequence[OrganisationProfile]:
        found: list[OrganisationProfile] = []
        while page := await self._people.organisations_of(
            person_id, limit=_AT_A_TIME, after=found[-1].id if found else 0
        ):
            found += page
        return found

    async def _is_last_owner(self, organisation_id: int, person: Person) -> bool:
        async with self._work.read(by_itself(organisation_id, person), Permission.MEMBERS_READ) as team:
            member = await team.members.get(person.id)
            try:
                if member is not None:
                    await require_other_owner(team, member)
            except LastOwner:
                return True
        return False

    async def _known(self, member: Member) -> KnownMember:
        return KnownMember(member, (await self._people.emails([member.person])).get(member.person))


async def _take_out(team: TeamChanges, person: str, now: datetime) -> Sequence[str]:
    """Remove a member, and what it let OAuth clients do, so that nothing revives where it is invited again."""
    await team.members.remove(person)
    return [grant for grant, _ in await team.grants.end_all_of(person, now)]


async def _found(team: Team, person: str, version: int | None = None) -> Member:
    member = await team.members.get(person)
    if member is None:
        raise NotFound(f"{person!a} is not a member of the organisation.")
    require_version("The member", member.version, version)
    return member
