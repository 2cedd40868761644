"""Invitations: sent, listed, revoked and accepted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from application.identity.allowances import Allowances
from application.identity.letters import Letters
from application.identity.person_ports import Message
from application.identity.ports import Revocations, Secrets
from application.identity.team_changes import TeamUseCases, by_itself, require_assignable
from application.identity.team_ports import OrganisationProfile, PeopleLookup, Team, TeamChanges
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids, Work
from application.shared.rate_limits import RateLimiter
from application.shared.recording import answered_before, record_event
from domain.identity.invitation import (
    INVITATION,
    INVITATIONS_LIVE,
    Invitation,
    InvitationExists,
    InvitationNotGood,
    InvitationOfAnother,
)
from domain.identity.member import AlreadyMember, Member, checked_assignments
from domain.identity.member_events import InvitationRevoked, MemberInvited, MemberJoined
from domain.identity.person import normalised_email
from domain.identity.role import Assignment
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.shared.access import Permission, Person, Principal
from domain.shared.chain import parse_time
from domain.shared.errors import NotAuthenticated, NotFound, QuotaExceeded

INVITATIONS_MAX: Final = 100
# Nothing in it that somebody chose: it comes from this server's address.
_SUBJECT: Final = "You are invited to join an organisation"
_LETTER: Final = """\
You are invited to join the organisation {name!r} of a Partita ledger server.

Log in with this e-mail address, or register with it, and accept the invitation with this token:

    {token}

