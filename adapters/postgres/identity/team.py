"""An organisation's members, invitations, roles and name, inside one unit of work."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import invitations, members, roles
from adapters.postgres.identity.grants import PostgresGrantEndings
from adapters.postgres.identity.held_persons import held_verified_email
from adapters.postgres.identity.keys import working_keys
from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.identity.quotas import ledgers_used, used_bytes
from adapters.postgres.identity.standings import own_roles
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import organisations
from application.identity.team_ports import OrganisationProfile, Usage
from application.shared.pagination import Page, PageRequest
from domain.identity.invitation import Invitation
from domain.identity.member import Member, assignments_data
from domain.identity.role import Assignment, Role
from domain.shared.quotas import Quotas


class PostgresTeam:
    """What can be read and changed of one organisation's team, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self.log = PostgresOrganisationLog(connection, organisation_id)
        self.members = PostgresMembers(connection, organisation_id)
        self.invitations = PostgresInvitations(connection, organisation_id)
        self.roles = PostgresRoles(connection, organisation_id)
        self.profile = PostgresProfile(connection, organisation_id)
        self.grants = PostgresGrantEndings(connection, organisation_id)


class PostgresMembers:
    """The members of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ours = members.c.organisation_id == organisation_id

    async def page(self, page: PageRequest) -> Page[Member]:
        rows, after = await page_by_id(
            self._connection, members, "person_id", self._organisation_id, page, prefix="usr"
        )
        return Page([_member(row) for row in rows], after)

    async def get(self, person: str) -> Member | None:
        query = select(members).where(self._ours, members.c.person_id == stored_id("usr", person))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _member(row)

    async def with_role(self, role: str, *, without: str | None = None) -> Sequence[str]:
        query = select(members.c.person_id).where(self._ours, members.c.assignments.contains([{"role": role}]))
        if without is not None:
            query = query.where(members.c.person_id != stored_id("usr", without))
        return [outward_id("usr", id) for id in (await self._connection.execute(query)).scalars()]

    async def put(self, member: Member) -> None:
        values = {"assignments": assignments_data(member.assignments), "version": member.version}
        await self._connection.execute(
            insert(members)
            .values(
                organisation_id=self._organisation_id,
                person_id=stored_id("usr", member.person),
                joined_at=member.joined_at,
                **values,
            )
            .on_conflict_do_update(index_elements=["organisation_id", "person_id"], set_=values)
        )

    async def remove(self, person: str) -> None:
        await self._connection.execute(
            delete(members).where(self._ours, members.c.person_id == stored_id("usr", person))
        )


class PostgresInvitations:
    """The invitations of an organisation that can be accepted."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ours = invitations.c.organisation_id == organisation_id

    async def page(self, page: PageRequest) -> Page[Invitation]:
        rows, after = await page_by_id(self._connection, invitations, "id", self._organisation_id, page, prefix="inv")
        return Page([_invitation(row) for row in rows], after)

    async def find(self, *, id: str | None = None, digest: bytes | None = None) -> Invitation | None:
        wanted = invitations.c.digest == digest if id is None else invitations.c.id == stored_id("inv", id)
        return await self._one(wanted)

    async def of_email(self, email: str) -> Invitation | None:
        return await self._one(invitations.c.email == email)

    async def with_role(self, role: str, now: datetime) -> int:
        query = select(func.count()).where(
            self._ours, invitations.c.expires_at > now, invitations.c.assignments.contains([{"role": role}])
        )
        return (await self._connection.execute(query)).scalar_one()

    async def add(self, invitation: Invitation, digest: bytes) -> None:
        await self._connection.execute(
            insert(invitations).values(
                organisation_id=self._organisation_id,
                id=stored_id("inv", invitation.id),
                digest=digest,
                email=invitation.email,
                assignments=assignments_data(invitation.assignments),
                invited_by=invitation.invited_by,
                created_at=invitation.created_at,
                expires_at=invitation.expires_at,
            )
        )

    async def erase(self, id: str) -> None:
        await self._connection.execute(delete(invitations).where(self._ours, invitations.c.id == stored_id("inv", id)))

    async def verified_email(self, person: str) -> str | None:
        return await held_verified_email(self._connection, person)

    async def erase_expired(self, now: datetime) -> None:
        await self._connection.execute(delete(invitations).where(self._ours, invitations.c.expires_at <= now))

    async def count(self) -> int:
        return (await self._connection.execute(select(func.count()).where(self._ours))).scalar_one()

    async def _one(self, wanted: Any) -> Invitation | None:
        row = (await self._connection.execute(select(invitations).where(self._ours, wanted))).mappings().one_or_none()
        return None if row is None else _invitation(row)


class PostgresRoles:
    """The roles that an organisation made itself."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def all(self) -> Mapping[str, Role]:
        return await own_roles(self._connection, self._organisation_id)

    async def put(self, role: Role) -> None:
        values = {
            "description": role.description,
            "permissions": sorted(each.value for each in role.permissions),
            "version": role.version,
        }
        await self._connection.execute(
            insert(roles)
            .values(organisation_id=self._organisation_id, name=role.name, **values)
            .on_conflict_do_update(index_elements=["organisation_id", "name"], set_=values)
        )

    async def delete(self, name: str) -> None:
        await self._connection.execute(
            delete(roles).where(roles.c.organisation_id == self._organisation_id, roles.c.name == name)
        )


class PostgresProfile:
    """What an organisation is called, and may have."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ours = organisations.c.id == organisation_id

    async def get(self) -> OrganisationProfile:
        row = (await self._connection.execute(select(organisations).where(self._ours))).mappings().one()
        return profile_of(row)

    async def usage(self, now: datetime, *, has_metering: bool) -> Usage:
        count = select(func.count()).where(members.c.organisation_id == self._organisation_id)
        return Usage(
            ledgers=await ledgers_used(self._connection, self._organisation_id),
            api_keys=await working_keys(self._connection, self._organisation_id, now),
            members=(await self._connection.execute(count)).scalar_one(),
            storage_bytes=await used_bytes(self._connection, self._organisation_id) if has_metering else None,
        )

    async def rename(self, name: str, version: int) -> None:
        await self._connection.execute(update(organisations).where(self._ours).values(name=name, version=version))

    async def set_quotas(self, quotas: Quotas) -> None:
        limited = {name: quota for name, quota in quotas.data().items() if quota is not None}
        await self._connection.execute(update(organisations).where(self._ours).values(quotas=cast(limited, JSONB)))


def profile_of(row: RowMapping) -> OrganisationProfile:
    """Return the organisation that a row is."""
    return OrganisationProfile(row["id"], row["name"], row["created_at"], row["version"], Quotas.of(row["quotas"]))


def _member(row: RowMapping) -> Member:
    assignments = tuple(map(Assignment.of, row["assignments"]))
    return Member(outward_id("usr", row["person_id"]), assignments, row["joined_at"], row["version"])


def _invitation(row: RowMapping) -> Invitation:
    return Invitation(
        outward_id("inv", row["id"]),
        row["email"],
        tuple(map(Assignment.of, row["assignments"])),
        row["invited_by"],
        row["created_at"],
        row["expires_at"],
    )
