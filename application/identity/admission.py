"""Whom the server deals with at all: those who are who they say they are, and do not ask too often."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from time import monotonic
from typing import Final

from application.identity.authenticate import Authenticate, Bearer
from application.shared.ports import Rule
from application.shared.rate_limits import Counting, Meter, RateLimiter
from domain.shared.errors import NotAuthenticated

_EMAIL_WINDOW_SECONDS: Final = 900
_EVERYWHERE_TIMES: Final = 10
_UNKNOWN: Final = "unknown"
_INVITATIONS_WINDOW_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Limits:
    """How many there may be of each: requests a minute, and attempts by those whom nobody knows yet. 0 is no limit."""

    address: int
    caller: int
    organisation: int
    failures: int
    attempts: int
    email: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in, and the meters that the request was counted on."""

    bearer: Bearer
    meters: tuple[Meter, ...]


class Admission:
    """Authenticates requests, and counts each once: for its address, its caller and its organisation."""

    def __init__(
        self,
        authenticate: Authenticate,
        limits: Limits,
        counting: Counting,
        *,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        def limiter(policy: str, what: str, quota: int, whose: str) -> RateLimiter | None:
            return RateLimiter(Rule(policy, what, quota, whose=whose), counting, seconds=seconds) if quota else None

        self.authenticate = authenticate
        self._seconds = seconds
        self._addresses = limiter("address", "requests", limits.address, "from one IP address")
        self._callers = limiter("caller", "requests", limits.caller, "of one user, API key or OAuth client")
        # There even without a limit for all: an organisation may have one of its own.
        organisations = Rule("organisation", "requests", limits.organisation, whose="of one organisation")
        self._organisations = RateLimiter(organisations, counting, seconds=seconds)
        self._of_organisations = limits.organisation
        self._failures = limiter("failures", "refused credentials", limits.failures, "from one IP address")

    def address_at_once(self, address: str | None) -> Meter | None:
        """Count a request of the address, as `address` does, if that takes no waiting; else do nothing: None.

        Raises `RateLimited`.
        """
        if self._addresses is None:
            return None
        meter = self._addresses.ready(network_of(address), self._seconds())
        if meter is not None:
            meter.permits -= 1
        return meter

    async def address(self, address: str | None) -> Meter | None:
        """Count a request of the address; return its meter if there is a limit. Raises `RateLimited`."""
        if self._addresses is None:
            return None
        return await self._addresses.take(network_of(address))

    def at_once(self, text: str, address: str | None) -> Admitted | None:
        """Do as `admit` does if that takes no waiting; else do nothing, and return None.

        Raises `NotAuthenticated`, `RateLimited`.
        """
        bearer = self.authenticate.remembered(text, address)
        if bearer is None:
            return None
        now = self._seconds()
        meters: tuple[Meter, ...] = ()
        if self._callers is not None:
            meter = self._callers.ready(bearer.actor, now)
            if meter is None:
                return None
            meters = (meter,)
        principal = bearer.principal
        if principal is not None:
            quota = bearer.requests_per_minute or self._of_organisations
            if quota:
                meter = self._organisations.ready(principal.organisation_id, now, quota)
                if meter is None:
                    return None
                meters = (*meters, meter)
        for meter in meters:
            meter.permits -= 1
        return Admitted(bearer, meters)

    async def admit(self, text: str, address: str | None) -> Admitted:
        """Return who shows this credential from that IP address, and count a request of theirs.

        Raises `NotAuthenticated`, `RateLimited`, `StoreUnavailable`.
        """
        bearer = await self._bearer(text, address)
        meters: list[Meter] = []
        if self._callers is not None:
            meters.append(await self._callers.take(bearer.actor))
        principal = bearer.principal
        if principal is not None:
            quota = bearer.requests_per_minute or self._of_organisations
            if quota:
                meters.append(await self._organisations.take(principal.organisation_id, quota))
        return Admitted(bearer, tuple(meters))

    async def _bearer(self, text: str, address: str | None) -> Bearer:
        """Authenticate; where too many from the address have failed, ask for nothing that was not good lately."""
        if not self.authenticate.has_known(text):
            self.require_room_for_refusals(address)
        try:
            return await self.authenticate.bearer(text, address)
        except NotAuthenticated:
            await self.count_refusal(address)
            raise

    def require_room_for_refusals(self, address: str | None) -> None:
        """Return unless it is known that too many credentials from the address were refused: `RateLimited`.

        For what looks a credential up that no principal shows, and then calls `count_refusal` where it is refused.
        """
        if self._failures is not None:
            self._failures.require_room(network_of(address))

    async def count_refusal(self, address: str | None) -> None:
        """Count that a credential from the address was refused. Raises `RateLimited`."""
        if self._failures is not None:
            await self._failures.take(network_of(address))


class Attempts:
    """Limits how often anyone may try to log in, to register or to reset a password.

    For one person there is a small limit for each IP address, or network, that tries, and one of ten times as many for
    all of them: who uses up the one keeps nobody else out, and the other takes many networks. What has mail sent to a
    person has the small limit, from wherever it comes.
    """

    def __init__(
        self,
        limits: Limits,
        counting: Counting,
        secret: bytes,
        *,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """`secret` keeps e-mail addresses from being guessed by what is kept of them, all servers share it."""
        by_address = Rule("attempts", "attempts", limits.attempts, whose="from one IP address")
        self._by_address = RateLimiter(by_address, counting, seconds=seconds) if limits.attempts else None

        def for_one_person(policy: str, what: str, quota: int, whose: str) -> RateLimiter | None:
            rule = Rule(policy, what, quota, _EMAIL_WINDOW_SECONDS, whose)
            return RateLimiter(rule, counting, seconds=seconds) if quota else None

        here, everywhere = limits.email, limits.email * _EVERYWHERE_TIMES
        self._by_email = for_one_person("attempts-email", "attempts", here, "for one person from one IP address")
        self._everywhere = for_one_person("attempts-everywhere", "attempts", everywhere, "for one person")
        self._mailed = for_one_person("attempts-mail", "attempts", limits.email, "to have mail sent to one person")
        self._secret = secret

    async def admit(self, kind: str, address: str | None, whom: str | None = None, *, is_mailed: bool = False) -> None:
        """Count an attempt of this kind (`log-in`, `register`, …), from an address and for whom: an e-mail address.

        Whether there is anyone of that e-mail address makes no difference; `is_mailed` says that mail would be sent
        there. Raises `RateLimited`.
        """
        if self._by_address is not None:
            await self._by_address.take(f"{kind}/{network_of(address)}")
        if whom is None:
            return
        digest = hmac.digest(self._secret, whom.strip().casefold().encode(), "sha256").hex()[:32]
        if is_mailed:
            if self._mailed is not None:
                await self._mailed.take(f"{kind}/{digest}")
            return
        if self._by_email is not None:
            await self._by_email.take(f"{kind}/{digest}/{network_of(address)}")
        if self._everywhere is not None:
            await self._everywhere.take(f"{kind}/{digest}")

    @asynccontextmanager
    async def counting_refusals(self, kind: str, address: str | None) -> AsyncIterator[None]:
        """Count what is not authenticated within as an attempt from the address, and nothing else.

        For what programs do often and rightly, many of them from one address. Raises `RateLimited`.
        """
        if self._by_address is None:
            yield
            return
        name = f"{kind}/{network_of(address)}"
        self._by_address.require_room(name)
        try:
            yield
        except NotAuthenticated:
            await self._by_address.take(name)
            raise


def invitation_rate(quota: int, counting: Counting) -> RateLimiter | None:
    """Return what limits how many invitations an organisation has mailed, in a quarter of an hour; 0 is no limit."""
    rule = Rule("invitations", "invitations", quota, _INVITATIONS_WINDOW_SECONDS, "of one organisation")
    return RateLimiter(rule, counting) if quota else None


def network_of(address: str | None) -> str:
    """Return whose requests are counted together: those of an IPv4 address, or of an IPv6 network of 64 bits.

    All that come from where nobody knows, as through a Unix socket without `PARTITA_TRUSTED_PROXIES`, are one.
    """
    if address is None:
        return _UNKNOWN
    return _network_of(address) if ":" in address else address


@lru_cache(maxsize=10_000)
def _network_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((int(parsed) >> 64 << 64, 64)) if parsed.version == 6 else parsed)
