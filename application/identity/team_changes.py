"""What all changes of a team have in common."""

from collections.abc import Iterable

from application.identity.ports import Revocations
from application.identity.team_ports import Team, TeamChanges
from application.shared.ports import Clock, Ids, Work
from domain.identity.member import LastOwner, Member
from domain.identity.role import OWNER, Assignment, grants_of
from domain.shared.access import FULL_ACCESS, Person, Principal


class TeamUseCases:
    """The beginnings of use-cases of a team: what they stand on."""

    def __init__(self, work: Work[Team, TeamChanges], clock: Clock, ids: Ids, revocations: Revocations) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._revocations = revocations


async def require_assignable(principal: Principal, team: Team, *assignments: Iterable[Assignment]) -> None:
    """Return if the principal may give, or take away, all that these come to; else raise `PermissionDenied`.

    So nobody makes a member more than oneself is, and nobody takes anything from a member who is more.
    """
    roles = await team.roles.all()
    for each in assignments:
        principal.require_grantable(grants_of(each, roles))


async def require_other_owner(team: Team, member: Member) -> None:
    """Return unless the member is the last owner; else raise `LastOwner`. The log must be held."""
    if member.is_owner and not await team.members.with_role(OWNER.name, without=member.person):
        raise LastOwner(f"{member.person} is the only owner of the organisation: make someone else an owner first.")


def by_itself(organisation_id: int, person: Person) -> Principal:
    """Return a person as it joins or leaves an organisation: that takes no permission of the organisation's."""
    return Principal(organisation_id, person.id, FULL_ACCESS, person.session)
