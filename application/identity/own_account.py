"""What persons do with their own account: sessions, password, what happened, and the end of it."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from application.identity.erasure import Erasure
from application.identity.grant_endings import end_grants
from application.identity.letters import Letters
from application.identity.person_ports import (
    Membership,
    Passwords,
    PersonWork,
    SecurityEvent,
)
from application.identity.ports import Revocations
from application.identity.refusals import WrongPassword
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids
from domain.identity.person import RegisteredPerson, prepared_password, require_good_password
from domain.identity.session import Session
from domain.shared.access import Person
from domain.shared.chain import Author, Origin
from domain.shared.errors import NotAuthenticated, NotFound

# Who has no password confirms an erasure by having logged in a moment ago.
JUST_LOGGED_IN: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """A person, and the organisations that it is a member of, each with its name."""

    person: RegisteredPerson
    memberships: Sequence[tuple[Membership, str]]


class OwnAccounts:
    """The accounts of those who have logged in."""

    def __init__(
        self,
        work: PersonWork,
        passwords: Passwords,
        letters: Letters,
        erasure: Erasure,
        revocations: Revocations,
        clock: Clock,
        ids: Ids,
        common_passwords: Container[str],
    ) -> None:
        self._work = work
        self._passwords = passwords
        self._letters = letters
        self._erasure = erasure
        self._revocations = revocations
        self._clock = clock
        self._ids = ids
        self._common_passwords = common_passwords

    async def account(self, who: Person) -> OwnAccount:
        """Return what is kept of the person itself."""
        async with self._work.begin() as changes:
            person = _existing(await changes.people.by_id(who.id))
            memberships = await changes.memberships.of(who.id)
            found = await changes.memberships.organisations([each.organisation_id for each in memberships])
        return OwnAccount(person, [(each, of.name) for each, of in zip(memberships, found, strict=True)])

    async def sessions(self, who: Person) -> Sequence[Session]:
        """Return the person's sessions that last, the one used last first; at most 100 are kept."""
        async with self._work.begin() as changes:
            return await changes.sessions.of(who.id, self._clock.now())

    async def end_session(self, who: Person, id: str, *, origin: Origin) -> None:
        """End one of the person's sessions. Raises `NotFound`."""
        if await self._end(who, origin, only=id) == 0:
            raise NotFound(f"There is no session {id!r} that lasts.")

    async def end_other_sessions(self, who: Person, *, origin: Origin) -> None:
        """End all of the person's sessions but the one that asks for it; what OAuth clients may do stays."""
        await self._end(who, origin, but=who.session)

    async def end_everything(self, who: Person, *, origin: Origin, request_id: str) -> None:
        """End all of the person's sessions, and all that it lets OAuth clients do."""
        now, author = self._clock.now(), who.author(request_id)
        async with self._work.begin() as changes:
            grants = await end_grants(changes, self._ids, who.id, "sessions-ended", author=author, now=now)
            ended = await changes.sessions.end(who.id, now)
            for id in ended:
                await changes.log.record(SecurityEvent("session.ended", now, who.id, origin, {"session": id}))
        await self._revocations.announce(*ended, *grants)

    async def change_password(self, who: Person, current: str, new: str, *, origin: Origin, request_id: str) -> None:
        """Set another password, and end all other sessions and all that the person lets OAuth clients do.

        Raises `WrongPassword`, `WeakPassword`.
        """
        person = await self._confirmed(who, current, pointer="/current_password")
        assert person.email is not None
        require_good_password(new, person.email, self._common_passwords, pointer="/new_password")
        password_hash = await self._passwords.hash(prepared_password(new))
        now, author = self._clock.now(), who.author(request_id)
        async with self._work.begin() as changes:
            # An intruder who has known the password may have let a client in, which would stay.
            grants = await end_grants(changes, self._ids, who.id, "password-changed", author=author, now=now)
            held = _existing(await changes.people.by_id(who.id))
            if held.password_hash != person.password_hash:
                raise WrongPassword(
                    "The password was changed meanwhile: send the new one.", pointer="/current_password"
                )
            await changes.people.change(replace(held, password_hash=password_hash))
            ended = await changes.sessions.end(who.id, now, but=who.session)
            await changes.mailed_tokens.forget(who.id)
            await changes.log.record(SecurityEvent("password.changed", now, who.id, origin))
        await self._revocations.announce(*ended, *grants)
        self._letters.post(self._letters.password_changed(person.email))

    async def security_log(self, who: Person, page: PageRequest) -> Page[SecurityEvent]:
        """Return a page of what happened to the person's log-ins in the last 90 days, the last first."""
        async with self._work.begin() as changes:
            return await changes.log.page(who.id, page)

    async def erase(self, who: Person, password: str | None, *, request_id: str) -> None:
        """Remove all that tells who the person was, as `Erasure` does.

        Raises `WrongPassword`, and what hinders it to leave its organisations.
        """
        await self._confirmed(who, password, pointer="/password")
        await self._erasure.erase(who.id, author=Author(who.id, request_id))

    async def _confirmed(self, who: Person, password: str | None, *, pointer: str) -> RegisteredPerson:
        now = self._clock.now()
        async with self._work.begin() as changes:
            person = _existing(await changes.people.by_id(who.id))
            own = [each for each in await changes.sessions.of(who.id, now) if each.id == who.session]
        if person.password_hash is None:
            if pointer == "/current_password":
                raise WrongPassword("There is no password: ask for one by mail, as if it was forgotten.")
            if not own or now - own[0].created_at > JUST_LOGGED_IN:
                raise WrongPassword("Without a password, this takes a session that began just now: log in again.")
            return person
        checked = await self._passwords.check(prepared_password(password or ""), person.password_hash)
        if not checked.is_right:
            raise WrongPassword(
                "This is not your password: send the current one, or ask for another by mail.", pointer=pointer
            )
        return person

    async def _end(self, who: Person, origin: Origin, *, only: str | None = None, but: str | None = None) -> int:
        now = self._clock.now()
        async with self._work.begin() as changes:
            ended = await changes.sessions.end(who.id, now, only=only, but=but)
            for id in ended:
                await changes.log.record(SecurityEvent("session.ended", now, who.id, origin, {"session": id}))
        await self._revocations.announce(*ended)
        return len(ended)


def _existing(person: RegisteredPerson | None) -> RegisteredPerson:
    if person is None or person.erased_at is not None:
        raise NotAuthenticated("There is no such person any more.")
    return person
