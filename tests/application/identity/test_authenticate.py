"""What is remembered of a credential, for how long, and what makes it forgotten."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from application.identity.authenticate import Authenticate
from application.identity.remembering import REMEMBERED_MAX
from application.identity.token_ports import AccessClaims
from domain.identity.api_key import API_KEY, ApiKey
from domain.shared.access import Grant, Person, Principal
from domain.shared.chain import Author
from domain.shared.errors import NotAuthenticated
from tests.application.seconds import Seconds

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ORGANISATION = 7


def key(number: int = 1) -> str:
    return API_KEY.build(ORGANISATION, number.to_bytes(48, "big"))


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


class SlowOrganisations:
    """Organisations whose keys are found when `gate` opens; whether one is revoked is seen before that."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.revoked_at: datetime | None = None
        self.looked_up = 0

    async def create(self, name: str, *, event_id: str, author: Author, now: datetime) -> int:
        raise NotImplementedError

    async def key_of(self, organisation_id: int, digest: bytes) -> ApiKey | None:
        self.looked_up += 1
        found = ApiKey("key_1", "checkout", "ptk_…", NOW, revoked_at=self.revoked_at, scopes=("owner",))
        await self.gate.wait()
        return found


class NoTokens:
    """Tokens and what stands behind them, for who shows API keys alone."""

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


@pytest.fixture
def organisations() -> SlowOrganisations:
    return SlowOrganisations()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def authenticate(organisations: SlowOrganisations, seconds: Seconds) -> Authenticate:
    return Authenticate(organisations, NoTokens(), NoTokens(), StillClock(), seconds=seconds)


async def test_a_credential_is_looked_up_once_and_then_remembered(
    authenticate: Authenticate, organisations: SlowOrganisations
) -> None:
    assert authenticate.remembered(key()) is None
    found = await asyncio.gather(*[authenticate.principal(key()) for _ in range(20)])
    assert {(who.organisation_id, who.actor) for who in found} == {(ORGANISATION, "key_1")}
    remembered = authenticate.remembered(key())
    assert remembered is not None
    assert remembered.principal == found[0]
    assert organisations.looked_up == 1


async def test_what_is_forgotten_is_looked_up_anew(
    authenticate: Authenticate, organisations: SlowOrganisations
) -> None:
    await authenticate.principal(key())
    organisations.revoked_at = NOW
    authenticate.forget("key_2")
    await authenticate.principal(key())
    authenticate.forget("usr_1", "key_1")
    assert not authenticate.has_known(key())
    with pytest.raises(NotAuthenticated, match="key_1 was revoked"):
        await authenticate.principal(key())
    assert organisations.looked_up == 2


async def test_a_look_up_that_began_before_the_revocation_is_not_remembered(
    authenticate: Authenticate, organisations: SlowOrganisations
) -> None:
    organisations.gate.clear()
    early = asyncio.create_task(authenticate.principal(key()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert organisations.looked_up == 1
    organisations.revoked_at = NOW
    authenticate.forget("key_1")
    # Who comes after the revocation does not wait for what was found before it.
    late = asyncio.create_task(authenticate.principal(key()))
    await asyncio.sleep(0)
    organisations.gate.set()
    assert isinstance(await early, Principal)
    with pytest.raises(NotAuthenticated):
        await late
    assert authenticate.remembered(key()) is None


async def test_other_look_ups_under_way_are_remembered(
    authenticate: Authenticate, organisations: SlowOrganisations
) -> None:
    organisations.gate.clear()
    looking = asyncio.create_task(authenticate.principal(key()))
    await asyncio.sleep(0)
    authenticate.forget("key_of_another")
    organisations.gate.set()
    await looking
    assert authenticate.remembered(key()) is not None


async def test_no_more_is_remembered_than_has_room(
    authenticate: Authenticate, organisations: SlowOrganisations
) -> None:
    for number in range(REMEMBERED_MAX + 1):
        await authenticate.bearer(key(number))
    assert authenticate.remembered(key(0)) is None, "the oldest made room"
    assert authenticate.remembered(key(1)) is not None
    authenticate.forget("key_1")
    assert not any(authenticate.has_known(key(number)) for number in range(REMEMBERED_MAX + 1))


async def test_memory_ends_after_four_and_a_half_seconds(
    organisations: SlowOrganisations, authenticate: Authenticate, seconds: Seconds
) -> None:
    await authenticate.bearer(key())
    organisations.revoked_at = NOW
    seconds.passed += 4.4
    assert authenticate.remembered(key()) is not None
    seconds.passed += 0.1
    assert authenticate.remembered(key()) is None
    assert authenticate.has_known(key())
    with pytest.raises(NotAuthenticated):
        await authenticate.bearer(key())
    assert not authenticate.has_known(key())
