"""Who is it? An API key or an access token becomes a principal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Final

from application.identity.allowances import Allowance, Allowances
from application.identity.key_uses import KeyUseMarks
from application.identity.known_scopes import known_permissions
from application.identity.ports import Organisations
from application.identity.remembering import KEYS_REMEMBERED_SECONDS, REMEMBERED_MAX, REMEMBERED_SECONDS
from application.identity.token_ports import AccessTokens, Standings
from application.shared.ports import Clock
from application.shared.single_flight import SingleFlight
from domain.identity.api_key import API_KEY
from domain.identity.secret_text import digest
from domain.shared.access import Grant, Person, Principal
from domain.shared.errors import NotAuthenticated, PermissionDenied

# Of one credential, in the seconds for which it is remembered.
PLACES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who shows a credential: a principal, a person in a session, or both.

    `networks` are where it may come from, if that is limited; `requests_per_minute` are those that its organisation may
    make, if it has a limit of its own. `key` is the id of the key that signed its access token, if it shows one.
    """

    principal: Principal | None
    person: Person | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] | None = None
    requests_per_minute: int | None = None
    key: str | None = None
    _from: dict[tuple[str | None, str | None], Principal] = field(default_factory=dict, repr=False, compare=False)

    @property
    def actor(self) -> str:
        """Return the id of the one who acts: `usr_…`, `key_…` or `cli_…`."""
        if self.principal is not None:
            return self.principal.actor
        assert self.person is not None, "a credential is of someone"
        return self.person.id

    def coming_from(self, address: str | None, user_agent: str | None) -> Principal:
        """Return the principal, asking from there: the same one as long as it does. Raises `PermissionDenied`."""
        place = (address, user_agent)
        known = self._from.get(place)
        if known is None:
            if len(self._from) >= PLACES_MAX:
                self._from.clear()
            known = self._from[place] = self.of_organisation().coming_from(address, user_agent)
        return known

    def of_organisation(self) -> Principal:
        """Return the principal. Raises `PermissionDenied` for a token of no organisation."""
        if self.principal is None:
            raise PermissionDenied(
                "The access token is of a person, and of no organisation: accept an invitation first, then refresh. A "
                "member of several organisations names one, at log-in or when refreshing."
            )
        return self.principal

    def of_person(self) -> Person:
        """Return the person. Raises `PermissionDenied` for an API key and for a token of an OAuth client."""
        if self.person is None:
            raise PermissionDenied("This takes a person who has logged in: API keys and OAuth clients cannot do it.")
        return self.person


