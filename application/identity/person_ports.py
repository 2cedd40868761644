"""Ports of what belongs to persons, and to no organisation."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Protocol

from application.identity.team_ports import GrantEndings, OrganisationProfile
from application.identity.tidying import Leftovers
from application.shared.pagination import Page, PageRequest
from domain.identity.person import Identity, RegisteredPerson
from domain.identity.role import Assignment
from domain.identity.session import Session
from domain.shared.chain import Author, Origin


class People(Protocol):
    """Persons, in a unit of work."""

    async def find(self, email: str) -> RegisteredPerson | None:
        """Return the person of this normalised address, or None, and hold nobody: it may be changed at any time."""
        ...

    async def by_email(self, email: str) -> RegisteredPerson | None:
        """Return the person of this normalised address, or None. Nobody else changes it until the work ends."""
        ...

    async def by_id(self, id: str) -> RegisteredPerson | None:
        """Return the person of this id, or None. Nobody else changes it until the work ends."""
        ...

    async def add(self, person: RegisteredPerson) -> bool:
        """Keep a new person; return False, and keep nothing, where someone else has the address."""
        ...

    async def change(self, person: RegisteredPerson) -> None:
        """Keep what a person has become."""
        ...


class Identities(Protocol):
    """By which names outside providers know persons, in a unit of work."""

    async def person_of(self, identity: Identity) -> str | None:
        """Return the id of the person that a provider knows by this name, or None."""
        ...

    async def add(self, identity: Identity, person_id: str, now: datetime) -> bool:
        """Keep that a person is known so; return False where someone already is."""
        ...

    async def forget(self, person_id: str) -> None:
        """Forget all that a person is known by."""
        ...


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A session by one of its refresh tokens, and whether that was used before."""

    session: Session
    is_used: bool


class Sessions(Protocol):
    """Sessions and their refresh tokens, in a unit of work."""

    async def keep(self, session: Session, *, used: bytes | None = None, token: bytes | None = None) -> None:
        """Keep a session that is new or was used, with the digests of a token that was used up and of a new one."""
        ...

    async def by_token(self, digest: bytes) -> RefreshToken | None:
        """Return the session of a refresh token, or None. Nobody else uses either until the work ends."""
        ...

    async def of(self, person_id: str, now: datetime) -> Sequence[Session]:
        """Return the sessions of a person that last, the one used last first."""
        ...

    async def end(
        self, person_id: str, now: datetime, *, only: str | None = None, but: str | None = None, beyond: int = 0
    ) -> Sequence[str]:
        """Revoke the sessions of a person that last; return their ids, to be announced after the commit.

        That is all of them, `only` one, all `but` one, or those `beyond` so many that were used last.
        """
        ...

    async def forget(self, person_id: str, *, ended_before: datetime | None = None) -> None:
        """Remove the sessions of a person: all, or those that ended before that time."""
        ...


class Purpose(Enum):
    """What a token that was sent by mail is for."""

    VERIFICATION = "verification"
    RESET = "reset"


class MailedTokens(Protocol):
    """Tokens that are sent by mail, in a unit of work; each can be used once."""

    async def add(self, digest: bytes, person_id: str, purpose: Purpose, now: datetime, expires_at: datetime) -> None:
        """Keep a token that was made for a person; those of the same purpose before are no good any more."""
        ...

    async def person_of(self, digest: bytes, purpose: Purpose, now: datetime) -> str | None:
        """Return the id of the person that a token which is still good is for, or None."""
        ...

    async def forget(self, person_id: str) -> None:
        """Forget all tokens of a person."""
        ...


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that happened to a person's log-in: `type` is `<noun>.<past verb>`. Times are UTC.

    `person_id` is None where nobody is known by the address that was tried, which is not kept.
    """

    type: str
    at: datetime
    person_id: str | None
    origin: Origin
    details: Mapping[str, Any] = field(default_factory=dict)


class SecurityLog(Protocol):
    """What happened to persons' log-ins, in a unit of work: no chain, and kept for a while only."""

    async def record(self, event: SecurityEvent) -> None:
        """Keep an event."""
        ...

    async def page(self, person_id: str, page: PageRequest) -> Page[SecurityEvent]:
        """Return a page of what happened to a person, the last first."""
        ...

    async def forget(self, person_id: str) -> None:
        """Remove all of a person, and from where its requests came."""
        ...


