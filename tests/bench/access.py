"""What it costs to know who asks, what they may do and whether they ask too often, where all of it is remembered."""

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE

from application.identity.admission import Admission, Limits
from application.identity.authenticate import Authenticate
from application.identity.token_ports import AccessClaims
from application.shared.ports import Rule, Taken
from application.shared.rate_limits import Counting
from domain.identity.api_key import API_KEY, ApiKey
from domain.shared.access import Grant, Permission, Person
from domain.shared.chain import Author
from entrypoints.http.addresses import Proxies
from entrypoints.http.answer_headers import completed

ADDRESS: Final = "203.0.113.7"
_QUOTA: Final = 1_000_000_000
_REPEATED: Final = 5


class _Everyone:
    """One key that is good, tokens that nobody shows, and a store with permits for all."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def create(self, name: str, *, event_id: str, author: Author, now: datetime) -> int:
        raise NotImplementedError

    async def key_of(self, organisation_id: int, digest: bytes) -> ApiKey:
        return ApiKey("key_01h2xcejqtf2nbrexx3vqjhp41", "benchmark", "ptk_…", self.now(), scopes=("owner",))

    async def issue(self, claims: AccessClaims) -> str:
        raise NotImplementedError

    def forget(self, *names: str) -> None:
        """Nothing is remembered."""

    async def issuing(self) -> Callable[[AccessClaims], str]:
        raise NotImplementedError

    async def read(self, text: str) -> AccessClaims:
        raise NotImplementedError

    async def grants(self, claims: AccessClaims) -> tuple[Grant, ...]:
        raise NotImplementedError

    async def is_logged_in(self, person: Person, now: datetime) -> bool:
        raise NotImplementedError

    async def take(self, rule: Rule, name: str, count: int) -> Taken:
        return Taken(count, rule.quota - count, 0, 60)

    async def is_there(self) -> bool:
        return True


async def remembering() -> tuple[Admission, str]:
    """Return an admission that remembers a key, for which time stands still; and the key."""
    everyone = _Everyone()
    began = time.monotonic()
    authenticate = Authenticate(everyone, everyone, everyone, everyone, seconds=lambda: began)
    limits = Limits(_QUOTA, _QUOTA, _QUOTA, failures=300, attempts=60, email=20)
    admission = Admission(authenticate, limits, Counting(everyone), seconds=lambda: began)
    key = API_KEY.build(7, secrets.token_bytes(48))
    await admission.admit(key, ADDRESS)
    await admission.address(ADDRESS)
    return admission, key


async def access_costs(times: int) -> Mapping[str, float]:
    """Return what each step of a request costs, in µs of one core: the best of several runs of so many times."""
    admission, key = await remembering()
    header = f"Bearer {key}".encode()
    admitted = await admission.admit(key, ADDRESS)
    of_address = await admission.address(ADDRESS)
    assert of_address is not None
    meters = [of_address, *admitted.meters]
    for meter in meters:
        meter.permits = _QUOTA
    principal = admitted.bearer.of_organisation()
    proxies, scope = Proxies(), {"client": (ADDRESS, 40_000)}
    answered = [(b"content-type", b"application/json"), (b"content-length", b"500"), (b"etag", b'"1"')]
    own = [(b"x-request-id", b"req_01h2xcejqtf2nbrexx3vqjhp41"), (b"partita-version", b"1")]
    path = "/v1/ledgers/main/transactions"
    added = completed(answered, path, "http", own, meters)[len(answered) + len(own) :]

    def text() -> str:
        return str(header, "latin-1").partition(" ")[2].strip()

    def written() -> None:
        # As uvicorn does with each header of an answer.
        content: list[bytes] = []
        for name, value in added:
            assert not HEADER_RE.search(name)
            assert not HEADER_VALUE_RE.search(value)
            content += [name.lower(), b": ", value, b"\r\n"]

    def with_limits() -> None:
        assert proxies.read(scope) is not None
        assert admission.address_at_once(ADDRESS) is not None
        assert admission.at_once(text(), ADDRESS) is not None

    authenticate = admission.authenticate
    authentication = _cost(lambda: authenticate.remembered(text(), ADDRESS), times)
    return {
        "authentication": authentication,
        "authorisation": _cost(lambda: principal.require(Permission.TRANSACTIONS_POST, ledger="main"), times),
        "rate limits": max(0.0, _cost(with_limits, times) - authentication),
        "headers": _cost(lambda: completed(answered, path, "http", own, meters), times) + _cost(written, times),
    }


def _cost(step: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(_REPEATED):
        began = time.perf_counter()
        for _ in range(times):
            step()
        best = min(best, time.perf_counter() - began)
    return best / times * 1e6
