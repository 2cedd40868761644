"""Ports of an organisation's team: its members, those who are invited, its roles, and what it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.shared.pagination import Page, PageRequest
from application.shared.ports import OrganisationLog
from domain.identity.invitation import Invitation
from domain.identity.member import Member
from domain.identity.role import Role
from domain.shared.chain import Author
from domain.shared.quotas import Quotas


@dataclass(frozen=True, slots=True)
class Usage:
    """How much an organisation has; its logs in bytes as last metered, and only where it has a quota of them."""

    ledgers: int
    api_keys: int
    members: int
    storage_bytes: int | None


@dataclass(frozen=True, slots=True)
class OrganisationProfile:
    """An organisation as its members see it; `version` counts changes of its name. Times are UTC."""

    id: int
    name: str
    created_at: datetime
    version: int
    quotas: Quotas


class Members(Protocol):
    """The members of an organisation, inside one unit of work."""

    async def page(self, page: PageRequest) -> Page[Member]:
        """Return a page of the members by `id`."""
        ...

    async def get(self, person: str) -> Member | None:
        """Return the member that the person (`usr_…`) is, or None."""
        ...

    async def with_role(self, role: str, *, without: str | None = None) -> Sequence[str]:
        """Return the persons who have the role, but for one of them."""
        ...

    async def put(self, member: Member) -> None:
        """Keep a member, new or changed."""
        ...

    async def remove(self, person: str) -> None:
        """Erase a member."""
        ...


class InvitationReads(Protocol):
    """What can be read of the invitations of an organisation that can be accepted."""

    async def page(self, page: PageRequest) -> Page[Invitation]:
        """Return a page of the invitations by `id`; those whose time is over, too, as long as they are kept."""
        ...

    async def find(self, *, id: str | None = None, digest: bytes | None = None) -> Invitation | None:
        """Return the invitation of this id, or of this digest, or None."""
        ...

    async def of_email(self, email: str) -> Invitation | None:
        """Return the invitation that was sent to an address, or None."""
        ...

    async def with_role(self, role: str, now: datetime) -> int:
        """Return how many that can be accepted offer the role."""
        ...


class Invitations(InvitationReads, Protocol):
    """The invitations of an organisation that can be accepted, inside one unit of work that changes them."""

    async def add(self, invitation: Invitation, digest: bytes) -> None:
        """Keep a new invitation."""
        ...

    async def erase(self, id: str) -> None:
        """Erase an invitation, and the address in it."""
        ...

    async def verified_email(self, person: str) -> str | None:
        """Return the address that a person has shown to be its own, or None, as for one that was erased.

        Nobody erases the person until the unit of work ends.
        """
        ...

    async def erase_expired(self, now: datetime) -> None:
        """Erase those whose time is over."""
        ...

    async def count(self) -> int:
        """Return how many there are."""
        ...


class Roles(Protocol):
    """The roles that an organisation made itself, inside one unit of work."""

    async def all(self) -> Mapping[str, Role]:
        """Return all of them by name."""
        ...

    async def put(self, role: Role) -> None:
        """Keep a role, new or changed."""
        ...

    async def delete(self, name: str) -> None:
        """Erase a role."""
        ...


class Profile(Protocol):
    """What an organisation is called, and may have, inside one unit of work."""

    async def get(self) -> OrganisationProfile:
        """Return it."""
        ...

    async def usage(self, now: datetime, *, has_metering: bool) -> Usage:
        """Return how much the organisation has."""
        ...

    async def rename(self, name: str, version: int) -> None:
        """Keep another name."""
        ...

    async def set_quotas(self, quotas: Quotas) -> None:
        """Keep other quotas."""
        ...


class GrantEndings(Protocol):
    """What persons let OAuth clients do in an organisation, inside one unit of work."""

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log, which is held before grants end."""
        ...

    async def end_all_of(self, person: str, now: datetime) -> Sequence[tuple[str, str]]:
        """End all grants of a person that hold; return the ids of each and of its client."""
        ...


class Team(Protocol):
    """What can be read of an organisation's team."""

    @property
    def members(self) -> Members:
        """Return its members."""
        ...

    @property
    def invitations(self) -> InvitationReads:
        """Return its invitations."""
        ...

    @property
    def roles(self) -> Roles:
        """Return its own roles."""
        ...

    @property
    def profile(self) -> Profile:
        """Return what it is called."""
        ...


class TeamChanges(Team, Protocol):
    """One transaction that changes an organisation's team."""

    @property
    def invitations(self) -> Invitations:
        """Return its invitations."""
        ...

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log, which is the lock of its team as well."""
        ...

    @property
    def grants(self) -> GrantEndings:
        """Return what its members let OAuth clients do."""
        ...


class Founding(Protocol):
    """Where organisations come into being together with their first owner."""

    async def found(
        self,
        name: str,
        founder: Member,
        quotas: Quotas,
        *,
        event_ids: tuple[str, str, str],
        author: Author,
        now: datetime,
    ) -> int | None:
        """Create an organisation, its quotas and its first member, and return its number.

        An event tells of each, and none of quotas where there are none. None, and nothing is made, where the founder
        was erased; nobody erases it meanwhile.
        """
        ...


class PeopleLookup(Protocol):
    """What is known of persons, who belong to no organisation, to those who know their ids or their addresses."""

    async def emails(self, persons: Sequence[str]) -> Mapping[str, str]:
        """Return the e-mail addresses of persons by id; an erased one has none."""
        ...

    async def person_of(self, email: str) -> str | None:
        """Return who has shown that this address is its own, or None."""
        ...

    async def organisations_of(self, person: str, *, limit: int, after: int = 0) -> Sequence[OrganisationProfile]:
        """Return the organisations that a person is a member of, by number, from after that one on."""
        ...
