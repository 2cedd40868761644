"""Access tokens: what is issued is read again, and nothing else is, whatever it looks like."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.memory import CountedIds, ManualClock, MemoryTokenKeys
from adapters.security.access_tokens import JwtAccessTokens
from adapters.security.key_sealing import ChaChaKeySealing
from application.identity.authenticate import Authenticate
from application.identity.token_keys import TokenKeyring
from application.identity.token_ports import ACCESS_TOKENS_LIVE, AccessClaims
from application.shared.key_id import thumbprint
from application.shared.ports import StoreUnavailable
from domain.identity.api_key import ApiKey
from domain.identity.token_key import TokenKey
from domain.shared.access import Grant, Person
from domain.shared.chain import Author
from domain.shared.errors import NotAuthenticated, NotFound
from tests.application.seconds import Seconds

ISSUER = "https://ledger.test"
AUDIENCE = "https://ledger.test/v1"
SECRET = bytes(range(32))
PERSON = "usr_01h2xcejqtf2nbrexx3vqjhp41"
SESSION = "ses_01h2xcejqtf2nbrexx3vqjhp42"


class Server:
    """One of the servers that share a store of keys."""

    def __init__(self, store: MemoryTokenKeys, clock: ManualClock, secret: bytes = SECRET, url: str = ISSUER) -> None:
        sealing = ChaChaKeySealing(secret)
        self.seconds = Seconds()
        self.clock = clock
        self.store = store
        self.keys = TokenKeyring(store, sealing, clock, seconds=self.seconds)
        self.tokens = JwtAccessTokens(self.keys, sealing, clock, CountedIds(), issuer=url, audience=f"{url}/v1")

    def claims(self) -> AccessClaims:
        now = self.clock.now()
        return AccessClaims(PERSON, SESSION, 42, None, now, now + ACCESS_TOKENS_LIVE)

    async def issued(self) -> str:
        return await self.tokens.issue(self.claims())

    async def private_key(self) -> tuple[TokenKey, Ed25519PrivateKey]:
        key = await self.keys.signing()
        return key, ChaChaKeySealing(SECRET).private_half(key)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> MemoryTokenKeys:
    return MemoryTokenKeys()


@pytest.fixture
def server(store: MemoryTokenKeys, clock: ManualClock) -> Server:
    return Server(store, clock)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def written(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    body = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{body}.{encoded(sign(body.encode()))}"


@pytest.mark.parametrize("scopes", [None, (), ("operator", "reports:read")])
@pytest.mark.parametrize("organisation", [None, 1, 999_999_999_999_999_999])
async def test_what_is_issued_is_read_again(
    server: Server, organisation: int | None, scopes: tuple[str, ...] | None
) -> None:
    claims = replace(server.claims(), organisation_id=organisation, scopes=scopes)
    assert await server.tokens.read(await server.tokens.issue(claims)) == claims


async def test_a_token_says_by_whom_and_for_what_it_is(server: Server) -> None:
    header, claims, _ = (await server.issued()).split(".")
    (key,) = await server.store.all()
    assert decoded(header) == {"alg": "EdDSA", "typ": "at+jwt", "kid": key.id}
    assert key.id == thumbprint(key.public_key)
    # The clock of tests stands at 2026-11-24 10:00 UTC.
    assert {name: value for name, value in decoded(claims).items() if name != "jti"} == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": PERSON,
        "cred": SESSION,
        "org": "42",
        "iat": 1_795_514_400,
        "exp": 1_795_515_000,
    }


async def test_tokens_differ_even_when_they_say_the_same(server: Server) -> None:
    assert await server.issued() != await server.issued()


async def test_another_server_of_the_store_reads_them(server: Server, store: MemoryTokenKeys) -> None:
    token = await server.issued()
    assert await Server(store, server.clock).tokens.read(token) == server.claims()
    assert len(await store.all()) == 1


async def test_a_token_is_over_after_ten_minutes_and_the_seconds_that_clocks_may_differ(server: Server) -> None:
    token = await server.issued()
    server.clock.advance(timedelta(minutes=10, seconds=4))
    await server.tokens.read(token)
    server.clock.advance(timedelta(seconds=1))
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(token)


async def test_a_token_from_the_future_is_none(server: Server) -> None:
    token = await server.issued()
    server.clock.advance(-timedelta(seconds=6))
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(token)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.test"},
        {"aud": "https://other.test/v1"},
        {"aud": [f"{ISSUER}/v2"]},
        {"iss": None},
        {"aud": None},
        {"exp": None},
        {"exp": "never"},
        {"iat": None},
        {"sub": None},
        {"cred": None},
        {"cred": 7},
        {"org": "0"},
        {"org": "-1"},
        {"org": 42},
        {"org": "1 OR 1=1"},
        {"scope": ["owner"]},
    ],
)
async def test_what_is_well_signed_must_still_be_meant_for_us(server: Server, change: dict[str, Any]) -> None:
    key, private = await server.private_key()
    _, claims, _ = (await server.issued()).split(".")
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": key.id}
    good = decoded(claims)
    assert await server.tokens.read(written(header, good, private.sign)) == server.claims()
    changed = {name: value for name, value in {**good, **change}.items() if value is not None}
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(written(header, changed, private.sign))


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "Ed448"},
        {"alg": "ES256"},
        {"alg": None},
        {"alg": ["EdDSA"]},
        {"typ": "JWT"},
        {"typ": None},
        {"kid": None},
        {"kid": "../../../../dev/null"},
        {"kid": "' OR '1'='1"},
        {"kid": ["x"]},
        {"kid": {"x": 1}},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
        {"jku": "https://attacker.test/jwks.json"},
        {"x5u": "https://attacker.test/x.pem"},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
    ],
)
async def test_a_header_that_is_not_ours_is_refused_though_the_signature_is(
    server: Server, change: dict[str, Any]
) -> None:
    key, private = await server.private_key()
    _, claims, _ = (await server.issued()).split(".")
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": key.id, **change}
    header = {name: value for name, value in header.items() if value is not None}
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(written(header, decoded(claims), private.sign))


async def test_no_algorithm_makes_the_public_key_a_secret(server: Server) -> None:
    key, _ = await server.private_key()
    _, claims, _ = (await server.issued()).split(".")
    public = Ed25519PrivateKey.generate().public_key()
    for secret in (key.public_key, encoded(key.public_key).encode(), public.public_bytes_raw(), b""):
        for algorithm in ("HS256", "EdDSA"):
            header = {"alg": algorithm, "typ": "at+jwt", "kid": key.id}
            forged = written(header, decoded(claims), lambda body, secret=secret: hmac.digest(secret, body, "sha256"))  # type: ignore[misc] # bound at once
            with pytest.raises(NotAuthenticated):
                await server.tokens.read(forged)


async def test_a_token_that_is_not_signed_is_refused(server: Server) -> None:
    header, claims, _ = (await server.issued()).split(".")
    for text in (f"{header}.{claims}.", f"{header}.{claims}", f"..{claims}", f"{header}..", "", ".", "..", "a.b.c"):
        with pytest.raises(NotAuthenticated):
            await server.tokens.read(text)


async def test_a_changed_character_anywhere_is_refused(server: Server) -> None:
    token = await server.issued()
    # The last character of a part may have bits that mean nothing.
    for position in range(0, len(token) - 2, 7):
        if token[position] == ".":
            continue
        other = "A" if token[position] != "A" else "B"
        with pytest.raises(NotAuthenticated):
            await server.tokens.read(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("text", ["x" * 4_097, "é.é.é", "\x00.\x00.\x00", "e30.e30.e30", "ptk_1_x", "a" * 600 + ".b.c"])
async def test_what_is_no_token_is_refused(server: Server, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(text)


async def test_another_installations_token_is_refused(server: Server, clock: ManualClock) -> None:
    token = await Server(MemoryTokenKeys(), clock).issued()
    await server.issued()
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(token)


async def test_a_token_for_another_url_of_the_same_keys_is_refused(
    server: Server, store: MemoryTokenKeys, clock: ManualClock
) -> None:
    other = Server(store, clock, url="https://elsewhere.test")
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(await other.issued())


async def test_private_keys_are_not_in_the_store(server: Server) -> None:
    key, private = await server.private_key()
    assert private.private_bytes_raw() not in key.sealed
    assert len(key.sealed) == 12 + 32 + 16


async def test_a_key_that_someone_else_put_into_the_store_is_not_trusted(
    server: Server, store: MemoryTokenKeys, clock: ManualClock
) -> None:
    """Who can write to the database, and does not know the server's secret, cannot sign for it."""
    ours, _ = await server.private_key()
    theirs = Ed25519PrivateKey.generate()
    public = theirs.public_key().public_bytes_raw()
    for sealed in (ours.sealed, b"", bytes(60), ChaChaKeySealing(bytes(32)).make()[1]):
        await store.keep(TokenKey(thumbprint(public), public, sealed, clock.now(), clock.now()))
        fresh = Server(store, clock)
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": thumbprint(public)}
        _, claims, _ = (await fresh.issued()).split(".")
        with pytest.raises(NotAuthenticated):
            await fresh.tokens.read(written(header, decoded(claims), theirs.sign))
        assert (await fresh.keys.signing()).id == ours.id
        assert [key.id for key in await fresh.keys.published()] == [ours.id]


