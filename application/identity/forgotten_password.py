"""A password that was forgotten, and another in its place."""

from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from application.identity.afterwards import Afterwards
from application.identity.grant_endings import end_grants
from application.identity.letters import Letters
from application.identity.person_ports import Passwords, PersonWork, Purpose, SecurityEvent
from application.identity.ports import Revocations, Secrets
from application.identity.refusals import TokenNotGood
from application.shared.ports import Clock, Ids
from domain.identity.person import normalised_email, prepared_password, require_good_password
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.identity.session import MAILED_TOKEN
from domain.shared.chain import Author, Origin

RESET_LIVES: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ForgottenPassword:
    """How a person gets in again that can read its mail."""

    work: PersonWork
    passwords: Passwords
    letters: Letters
    revocations: Revocations
    clock: Clock
    ids: Ids
    secrets: Secrets
    common_passwords: Container[str]
    afterwards: Afterwards

    def ask(self, email: str, *, origin: Origin) -> None:
        """Send a token to the address, if someone is registered with it, which shows in nothing else.

        Whether there is someone is looked up afterwards: not even the time that this takes tells of it. Raises
        `ValidationFailed`.
        """
        email = normalised_email(email)
        self.afterwards.begin(lambda: self._send_token(email, origin))

    async def _send_token(self, email: str, origin: Origin) -> None:
        now = self.clock.now()
        token = MAILED_TOKEN.build(None, self.secrets.random_bytes(RANDOM_BYTES))
        async with self.work.begin() as changes:
            person = await changes.people.by_email(email)
            if person is not None:
                ends = now + RESET_LIVES
                await changes.mailed_tokens.add(digest(token), person.id, Purpose.RESET, now, ends)
            asked = SecurityEvent("password.reset_asked", now, None if person is None else person.id, origin)
            await changes.log.record(asked)
        if person is not None:
            self.letters.post(self.letters.reset(email, token))

    async def reset(self, token: str, password: str, *, origin: Origin, request_id: str) -> None:
        """Set a password with the token of a mail, which shows that the address is the person's.

        All its sessions end, and all that it lets OAuth clients do. Raises `TokenNotGood`, `WeakPassword`.
        """
        stored = digest(token)
        async with self.work.begin() as changes:
            id = await changes.mailed_tokens.person_of(stored, Purpose.RESET, self.clock.now())
            person = None if id is None else await changes.people.by_id(id)
        if person is None or person.email is None:
            raise TokenNotGood("The token is wrong, was used before, or is too old: ask for another.")
        require_good_password(password, person.email, self.common_passwords)
        password_hash = await self.passwords.hash(prepared_password(password))
        now, author = self.clock.now(), Author(person.id, request_id, origin)
        async with self.work.begin() as changes:
            grants = await end_grants(changes, self.ids, person.id, "password-reset", author=author, now=now)
            held = await changes.people.by_id(person.id)
            still = await changes.mailed_tokens.person_of(stored, Purpose.RESET, now)
            if held is None or held.email is None or still is None:
                raise TokenNotGood("The token was used meanwhile.")
            await changes.people.change(replace(held.verified(now), password_hash=password_hash))
            await changes.mailed_tokens.forget(held.id)
            ended = await changes.sessions.end(held.id, now)
            await changes.log.record(SecurityEvent("password.reset", now, held.id, origin))
        await self.revocations.announce(*ended, *grants)
        self.letters.post(self.letters.password_changed(held.email))