It is sent to POST /v1/invitations/accept as {{"token": "…"}}, and is good until {until} (UTC), once.
If you do not know who may have invited you, do nothing.
"""


class Inviting(TeamUseCases):
    """How persons become members."""

    def __init__(
        self,
        work: Work[Team, TeamChanges],
        clock: Clock,
        ids: Ids,
        revocations: Revocations,
        people: PeopleLookup,
        secrets: Secrets,
        letters: Letters,
        allowances: Allowances,
        rate: RateLimiter | None,
    ) -> None:
        """`rate` is how many invitations one organisation may have mailed in a time, if that is limited."""
        super().__init__(work, clock, ids, revocations)
        self._rate = rate
        self._allowances = allowances
        self._people = people
        self._secrets = secrets
        self._letters = letters

    async def invite(
        self,
        principal: Principal,
        email: str,
        assignments: Sequence[Assignment],
        *,
        request_id: str,
        key: IdempotencyKey | None = None,
        is_mailed: bool = True,
    ) -> tuple[Invitation, str | None]:
        """Invite whoever has this address; return the invitation and its token, which nobody is ever told again.

        After the commit it is mailed, unless told not to. Where `key` has done so before, return the invitation as it
        was made, and no token. Raises `PermissionDenied`, also where the principal does not have itself what it offers,
        `ValidationFailed`, `AlreadyMember`, `InvitationExists`, `IdempotencyConflict`; `QuotaExceeded` beyond 100 that
        wait for an answer, and `RateLimited`.
        """
        now = self._clock.now()
        email = normalised_email(email)
        token = INVITATION.build(principal.organisation_id, self._secrets.random_bytes(RANDOM_BYTES))
        if is_mailed and self._rate is not None:
            # Before anything is locked, and not at the cost of those who may.
            principal.require(Permission.MEMBERS_INVITE)
            await self._rate.take(principal.organisation_id)
        known = await self._people.person_of(email)
        async with self._work.begin(principal, Permission.MEMBERS_INVITE) as team:
            await team.log.hold()
            before = await answered_before(team.log, key, now)
            if before is not None:
                # It may have been erased since; the key stands for this very request, so that the rest is known.
                made_at = parse_time(before["expires_at"]) - INVITATIONS_LIVE
                return _invitation(before["id"], email, tuple(assignments), principal, made_at), None
            given = checked_assignments(assignments, await team.roles.all())
            await require_assignable(principal, team, given)
            await team.invitations.erase_expired(now)
            if known is not None and await team.members.get(known) is not None:
                raise AlreadyMember(f"{known} has this address, and is a member already.", pointer="/email")
            open_one = await team.invitations.of_email(email)
            if open_one is not None:
                raise InvitationExists(
                    f"{open_one.id} is an invitation to this address: revoke it to send another.", pointer="/email"
                )
            _require_another(await team.invitations.count())
            invitation = _invitation(self._ids.new("inv"), email, given, principal, now)
            await team.invitations.add(invitation, digest(token))
            invited = MemberInvited(invitation.id, given, invitation.expires_at)
            await record_event(team.log, self._ids, invited, principal.author(request_id), now, key)
            organisation = await team.profile.get()
        if is_mailed:
            until = f"{invitation.expires_at:%Y-%m-%d %H:%M}"
            text = _LETTER.format(name=organisation.name, token=token, until=until)
            self._letters.post_invitation(Message(email, _SUBJECT, text))
        return invitation, token

    async def list(self, principal: Principal, page: PageRequest) -> Page[Invitation]:
        """Return a page of the invitations that were not answered. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.MEMBERS_READ) as team:
            return await team.invitations.page(page)

    async def revoke(self, principal: Principal, id: str, *, request_id: str) -> None:
        """Take an invitation back, and erase it. Raises `PermissionDenied`, `NotFound`."""
        now = self._clock.now()
        async with self._work.begin(principal, Permission.MEMBERS_INVITE, takes_away=True) as team:
            await team.log.hold()
            invitation = await team.invitations.find(id=id)
            if invitation is None:
                raise NotFound(f"There is no invitation {id!r} that waits for an answer.")
            await team.invitations.erase(id)
            await record_event(team.log, self._ids, InvitationRevoked(id), principal.author(request_id), now)

    async def accept(self, person: Person, token: str, *, request_id: str) -> tuple[OrganisationProfile, Member]:
        """Make a person a member, which takes the token and the address that it was sent to.

        Raises `InvitationNotGood`, `InvitationOfAnother`, `AlreadyMember`; `QuotaExceeded` where the organisation's
        storage is used up.
        """
        now = self._clock.now()
        organisation_id = _organisation_of(token)
        allowance = await self._allowances.of(organisation_id)
        joining = replace(by_itself(organisation_id, person), writes_refused=allowance.writes_refused)
        async with self._work.begin(joining, Permission.MEMBERS_INVITE) as team:
            await team.log.hold()
            invitation = await team.invitations.find(digest=digest(token))
            if invitation is None or not invitation.is_good(now):
                raise InvitationNotGood(
                    "The invitation was accepted or revoked, or it is older than seven days: ask for another.",
                    pointer="/token",
                )
            # The person is looked at here, and held: one that is erased meanwhile would be a member for ever.
            if await team.invitations.verified_email(person.id) != invitation.email:
                raise InvitationOfAnother(
                    "The invitation was sent to another address than the one you have verified: log in as who has that "
                    "address, or ask for an invitation to yours."
                )
            if await team.members.get(person.id) is not None:
                raise AlreadyMember("You are a member of this organisation already.")
            member = Member(person.id, invitation.assignments, now)
            await team.members.put(member)
            await team.invitations.erase(invitation.id)
            joined = MemberJoined(person.id, invitation.id, invitation.assignments)
            await record_event(team.log, self._ids, joined, person.author(request_id), now)
            organisation = await team.profile.get()
        await self._revocations.announce(person.id)
        return organisation, member

    async def is_good(self, token: str, email: str) -> bool:
        """Whether the token is of an invitation that was sent to this normalised address and can still be accepted."""
        try:
            organisation_id = INVITATION.organisation_of(token)
        except NotAuthenticated:
            return False
        nobody = Principal(organisation_id, "system:registration")
        async with self._work.read(nobody, Permission.MEMBERS_READ) as team:
            invitation = await team.invitations.find(digest=digest(token))
        return invitation is not None and invitation.email == email and invitation.is_good(self._clock.now())


def _require_another(count: int) -> None:
    if count >= INVITATIONS_MAX:
        raise QuotaExceeded(
            f"{INVITATIONS_MAX} invitations of the organisation wait for an answer already: revoke some, or wait until "
            "they are accepted or have expired.",
            facts={"quota": "invitations", "used": str(count), "limit": str(INVITATIONS_MAX)},
        )


def _organisation_of(token: str) -> int:
    try:
        return INVITATION.organisation_of(token)
    except NotAuthenticated as error:
        raise InvitationNotGood(error.detail, pointer="/token") from None


def _invitation(
    id: str, email: str, assignments: tuple[Assignment, ...], principal: Principal, now: datetime
) -> Invitation:
    return Invitation(id, email, assignments, principal.actor, now, now + INVITATIONS_LIVE)