async def test_a_server_with_another_secret_makes_a_key_of_its_own(
    server: Server, store: MemoryTokenKeys, clock: ManualClock
) -> None:
    token = await server.issued()
    other = Server(store, clock, secret=bytes(32))
    await other.tokens.read(await other.issued())
    with pytest.raises(NotAuthenticated):
        await other.tokens.read(token)
    assert len(await store.all()) == 2


async def test_a_rotated_key_is_published_at_once_and_signs_ten_minutes_later(
    server: Server, store: MemoryTokenKeys, clock: ManualClock
) -> None:
    before = await server.keys.signing()
    made = await server.keys.rotate()
    assert {key.id for key in await server.keys.published()} == {before.id, made.id}
    clock.advance(timedelta(minutes=9, seconds=59))
    assert (await Server(store, clock).keys.signing()).id == before.id
    last_of_before = await server.issued()
    clock.advance(timedelta(seconds=1))
    assert (await Server(store, clock).keys.signing()).id == made.id
    clock.advance(timedelta(minutes=9, seconds=58))
    assert (await server.tokens.read(last_of_before)).subject == PERSON
    # Ten minutes of publishing, ten of its last token, and one for a server that is late.
    clock.advance(timedelta(minutes=1, seconds=2))
    assert [key.id for key in await Server(store, clock).keys.published()] == [made.id]
    await server.keys.rotate()
    assert before.id not in [key.id for key in await store.all()]


