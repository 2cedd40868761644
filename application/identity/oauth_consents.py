"""What a person is asked on behalf of an OAuth client, and what it answers: consents, codes, and their end."""

from dataclasses import dataclass

from application.identity.oauth_ports import OAuthExchanges
from application.identity.oauth_tokens import kept_grant
from application.identity.ports import Revocations, Secrets
from application.identity.token_ports import Standings
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids
from application.shared.recording import record_event
from domain.identity.oauth import CODE, CODES_LIVE, IssuedCode, OAuthClient, OAuthGrant
from domain.identity.oauth_events import OAuthGrantRevoked
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.shared.access import Person, Principal
from domain.shared.errors import NotFound, PermissionDenied


@dataclass(frozen=True, slots=True)
class Asking:
    """Which client of which organisation asks; the client is None where there is none of this id that works."""

    client: OAuthClient | None
    organisation_name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks a person for: scopes, and where the code is to go, with the challenge that protects it."""

    organisation_id: int
    client: OAuthClient
    scopes: tuple[str, ...]
    redirect_uri: str
    code_challenge: str


class OAuthConsents:
    """Lets persons consent to what clients ask for."""

    def __init__(
        self,
        exchanges: OAuthExchanges,
        standings: Standings,
        revocations: Revocations,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
    ) -> None:
        self._exchanges = exchanges
        self._standings = standings
        self._revocations = revocations
        self._clock = clock
        self._ids = ids
        self._secrets = secrets

    async def asking(self, organisation_id: int, client_id: str) -> Asking:
        """Return who asks. Raises `StoreUnavailable`."""
        async with self._exchanges.open(organisation_id) as exchange:
            client = await exchange.clients.get(client_id)
            if client is None or client.revoked_at is not None:
                return Asking(None, "")
            return Asking(client, await exchange.organisation_name())

    async def is_logged_in(self, person: Person) -> bool:
        """Return whether the person's session goes on. Raises `StoreUnavailable`."""
        return await self._standings.is_logged_in(person, self._clock.now())

    async def is_member(self, organisation_id: int, person: str) -> bool:
        """Return whether the person belongs to the organisation. Raises `StoreUnavailable`."""
        async with self._exchanges.open(organisation_id) as exchange:
            return await exchange.is_member(person)

    async def is_trusted(self, organisation_id: int, client_id: str, person: str) -> bool:
        """Return whether the person, a member, lets the client do anything already. Raises as `asking`."""
        async with self._exchanges.open(organisation_id) as exchange:
            is_let = await exchange.grants.of(client_id, person, None) is not None
            return is_let and await exchange.is_member(person)

    async def is_given(self, asked: Asked, person: str) -> bool:
        """Return whether the person has consented to just this before, and need not be asked. Raises as `asking`."""
        if not asked.client.may_be_remembered_at(asked.redirect_uri):
            return False
        async with self._exchanges.open(asked.organisation_id) as exchange:
            return await exchange.grants.of(asked.client.id, person, asked.scopes) is not None

    async def give(self, asked: Asked, person: Person, *, request_id: str) -> str:
        """Record that a member consents, and return the text of a code for the client.

        Raises `PermissionDenied` for who is not a member, `StoreUnavailable`, `CommitInDoubt`.
        """
        now = self._clock.now()
        text = CODE.build(asked.organisation_id, self._secrets.random_bytes(RANDOM_BYTES))
        async with self._exchanges.open(asked.organisation_id) as exchange:
            if not await exchange.is_member(person.id):
                raise PermissionDenied(f"{person.id} is not a member of the organisation {asked.organisation_id}.")
            author = person.author(request_id)
            grant = await kept_grant(
                exchange, asked.client, person.id, asked.scopes, now=now, ids=self._ids, author=author
            )
            code = IssuedCode(
                digest(text), grant, now + CODES_LIVE, None, True, asked.redirect_uri, asked.code_challenge
            )
            await exchange.codes.add_code(code, now)
        return text

    async def of_person(self, principal: Principal, page: PageRequest) -> Page[tuple[OAuthGrant, OAuthClient]]:
        """Return a page of what the principal, a person, has granted in its organisation, and holds."""
        async with self._exchanges.open(principal.organisation_id) as exchange:
            return await exchange.grants.page(page, person=principal.actor)

    async def take_back(self, principal: Principal, id: str, *, request_id: str) -> None:
        """End a grant of the principal's, a person, and all its tokens within five seconds. Raises `NotFound`."""
        now = self._clock.now()
        async with self._exchanges.open(principal.organisation_id) as exchange:
            await exchange.log.hold()
            client = await exchange.grants.revoke(id, now, person=principal.actor)
            if client is None:
                raise NotFound(f"You have given no OAuth grant {id!r} that still holds.")
            event = OAuthGrantRevoked(id, client, "asked")
            await record_event(exchange.log, self._ids, event, principal.author(request_id), now)
        await self._revocations.announce(id)