class Authenticate:
    """Turns credentials into those who bear them; one that was found is not looked up again for some seconds.

    So a revocation that this process does not hear of still holds within five seconds.
    """

    def __init__(
        self,
        organisations: Organisations,
        tokens: AccessTokens,
        standings: Standings,
        clock: Clock,
        *,
        allowances: Allowances | None = None,
        key_uses: KeyUseMarks | None = None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """`seconds` is a clock that, unlike the wall's, never jumps: a revoked credential is remembered no longer.

        Without `allowances` nothing has a quota, and without `key_uses` nobody is told that a key was used.
        """
        self._organisations = organisations
        self._tokens = tokens
        self._standings = standings
        self._allowances = allowances
        self._key_uses = key_uses
        self._clock = clock
        self._seconds = seconds
        self._remembered: dict[str, tuple[float, Bearer]] = {}
        self._texts_of: dict[str, set[str]] = {}
        self._looking: SingleFlight[str, Bearer] = SingleFlight()
        # Of each look-up that is under way, the names that were to be forgotten since it began.
        self._forgotten: list[set[str]] = []

    def remembered(self, text: str, address: str | None = None) -> Bearer | None:
        """Return who shows this credential from that IP address, if that is remembered: without waiting.

        Raises `NotAuthenticated` for an address that it may not come from.
        """
        remembered = self._remembered.get(text)
        if remembered is None or remembered[0] <= self._seconds():
            return None
        bearer = remembered[1]
        if bearer.networks is not None:
            _require_within(bearer.networks, address)
        return bearer

    async def bearer(self, text: str, address: str | None = None) -> Bearer:
        """Return who shows this credential from that IP address. Raises `NotAuthenticated`, `StoreUnavailable`."""
        bearer = self.remembered(text, address)
        if bearer is None:
            bearer = await self._looking.once(text, lambda: self._look_up(text))
            if bearer.networks is not None:
                _require_within(bearer.networks, address)
            if self._key_uses is not None and bearer.principal is not None and API_KEY.is_like(text):
                self._key_uses.note(bearer.principal.organisation_id, bearer.principal.credential)
        return bearer

    def has_known(self, text: str) -> bool:
        """Whether this credential was good here lately, and is not known to have been revoked since."""
        return text in self._remembered

    async def principal(self, text: str, address: str | None = None) -> Principal:
        """Return the principal that shows this credential from that IP address.

        Raises `NotAuthenticated`, `StoreUnavailable`; `PermissionDenied` for a token of no organisation.
        """
        return (await self.bearer(text, address)).of_organisation()

    def forget(self, *names: str) -> None:
        """Look up anew, from now on, what is remembered of these credentials, actors and token keys, by their ids."""
        self._tokens.forget(*names)
        for name in names:
            for text in tuple(self._texts_of.get(name, ())):
                self._drop(text)
        # What is on its way may have been found before it was revoked: it answers those who wait for it, and no others.
        for forgotten in self._forgotten:
            forgotten.update(names)
        self._looking.leave_behind()

    async def _look_up(self, text: str) -> Bearer:
        started = self._seconds()
        is_key = API_KEY.is_like(text)
        forgotten: set[str] = set()
        self._forgotten.append(forgotten)
        try:
            bearer, lives_seconds = await (self._of_key(text) if is_key else self._of_token(text))
        except NotAuthenticated:
            self._drop(text)
            raise
        finally:
            self._forgotten = [each for each in self._forgotten if each is not forgotten]
        if forgotten.isdisjoint(_names_of(bearer)):
            self._remember(text, bearer, started + min(REMEMBERED_SECONDS, lives_seconds))
        return bearer

    def _remember(self, text: str, bearer: Bearer, until: float) -> None:
        self._drop(text)
        if len(self._remembered) >= REMEMBERED_MAX:
            self._drop(next(iter(self._remembered)))
        self._remembered[text] = (until, bearer)
        for name in _names_of(bearer):
            self._texts_of.setdefault(name, set()).add(text)

    def _drop(self, text: str) -> None:
        remembered = self._remembered.pop(text, None)
        if remembered is None:
            return
        for name in _names_of(remembered[1]):
            texts = self._texts_of[name]
            texts.discard(text)
            if not texts:
                del self._texts_of[name]

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
        allowance = await self._allowance(organisation_id)
        grant = Grant(known_permissions(key.scopes), key.ledgers, key.accounts)
        principal = Principal(organisation_id, key.id, (grant,), key.id, allowance.writes_refused)
        bearer = Bearer(principal, networks=networks, requests_per_minute=allowance.requests_per_minute)
        return bearer, lives_seconds

    async def _allowance(self, organisation_id: int) -> Allowance:
        return Allowance() if self._allowances is None else await self._allowances.of(organisation_id)

    async def _of_token(self, text: str) -> tuple[Bearer, float]:
        claims = await self._tokens.read(text)
        grants = await self._standings.grants(claims)
        if claims.scopes is not None:
            permissions = known_permissions(claims.scopes)
            grants = tuple([grant.within(permissions) for grant in grants])
        lives_seconds = (claims.expires_at - self._clock.now()).total_seconds()
        # Its key may have been revoked since the keys were read.
        lives_seconds = min(lives_seconds, REMEMBERED_SECONDS - KEYS_REMEMBERED_SECONDS)
        person = Person(claims.subject, claims.credential) if claims.is_of_session else None
        organisation_id = claims.organisation_id
        if organisation_id is None:
            return Bearer(None, person, key=claims.key), lives_seconds
        allowance = await self._allowance(organisation_id)
        principal = Principal(organisation_id, claims.subject, grants, claims.credential, allowance.writes_refused)
        per_minute = allowance.requests_per_minute
        return Bearer(principal, person, requests_per_minute=per_minute, key=claims.key), lives_seconds


def _names_of(bearer: Bearer) -> set[str]:
    """Return the ids of all that the credential stands and falls with."""
    names = set() if bearer.key is None else {bearer.key}
    if bearer.principal is not None:
        names |= {bearer.principal.credential, bearer.principal.actor}
    if bearer.person is not None:
        names |= {bearer.person.session, bearer.person.id}
    return names


def _require_within(networks: tuple[IPv4Network | IPv6Network, ...], address: str | None) -> None:
    try:
        parsed = None if address is None else ip_address(address)
    except ValueError:
        parsed = None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped  # how a socket of both protocols tells of an IPv4 address
    if parsed is None or not any(parsed in network for network in networks):
        raise NotAuthenticated(f"The API key may not be used from {address or 'an unknown address'}.")