async def test_rotating_again_before_it_signs_replaces_the_one_that_waits(
    server: Server, store: MemoryTokenKeys
) -> None:
    before = await server.keys.signing()
    waiting = await server.keys.rotate()
    made = await server.keys.rotate()
    assert {key.id for key in await store.all()} == {before.id, made.id}
    assert waiting.id != made.id


async def test_a_revoked_key_is_over_and_another_signs(server: Server, clock: ManualClock) -> None:
    token = await server.issued()
    key = await server.keys.signing()
    await server.keys.revoke(key.id)
    with pytest.raises(NotAuthenticated):
        await server.tokens.read(token)
    await server.tokens.read(await server.issued())
    assert (await server.keys.signing()).id != key.id
    with pytest.raises(NotFound):
        await server.keys.revoke(key.id)


async def test_unknown_keys_do_not_make_a_server_read_the_store_each_time(
    server: Server, store: MemoryTokenKeys
) -> None:
    token = await server.issued()
    header, claims, signature = token.split(".")
    read_before = store.times_read
    for number in range(50):
        unknown = encoded(json.dumps({**decoded(header), "kid": f"key{number}"}).encode())
        with pytest.raises(NotAuthenticated):
            await server.tokens.read(f"{unknown}.{claims}.{signature}")
        await server.tokens.read(token)
    assert store.times_read - read_before <= 1


class OneSession:
    """Organisations without keys, and one session that may do nothing."""

    async def create(self, name: str, *, event_id: str, author: Author, now: datetime) -> int:
        raise NotImplementedError

    async def key_of(self, organisation_id: int, digest: bytes) -> ApiKey | None:
        raise NotImplementedError

    async def grants(self, claims: AccessClaims) -> tuple[Grant, ...]:
        return ()

    async def is_logged_in(self, person: Person, now: datetime) -> bool:
        return True


async def test_a_token_of_a_revoked_key_is_taken_for_five_seconds_at_most(
    server: Server, store: MemoryTokenKeys, clock: ManualClock
) -> None:
    elsewhere = Server(store, clock)
    authenticate = Authenticate(OneSession(), elsewhere.tokens, OneSession(), clock, seconds=elsewhere.seconds)
    token, key = await server.issued(), await server.keys.signing()
    await elsewhere.keys.signing()
    elsewhere.seconds.passed = 0.9
    assert (await authenticate.bearer(token)).actor == PERSON
    await server.keys.revoke(key.id)
    elsewhere.seconds.passed = 4.3
    await authenticate.bearer(token)  # it has not heard of it
    elsewhere.seconds.passed = 4.5
    with pytest.raises(NotAuthenticated):
        await authenticate.bearer(token)


async def test_who_hears_that_a_key_was_revoked_takes_no_token_of_it_any_more(
    server: Server, store: MemoryTokenKeys, clock: ManualClock
) -> None:
    elsewhere = Server(store, clock)
    authenticate = Authenticate(OneSession(), elsewhere.tokens, OneSession(), clock, seconds=elsewhere.seconds)
    token, key = await server.issued(), await server.keys.signing()
    await authenticate.bearer(token)
    await server.keys.revoke(key.id)
    authenticate.forget(SESSION + "x", "key_1")
    await authenticate.bearer(token)
    authenticate.forget(key.id)
    with pytest.raises(NotAuthenticated):
        await authenticate.bearer(token)


class StoreAway(MemoryTokenKeys):
    """A store that does not answer, after it was waited for."""

    async def all(self) -> Sequence[TokenKey]:
        self.times_read += 1
        await asyncio.sleep(0)
        raise StoreUnavailable("It is away.")


async def test_however_many_wait_for_a_store_that_is_away_it_is_asked_once_a_second(clock: ManualClock) -> None:
    store = StoreAway()
    server = Server(store, clock)
    for second in (0, 1):
        server.seconds.passed = second
        asked = await asyncio.gather(*[server.keys.verifying("k") for _ in range(20)], return_exceptions=True)
        assert [type(each) for each in asked] == [StoreUnavailable] * 20
        server.seconds.passed = second + 0.9
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            await server.keys.signing()
        assert store.times_read == second + 1
