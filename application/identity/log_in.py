"""Logging in: who it is, first, and then tokens for the session that began."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from application.identity.person_ports import (
    Membership,
    Passwords,
    PersonChanges,
    PersonWork,
    SecurityEvent,
)
from application.identity.ports import Revocations, Secrets
from application.identity.refusals import log_in_refused, session_over
from application.identity.tidying import SECURITY_LOG_KEPT
from application.identity.token_ports import ACCESS_TOKENS_LIVE, AccessClaims, AccessTokens
from application.shared.ports import Clock, Ids
from domain.identity.person import (
    PASSWORD_LENGTH_MAX,
    Identity,
    RegisteredPerson,
    normalised_email,
    prepared_password,
)
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.identity.session import SESSION_TOKEN, SESSIONS_MAX, Session
from domain.shared.chain import Origin
from domain.shared.errors import PermissionDenied

_REMOVED_EACH: Final = 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has just begun, by outward ids: `usr_…`, `ses_…`."""

    person_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a session is used with; both are shown this once. `organisation_id` is whom the access token is for."""

    access_token: str
    lives: timedelta
    refresh_token: str
    session_id: str
    organisation_id: int | None


class LogIn:
    """How persons log in, and go on with it."""

    def __init__(
        self,
        work: PersonWork,
        passwords: Passwords,
        tokens: AccessTokens,
        revocations: Revocations,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
    ) -> None:
        self._work = work
        self._passwords = passwords
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock
        self._ids = ids
        self._secrets = secrets

    async def log_in(
        self, email: str, password: str, *, organisation_id: int | None = None, origin: Origin
    ) -> IssuedTokens:
        """Begin a session, and return tokens for it.

        The access token is for the organisation that is named, by default for the one that the person is a member of
        if that is only one. Raises `ValidationFailed`, `NotAuthenticated`, `PermissionDenied`.
        """
        person, renewed = await self._known(email, password, origin)
        async with self._work.begin() as changes:
            organisation = _chosen(await changes.memberships.of(person.id), person.id, organisation_id)
        signed_in = await self._begin(person, renewed, origin, "password")
        return await self._issued(signed_in, organisation)

    async def sign_in(self, email: str, password: str, *, origin: Origin) -> SignedIn:
        """Begin a session of the person who shows this password. Raises `ValidationFailed`, `NotAuthenticated`.

        It takes as long, and says the same, whether the address, the password or its verification is what is missing.
        """
        person, renewed = await self._known(email, password, origin)
        return await self._begin(person, renewed, origin, "password")

    async def sign_in_by_identity(
        self, issuer: str, subject: str, email: str | None, email_verified: bool, *, origin: Origin
    ) -> SignedIn:
        """Begin a session of the person whom a provider, which this server trusts, knows by this name.

        Whom the provider shows for the first time is the person with the address that it has verified, and a new one
        where there is none: the provider decides who has an account. Raises `ValidationFailed`, `NotAuthenticated`.
        """
        identity = Identity(issuer, subject)
        now = self._clock.now()
        async with self._work.begin() as changes:
            known = await changes.identities.person_of(identity)
            person = None if known is None else await changes.people.by_id(known)
            if person is None:
                if email is None or not email_verified:
                    await changes.log.record(SecurityEvent("login.failed", now, None, origin))
                else:
                    person = await self._linked(changes, identity, normalised_email(email), now, origin)
        if person is None:
            raise log_in_refused()
        return await self._begin(person, None, origin, "identity")

    async def _linked(
        self, changes: PersonChanges, identity: Identity, email: str, now: datetime, origin: Origin
    ) -> RegisteredPerson:
        person = RegisteredPerson(self._ids.new("usr"), email, None, now, now)
        if not await changes.people.add(person):
            found = await changes.people.by_email(email)
            if found is None:
                raise log_in_refused()  # the address was given up in this very moment
            # Whoever registered the address without verifying it may not be its owner, and must not know a way in.
            person = found if found.email_verified_at else replace(found.verified(now), password_hash=None)
            await changes.people.change(person)
        if not await changes.identities.add(identity, person.id, now):
            raise log_in_refused()  # someone else linked it in this very moment: the next attempt finds that
        await changes.log.record(SecurityEvent("identity.linked", now, person.id, origin, {"issuer": identity.issuer}))
        return person

    async def refresh(self, token: str, *, organisation_id: int | None = None, origin: Origin) -> IssuedTokens:
        """Use a refresh token up, and return new tokens for its session.

        One that was used before is in two hands: its session ends, whoever shows it. Raises `NotAuthenticated`,
        `PermissionDenied`, for which it is not used up.
        """
        stored = digest(token)
        now = self._clock.now()
        async with self._work.begin() as changes:
            shown = await changes.sessions.by_token(stored)
            memberships = [] if shown is None else await changes.memberships.of(shown.session.person_id)
        if shown is None or not shown.session.lasts(now):
            raise session_over()
        session = shown.session
        made, access = "", ""
        if not shown.is_used:
            # Before the token is used up: what fails here can be tried again.
            organisation_id = _chosen(memberships, session.person_id, organisation_id)
            access = await self._access(SignedIn(session.person_id, session.id), organisation_id, now)
            made = SESSION_TOKEN.build(None, self._secrets.random_bytes(RANDOM_BYTES))
        async with self._work.begin() as changes:
            held = await changes.sessions.by_token(stored)
            is_good = held is not None and held.session.lasts(now)
            is_reused = held is not None and held.is_used
            if is_good and is_reused:
                await changes.sessions.end(session.person_id, now, only=session.id)
                reused = {"session": session.id}
                await changes.log.record(SecurityEvent("token.reused", now, session.person_id, origin, reused))
            elif held is not None and is_good:
                used = held.session.used(now, origin)
                await changes.sessions.keep(used, used=stored, token=digest(made))
        if not is_good or is_reused:
            await self._revocations.announce(session.id)
            raise session_over()
        return IssuedTokens(access, ACCESS_TOKENS_LIVE, made, session.id, organisation_id)

    async def _known(self, email: str, password: str, origin: Origin) -> tuple[RegisteredPerson, str | None]:
        """Return who knows the password, and a better hash of it where there is one."""
        email = normalised_email(email)
        async with self._work.begin() as changes:
            # Without holding it, which would be written, and take longer where there is someone.
            person = await changes.people.find(email)
        # What is far too long would only cost time.
        prepared = prepared_password(password[: PASSWORD_LENGTH_MAX + 1])
        checked = await self._passwords.check(prepared, None if person is None else person.password_hash)
        if person is None or not checked.is_right or person.email_verified_at is None:
            failed = SecurityEvent("login.failed", self._clock.now(), None if person is None else person.id, origin)
            async with self._work.begin() as changes:
                await changes.log.record(failed)
            raise log_in_refused()
        return person, checked.renewed

    async def _begin(self, person: RegisteredPerson, renewed: str | None, origin: Origin, by: str) -> SignedIn:
        now = self._clock.now()
        session = Session.begun(self._ids.new("ses"), person.id, now, origin)
        async with self._work.begin() as changes:
            held = await changes.people.by_id(person.id)
            if held is None or held.erased_at is not None or held.password_hash != person.password_hash:
                raise log_in_refused()  # what was shown has changed meanwhile
            if renewed is not None:
                await changes.people.change(replace(held, password_hash=renewed))
            ended = await changes.sessions.end(person.id, now, beyond=SESSIONS_MAX - 1)
            await changes.sessions.keep(session)
            begun = SecurityEvent("session.begun", now, person.id, origin, {"session": session.id, "by": by})
            await changes.log.record(begun)
            await changes.leftovers.remove(now, _REMOVED_EACH, with_those_of_organisations=False)
            await changes.sessions.forget(person.id, ended_before=now - SECURITY_LOG_KEPT)
        if ended:
            await self._revocations.announce(*ended)
        return SignedIn(person.id, session.id)

    async def _issued(self, signed_in: SignedIn, organisation_id: int | None) -> IssuedTokens:
        now = self._clock.now()
        access = await self._access(signed_in, organisation_id, now)
        made = SESSION_TOKEN.build(None, self._secrets.random_bytes(RANDOM_BYTES))
        async with self._work.begin() as changes:
            found = [
                each for each in await changes.sessions.of(signed_in.person_id, now) if each.id == signed_in.session_id
            ]
            if not found:
                raise session_over()
            await changes.sessions.keep(found[0], token=digest(made))
        return IssuedTokens(access, ACCESS_TOKENS_LIVE, made, signed_in.session_id, organisation_id)

    async def _access(self, signed_in: SignedIn, organisation_id: int | None, now: datetime) -> str:
        ends = now + ACCESS_TOKENS_LIVE
        return await self._tokens.issue(
            AccessClaims(signed_in.person_id, signed_in.session_id, organisation_id, None, now, ends)
        )


def _chosen(memberships: Sequence[Membership], person_id: str, asked: int | None) -> int | None:
    """Return the organisation that a token is for."""
    of = [membership.organisation_id for membership in memberships]
    if asked is None:
        return of[0] if len(of) == 1 else None
    if asked not in of:
        raise PermissionDenied(f"{person_id} is not a member of an organisation {asked}.")
    return asked
