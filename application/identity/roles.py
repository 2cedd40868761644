"""Roles of an organisation's own: made, changed and deleted."""

from collections.abc import Sequence

from application.identity.team_changes import TeamUseCases
from application.shared.expected_version import require_version
from application.shared.recording import record_event
from domain.identity.member_events import RoleChanged, RoleCreated, RoleDeleted
from domain.identity.role import BUILT_IN_ROLES, ROLES_MAX, Role, RoleInUse, checked_role
from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import NotFound, PreconditionRequired, QuotaExceeded, ValidationFailed, VersionConflict


class RoleKeeping(TeamUseCases):
    """Which roles there are."""

    async def list(self, principal: Principal) -> Sequence[Role]:
        """Return all roles, the built-in ones first. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.ROLES_READ) as team:
            own = await team.roles.all()
        return [*BUILT_IN_ROLES.values(), *(own[name] for name in sorted(own))]

    async def get(self, principal: Principal, name: str) -> Role:
        """Return one role. Raises `PermissionDenied`, `NotFound`."""
        async with self._work.read(principal, Permission.ROLES_READ) as team:
            return _found({**BUILT_IN_ROLES, **await team.roles.all()}.get(name), name)

    async def put(
        self,
        principal: Principal,
        name: str,
        description: str,
        permissions: Sequence[str],
        *,
        version: int | None,
        replaces: bool,
        request_id: str,
    ) -> Role:
        """Make a role, or change one if `replaces`; `version` is the one that is expected then, None for any.

        The principal must itself have, everywhere, what the role allowed before and what it allows then. Raises
        `PermissionDenied`, `ValidationFailed`, `PreconditionRequired` for a role that is there,
        `VersionConflict`, `QuotaExceeded` beyond 100 roles.
        """
        now = self._clock.now()
        role = checked_role(name, description, permissions, 1)
        async with self._work.begin(principal, Permission.ROLES_CHANGE, takes_away=True) as team:
            await team.log.hold()
            own = await team.roles.all()
            before = own.get(name)
            if before is None or not role.permissions < before.permissions:
                principal.require_writable(Permission.ROLES_CHANGE)
            if before is None and replaces:
                raise VersionConflict(f"There is no role {name!r} to change: leave out If-Match to make one.")
            if before is not None and not replaces:
                raise PreconditionRequired(
                    f"There is a role {name!r} already: to change it, send its ETag as If-Match."
                )
            if before is None:
                _require_another(len(own))
                principal.require_grantable([Grant(role.permissions)])
                await team.roles.put(role)
                await record_event(team.log, self._ids, RoleCreated(role), principal.author(request_id), now)
                return role
            require_version("The role", before.version, version)
            principal.require_grantable([Grant(before.permissions), Grant(role.permissions)])
            role = Role(name, description, role.permissions, before.version + 1)
            if role.data() == before.data():
                return before
            await team.roles.put(role)
            await record_event(team.log, self._ids, RoleChanged(before, role), principal.author(request_id), now)
            concerned = await team.members.with_role(name)
        await self._revocations.announce(*concerned)
        return role

    async def delete(self, principal: Principal, name: str, *, version: int | None, request_id: str) -> None:
        """Delete a role that nobody has. Raises as `put` does, and `RoleInUse`."""
        now = self._clock.now()
        if name in BUILT_IN_ROLES:
            raise ValidationFailed(f"{name} is a built-in role, which every organisation has.")
        async with self._work.begin(principal, Permission.ROLES_CHANGE, takes_away=True) as team:
            await team.log.hold()
            role = _found((await team.roles.all()).get(name), name)
            require_version("The role", role.version, version)
            principal.require_grantable([Grant(role.permissions)])
            members = len(await team.members.with_role(name))
            invited = await team.invitations.with_role(name, now)
            if members or invited:
                raise RoleInUse(
                    f"{members:,} members have the role {name}, and {invited:,} invitations offer it: give the members "
                    "another one, and revoke the invitations, first."
                )
            await team.roles.delete(name)
            await record_event(team.log, self._ids, RoleDeleted(role), principal.author(request_id), now)


def _found(role: Role | None, name: str) -> Role:
    if role is None:
        raise NotFound(f"There is no role {name!r}.")
    return role


def _require_another(count: int) -> None:
    if count >= ROLES_MAX:
        raise QuotaExceeded(
            f"An organisation has at most {ROLES_MAX} roles of its own: delete one that nobody has.",
            facts={"quota": "roles", "used": str(count), "limit": str(ROLES_MAX)},
        )