@dataclass(frozen=True, slots=True)
class Membership:
    """That a person is a member of an organisation since `joined_at` (UTC), and in which roles."""

    organisation_id: int
    assignments: tuple[Assignment, ...]
    joined_at: datetime


class Memberships(Protocol):
    """Of which organisations persons are members."""

    async def of(self, person_id: str) -> Sequence[Membership]:
        """Return a person's memberships, by the organisations' numbers."""
        ...

    async def organisations(self, ids: Sequence[int]) -> Sequence[OrganisationProfile]:
        """Return the organisations of these numbers, which there must be, in the same order."""
        ...

    async def forget_invitations(self, email: str) -> None:
        """Remove the invitations to this normalised address, of whichever organisation."""
        ...


class WhoPersonsAre(Protocol):
    """What is known of persons themselves, in a transaction of no organisation."""

    @property
    def people(self) -> People:
        """Return who there is."""
        ...

    @property
    def identities(self) -> Identities:
        """Return by which names outside providers know them."""
        ...

    @property
    def memberships(self) -> Memberships:
        """Return of which organisations they are members."""
        ...


class HowPersonsLogIn(Protocol):
    """What is known of persons' log-ins, in a transaction of no organisation."""

    @property
    def sessions(self) -> Sessions:
        """Return where they are logged in."""
        ...

    @property
    def mailed_tokens(self) -> MailedTokens:
        """Return what was sent to them."""
        ...

    @property
    def log(self) -> SecurityLog:
        """Return what happened to their log-ins."""
        ...


class PersonChanges(WhoPersonsAre, HowPersonsLogIn, Protocol):
    """One transaction over persons, of no organisation."""

    @property
    def leftovers(self) -> Leftovers:
        """Return what is of no use any more."""
        ...

    def grants_in(self, organisation_id: int) -> AbstractAsyncContextManager[GrantEndings]:
        """Open what persons let OAuth clients do in an organisation."""
        ...


class PersonWork(Protocol):
    """The one door to the stored state of persons."""

    def begin(self) -> AbstractAsyncContextManager[PersonChanges]:
        """Open one transaction; it commits on a clean exit. Raises `StoreUnavailable`, `CommitInDoubt`."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """Whether a password is right; `renewed` is a better hash of it, where the one that is kept is out of date."""

    is_right: bool
    renewed: str | None = None


class Passwords(Protocol):
    """How passwords are hashed: slowly, and a few at a time."""

    async def hash(self, password: str) -> str:
        """Return the hash to keep of a password. Raises `Overloaded`."""
        ...

    async def check(self, password: str, kept: str | None) -> CheckedPassword:
        """Compare a password with the hash that is kept of it; without one, take as long. Raises `Overloaded`."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """A mail of plain text; `to` is a normalised address."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server. `starttls` and `tls` check its certificate; without either, nothing is encrypted."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities_file: str | None = None


class MailNotSent(Exception):
    """A message could not be handed over; the text says why, and nothing of what was in it."""


class Mailer(Protocol):
    """Who delivers mail."""

    async def send(self, message: Message) -> None:
        """Hand a message over. Raises `MailNotSent`."""
        ...


class InvitationCheck(Protocol):
    """Who may register where one must be invited."""

    async def is_good(self, token: str, email: str) -> bool:
        """Whether the token is of an invitation that was sent to this normalised address and can still be accepted."""
        ...


class Leaving(Protocol):
    """How a person that is to be erased leaves its organisations."""

    async def leave_all(self, person_id: str, *, author: Author) -> None:
        """Leave every organisation, or raise why that cannot be: as the last owner of one. The author causes it."""
        ...
