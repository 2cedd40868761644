"""Who is it? An API key or an access token becomes a principal."""

import asyncio
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from application.identity.ports import Organisations
from application.identity.tokens import AccessTokens, Standings
from application.shared.ports import Clock
from domain.identity.api_key import API_KEY
from domain.identity.role import permissions_of
from domain.identity.secret_text import digest
from domain.shared.access import Person, Principal
from domain.shared.errors import NotAuthenticated, PermissionDenied

REMEMBERED_SECONDS: Final = 5.0
REMEMBERED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who shows a credential: a principal, a person in a session, or both; `networks` it may come from, if limited."""

    principal: Principal | None
    person: Person | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] | None = None


class Authenticate:
    """Turns credentials into those who bear them; one that was found is not looked up again for five seconds.

    So a revocation that this process does not hear of still holds within five seconds.
    """

    def __init__(self, organisations: Organisations, tokens: AccessTokens, standings: Standings, clock: Clock) -> None:
        self._organisations = organisations
        self._tokens = tokens
        self._standings = standings
        self._clock = clock
        self._remembered: dict[str, tuple[float, Bearer]] = {}
        self._looking: dict[str, asyncio.Task[Bearer]] = {}

    async def principal(self, text: str, address: str | None = None) -> Principal:
        """Return the principal that shows this credential from that IP address.

        Raises `NotAuthenticated`, `StoreUnavailable`; `PermissionDenied` for a token of no organisation.
        """
        principal = (await self._bearer(text, address)).principal
        if principal is None:
            raise PermissionDenied(
                "The access token is of a person, and of no organisation: name one at log-in, or when refreshing."
            )
        return principal

    async def person(self, text: str, address: str | None = None) -> Person:
        """Return the person whose session this credential is of.

        Raises `NotAuthenticated`, `StoreUnavailable`; `PermissionDenied` for an API key and for a token of an OAuth
        client, which may not act on the person itself.
        """
        person = (await self._bearer(text, address)).person
        if person is None:
            raise PermissionDenied("This takes a person who has logged in: API keys and OAuth clients cannot do it.")
        return person

    def forget(self, *names: str) -> None:
        """Look up anew, from now on, what is remembered of these credentials and actors, by their ids."""
        gone = [text for text, (_, bearer) in self._remembered.items() if _is_of(bearer, names)]
        for text in gone:
            del self._remembered[text]

    async def _bearer(self, text: str, address: str | None) -> Bearer:
        # The loop's clock, unlike the wall's, never jumps: a revoked credential is not remembered for longer.
        remembered = self._remembered.get(text)
        if remembered is not None and asyncio.get_running_loop().time() < remembered[0]:
            bearer = remembered[1]
        else:
            bearer = await self._looked_up(text)
        if bearer.networks is not None:
            _require_within(bearer.networks, address)
        return bearer

    async def _looked_up(self, text: str) -> Bearer:
        """However many show the same credential at once, it is looked up once; one who goes away stops nobody else."""
        looking = self._looking.get(text)
        if looking is None:
            looking = asyncio.create_task(self._look_up(text))
            self._looking[text] = looking
            looking.add_done_callback(lambda task: self._done(text, task))
        return await asyncio.shield(looking)

    def _done(self, text: str, looking: asyncio.Task[Bearer]) -> None:
        self._looking.pop(text, None)
        if not looking.cancelled():
            looking.exception()  # also where every caller has gone, it counts as seen

    async def _look_up(self, text: str) -> Bearer:
        self._remembered.pop(text, None)
        started = asyncio.get_running_loop().time()
        is_key = API_KEY.is_like(text)
        bearer, lives_seconds = await (self._of_key(text) if is_key else self._of_token(text))
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered[text] = (started + min(REMEMBERED_SECONDS, lives_seconds), bearer)
        return bearer

    async def _of_key(self, text: str) -> tuple[Bearer, float]:
        organisation_id = API_KEY.organisation_of(text)
        key = await self._organisations.key_of(organisation_id, digest(text))
        if key is None:
            raise NotAuthenticated("The API key is unknown.")
        if key.revoked_at is not None:
            raise NotAuthenticated(f"The API key {key.id} was revoked.")
        now = self._clock.now()
        if key.expires_at is not None and key.expires_at <= now:
            raise NotAuthenticated(f"The API key {key.id} has expired.")
        lives_seconds = REMEMBERED_SECONDS if key.expires_at is None else (key.expires_at - now).total_seconds()
        networks = None if key.networks is None else tuple(map(ip_network, key.networks))
        return Bearer(Principal(organisation_id, key.id, (key.grant,), key.id), networks=networks), lives_seconds

    async def _of_token(self, text: str) -> tuple[Bearer, float]:
        claims = await self._tokens.read(text)
        grants = await self._standings.grants(claims)
        if claims.scopes is not None:
            permissions = permissions_of(claims.scopes)
            grants = tuple([grant.within(permissions) for grant in grants])
        organisation_id = claims.organisation_id
        principal = (
            None if organisation_id is None else Principal(organisation_id, claims.subject, grants, claims.credential)
        )
        person = Person(claims.subject, claims.credential) if claims.credential.startswith("ses_") else None
        return Bearer(principal, person), (claims.expires_at - self._clock.now()).total_seconds()


def _is_of(bearer: Bearer, names: tuple[str, ...]) -> bool:
    principal, person = bearer.principal, bearer.person
    return (principal is not None and (principal.credential in names or principal.actor in names)) or (
        person is not None and (person.session in names or person.id in names)
    )


def _require_within(networks: tuple[IPv4Network | IPv6Network, ...], address: str | None) -> None:
    try:
        parsed = None if address is None else ip_address(address)
    except ValueError:
        parsed = None
    if parsed is None or not any(parsed in network for network in networks):
        raise NotAuthenticated(f"The API key may not be used from {address or 'an unknown address'}.")
