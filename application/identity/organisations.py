"""Organisations as their members and whoever runs the server see them: what they are called, and may have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from application.identity.create_organisation import checked_organisation_name
from application.identity.ports import Revocations
from application.identity.team_changes import TeamUseCases
from application.identity.team_ports import Founding, OrganisationProfile, PeopleLookup, Team, TeamChanges, Usage
from application.shared.expected_version import require_version
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import record_event
from domain.identity.events import OrganisationChanged, QuotasSet
from domain.identity.member import Member
from domain.identity.role import OWNER, Assignment
from domain.shared.access import Permission, Person, Principal
from domain.shared.errors import DomainError, ErrorKind, NotAuthenticated, NotFound, QuotaExceeded
from domain.shared.quotas import Quotas

FOUNDED_MAX: Final = 100


class FoundingClosed(DomainError):
    """On this server, whoever runs it makes organisations, and invites their first owners.

    With `PARTITA_REGISTRATION=open` everyone who has registered may make some.
    """

    code = "founding-closed"
    kind = ErrorKind.FORBIDDEN
    title = "Organisations are made by whoever runs this server"


@dataclass(frozen=True, slots=True)
class OrganisationStatus:
    """An organisation, and how much it has."""

    profile: OrganisationProfile
    usage: Usage


class OrganisationKeeping(TeamUseCases):
    """What organisations are called, may have and have; and how persons make them, where that is open to all."""

    def __init__(
        self,
        work: Work[Team, TeamChanges],
        clock: Clock,
        ids: Ids,
        revocations: Revocations,
        people: PeopleLookup,
        founding: Founding,
        is_open: bool,
        quotas: Quotas,
    ) -> None:
        """`is_open` says whether every person may make organisations, which begin with these quotas."""
        super().__init__(work, clock, ids, revocations)
        self._quotas = quotas
        self._people = people
        self._founding = founding
        self._is_open = is_open

    async def found(self, person: Person, name: str, *, request_id: str) -> OrganisationStatus:
        """Make an organisation whose owner the person is.

        Raises `FoundingClosed`, `ValidationFailed`, `QuotaExceeded` beyond 100 organisations of one person,
        `NotAuthenticated` where it was erased meanwhile.
        """
        if not self._is_open:
            raise FoundingClosed("Ask whoever runs this server to make an organisation, and to invite you to it.")
        now = self._clock.now()
        checked_organisation_name(name)
        if len(await self._people.organisations_of(person.id, limit=FOUNDED_MAX)) >= FOUNDED_MAX:
            raise QuotaExceeded(
                f"You are a member of {FOUNDED_MAX} organisations already: leave one, first.",
                facts={"quota": "organisations", "used": str(FOUNDED_MAX), "limit": str(FOUNDED_MAX)},
            )
        founder = Member(person.id, (Assignment(OWNER.name),), now)
        event_ids = (self._ids.new("evt"), self._ids.new("evt"), self._ids.new("evt"))
        author = person.author(request_id)
        id = await self._founding.found(name, founder, self._quotas, event_ids=event_ids, author=author, now=now)
        if id is None:
            raise NotAuthenticated("There is no such person any more.")
        return await self.show(Principal(id, person.id), id)

    async def of_person(self, person: Person, *, limit: int, after: int = 0) -> Sequence[OrganisationProfile]:
        """Return the organisations that the person is a member of, by number. Raises `StoreUnavailable`."""
        return await self._people.organisations_of(person.id, limit=limit, after=after)

    async def show(self, principal: Principal, id: int) -> OrganisationStatus:
        """Return the principal's organisation. Raises `PermissionDenied`; `NotFound` for any other."""
        _require_own(principal, id)
        async with self._work.read(principal, Permission.ORGANISATION_READ) as team:
            return await self._status(team)

    async def rename(
        self, principal: Principal, id: int, name: str, *, version: int | None, request_id: str
    ) -> OrganisationStatus:
        """Give the principal's organisation another name.

        Raises as `show` does, `ValidationFailed`, `VersionConflict`.
        """
        _require_own(principal, id)
        checked_organisation_name(name)
        now = self._clock.now()
        async with self._work.begin(principal, Permission.ORGANISATION_CHANGE) as team:
            await team.log.hold()
            before = await team.profile.get()
            require_version("The organisation", before.version, version)
            if name != before.name:
                await team.profile.rename(name, before.version + 1)
                changed = OrganisationChanged(before.name, name)
                await record_event(team.log, self._ids, changed, principal.author(request_id), now)
            return await self._status(team)

    async def set_quotas(self, operator: Principal, quotas: Quotas, *, request_id: str) -> OrganisationStatus:
        """Say how much an organisation may have, within ten seconds: for whoever runs the server, and nobody else."""
        now = self._clock.now()
        async with self._work.begin(operator, Permission.ORGANISATION_CHANGE) as team:
            await team.log.hold()
            before = (await team.profile.get()).quotas
            if quotas != before:
                await team.profile.set_quotas(quotas)
                await record_event(team.log, self._ids, QuotasSet(before, quotas), operator.author(request_id), now)
            return await self._status(team)

    async def _status(self, team: Team) -> OrganisationStatus:
        profile = await team.profile.get()
        usage = await team.profile.usage(self._clock.now(), has_metering=profile.quotas.storage_bytes is not None)
        return OrganisationStatus(profile, usage)


def _require_own(principal: Principal, id: int) -> None:
    if id != principal.organisation_id:
        raise NotFound(f"There is no organisation {id} here.")
