"""Registering, and showing that an address is one's own."""

from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from application.identity.afterwards import Afterwards
from application.identity.letters import Letters
from application.identity.person_ports import (
    InvitationCheck,
    Message,
    Passwords,
    PersonChanges,
    PersonWork,
    Purpose,
    SecurityEvent,
)
from application.identity.ports import Secrets
from application.identity.refusals import RegistrationClosed, TokenNotGood
from application.shared.ports import Clock, Ids
from domain.identity.person import RegisteredPerson, normalised_email, prepared_password, require_good_password
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.identity.session import MAILED_TOKEN
from domain.shared.chain import Origin

VERIFICATION_LIVES: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Registration:
    """How persons register. Unless it `is_open`, they must have been invited."""

    work: PersonWork
    passwords: Passwords
    letters: Letters
    invitations: InvitationCheck
    clock: Clock
    ids: Ids
    secrets: Secrets
    is_open: bool
    common_passwords: Container[str]
    afterwards: Afterwards

    async def register(self, email: str, password: str, *, invitation: str | None, origin: Origin) -> None:
        """Register a person, whose address is still to be verified unless it was invited there.

        Whether someone is registered already shows in nothing but the mail that is sent: it is looked up afterwards,
        unless the person was invited, who can log in at once. A registration that was not verified is replaced.

        Raises `ValidationFailed`, `WeakPassword`, `RegistrationClosed`.
        """
        email = normalised_email(email)
        require_good_password(password, email, self.common_passwords)
        is_invited = invitation is not None and await self.invitations.is_good(invitation, email)
        if not is_invited and (invitation is not None or not self.is_open):
            raise RegistrationClosed("Only who was invited, to this e-mail address, can register with it.")
        password_hash = await self.passwords.hash(prepared_password(password))
        if is_invited:
            await self._enter(email, password_hash, origin, is_invited=True)
        else:
            self.afterwards.begin(lambda: self._enter(email, password_hash, origin, is_invited=False))

    async def _enter(self, email: str, password_hash: str, origin: Origin, *, is_invited: bool) -> None:
        now = self.clock.now()
        async with self.work.begin() as changes:
            person = RegisteredPerson(self.ids.new("usr"), email, password_hash, now if is_invited else None, now)
            letter = await self._register(changes, person, email, now)
            await changes.log.record(SecurityEvent("registration.asked", now, None, origin))
        if letter is not None:
            self.letters.post(letter)

    async def _register(
        self, changes: PersonChanges, person: RegisteredPerson, email: str, now: datetime
    ) -> Message | None:
        if not await changes.people.add(person):
            known = await changes.people.by_email(email)
            if known is None or known.email_verified_at is not None:
                return self.letters.already_registered(email)
            person = replace(known, password_hash=person.password_hash, email_verified_at=person.email_verified_at)
            await changes.people.change(person)
        if person.email_verified_at is not None:
            await changes.mailed_tokens.forget(person.id)
            return None
        token = MAILED_TOKEN.build(None, self.secrets.random_bytes(RANDOM_BYTES))
        ends = now + VERIFICATION_LIVES
        await changes.mailed_tokens.add(digest(token), person.id, Purpose.VERIFICATION, now, ends)
        return self.letters.verification(email, token)

    async def verify(self, token: str, password: str, *, origin: Origin) -> None:
        """Take an address for verified: who has the mail's token also knows the password that was registered.

        Without the password, one person could register another's address, and would share the account of the other
        who follows the mail. Raises `TokenNotGood`.
        """
        stored = digest(token)
        async with self.work.begin() as changes:
            id = await changes.mailed_tokens.person_of(stored, Purpose.VERIFICATION, self.clock.now())
            person = None if id is None else await changes.people.by_id(id)
        kept = None if person is None else person.password_hash
        checked = await self.passwords.check(prepared_password(password), kept)
        if person is None or not checked.is_right:
            raise TokenNotGood("The token is not good any more, or the password is not the one that was registered.")
        now = self.clock.now()
        async with self.work.begin() as changes:
            held = await changes.people.by_id(person.id)
            still = await changes.mailed_tokens.person_of(stored, Purpose.VERIFICATION, now)
            if held is None or still is None or held.password_hash != kept:
                raise TokenNotGood("The token is not good any more.")
            await changes.people.change(held.verified(now))
            await changes.mailed_tokens.forget(held.id)
            await changes.log.record(SecurityEvent("email.verified", now, held.id, origin))
