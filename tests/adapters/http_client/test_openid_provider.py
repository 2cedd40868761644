"""What an OpenID provider says that is not to be believed. (A real one is in tests/entrypoints/http/oauth.)"""

import asyncio
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from adapters.http_client.openid_provider import ANSWER_BYTES_MAX, HttpOpenIdProvider
from application.identity.openid_ports import OutsideIdentity, ProviderUnusable
from tests.application.seconds import Seconds

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
CALLBACK = "https://partita.example/auth/oidc/callback"
KEY = ECKey.generate_key("P-256", parameters={"kid": "one"})
OTHER_KEY = ECKey.generate_key("P-256", parameters={"kid": "two"})
SECRET = "a secret / with: signs"


class Clock:
    """Stands still, until it is told otherwise."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class ScriptedProvider:
    """A provider that says what a test has it say, by path, and notes what it is asked."""

    def __init__(self) -> None:
        self.issuer = ""
        self.metadata: dict[str, Any] = {}
        self.keys = [KEY]
        self.claims: dict[str, Any] = {}
        self.answers: dict[str, bytes | None] = {}
        self.status = 200
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []

    def know(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        self.claims = {
            "iss": self.issuer,
            "aud": "partita",
            "sub": "anna",
            "nonce": "n",
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 300,
            "email": "anna@example.com",
            "email_verified": True,
        }

    def said(self, path: str) -> bytes | None:
        """The body of an answer; None has it hang."""
        if path in self.answers:
            return self.answers[path]
        said = {
            "/.well-known/openid-configuration": self.metadata,
            "/jwks": {"keys": [key.as_dict(private=False) for key in self.keys]},
            "/token": {"access_token": "a", "id_token": self.id_token()},
        }[path]
        return json.dumps(said).encode()

    def id_token(self, key: Any = None, header: Mapping[str, Any] | None = None) -> str:
        return jwt.encode(dict(header or {"alg": "ES256", "kid": "one"}), self.claims, key or KEY)

    def send(self, id_token: Any) -> None:
        """Have it answer with this ID token."""
        self.answers["/token"] = json.dumps({"access_token": "a", "id_token": id_token}).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
            exact = dict(line.split(": ", 1) for line in lines[1:-2])
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = urlsplit(lines[0].split(" ")[1]).path
            self.asked.append((path, exact, dict(parse_qsl(body.decode()))))
            said = self.said(path)
            if said is None:
                await asyncio.sleep(60)
                return
            head = f"HTTP/1.1 {self.status} X\r\nConnection: close\r\nContent-Length: {len(said)}\r\n\r\n"
            writer.write(head.encode() + said)
            await writer.drain()
        except ConnectionError:
            pass  # it was not listened to any longer
        finally:
            writer.close()


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedProvider]:
    made = ScriptedProvider()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(made.answer(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    made.know(server.sockets[0].getsockname()[1])
    yield made
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def provider_of(scripted: ScriptedProvider, clock: Clock | None = None, *, seconds: float = 10) -> HttpOpenIdProvider:
    return HttpOpenIdProvider(
        scripted.issuer, "partita", SECRET, clock or Clock(), name="Example", answer_seconds_max=seconds
    )


async def finish(provider: HttpOpenIdProvider, *, nonce: str = "n", issuer: str | None = None) -> OutsideIdentity:
    return await provider.finish(CALLBACK, code="c", nonce=nonce, code_verifier="v", issuer=issuer)


async def test_a_code_is_exchanged_for_an_identity(scripted: ScriptedProvider) -> None:
    identity = await finish(provider_of(scripted))
    assert identity == OutsideIdentity(scripted.issuer, "anna", "anna@example.com", True)
    (_, headers, form) = next(asked for asked in scripted.asked if asked[0] == "/token")
    assert form == {"grant_type": "authorization_code", "code": "c", "redirect_uri": CALLBACK, "code_verifier": "v"}
    credentials = next(value for name, value in headers.items() if name.lower() == "authorization")
    assert b64decode(credentials.removeprefix("Basic ")) == b"partita:a+secret+%2F+with%3A+signs"


async def test_the_secret_goes_into_the_body_where_the_provider_wants_it(scripted: ScriptedProvider) -> None:
    scripted.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    await finish(provider_of(scripted))
    (_, _, form) = next(asked for asked in scripted.asked if asked[0] == "/token")
    assert (form["client_id"], form["client_secret"]) == ("partita", SECRET)


async def test_the_browser_is_sent_with_all_that_ties_the_answer_to_it(scripted: ScriptedProvider) -> None:
    scripted.metadata["authorization_endpoint"] += "?tenant=1"
    url = await provider_of(scripted).start(CALLBACK, state="s", nonce="n", code_challenge="h")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "tenant": "1",
        "response_type": "code",
        "client_id": "partita",
        "redirect_uri": CALLBACK,
        "scope": "openid email",
        "state": "s",
        "nonce": "n",
        "code_challenge": "h",
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"aud": ["partita", "another"], "azp": "another"},
        {"exp": int(NOW.timestamp()) - 61},
        {"exp": None},
        {"exp": "never"},
        {"iat": int(NOW.timestamp()) + 3600},
        {"iat": None},
        {"nbf": int(NOW.timestamp()) + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["n"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
    ],
)
async def test_an_id_token_that_is_not_for_this_log_in_is_refused(
    scripted: ScriptedProvider, wrong: dict[str, Any]
) -> None:
    scripted.claims = {name: value for name, value in (scripted.claims | wrong).items() if value is not None}
    with pytest.raises(ProviderUnusable):
        await finish(provider_of(scripted))


async def test_an_id_token_is_signed_by_the_provider_and_no_one_else(scripted: ScriptedProvider) -> None:
    def part(value: object) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    good = scripted.id_token()
    head, body, signature = good.split(".")
    with_secret = OctKey.import_key(SECRET.encode() * 2)
    public = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
    for forged in (
        f"{part({'alg': 'none'})}.{body}.",
        f"{part({'alg': 'None', 'kid': 'one'})}.{body}.{signature}",
        f"{part({'alg': 'ES256', 'kid': 'one', 'jwk': OTHER_KEY.as_dict(private=False)})}.{body}.{signature}",
        scripted.id_token(OTHER_KEY),
        scripted.id_token(OTHER_KEY, {"alg": "ES256", "kid": "two"}),
        scripted.id_token(with_secret, {"alg": "HS256", "kid": "one"}),
        scripted.id_token(public, {"alg": "HS256"}),
        f"{head}.{part(scripted.claims | {'sub': 'admin'})}.{signature}",
        good[:-4],
        "ä.ö.ü",
        "",
        None,
        7,
    ):
        scripted.send(forged)
        with pytest.raises(ProviderUnusable):
            await finish(provider_of(scripted))


async def test_new_keys_of_the_provider_are_looked_for(scripted: ScriptedProvider) -> None:
    provider = provider_of(scripted)
    await finish(provider)
    scripted.keys = [OTHER_KEY]
    scripted.send(scripted.id_token(OTHER_KEY, {"alg": "ES256", "kid": "two"}))
    assert (await finish(provider)).subject == "anna"
    scripted.keys = []
    scripted.send(scripted.id_token(KEY))
    with pytest.raises(ProviderUnusable):
        await finish(provider)


async def test_a_provider_is_who_it_is_configured_to_be(scripted: ScriptedProvider) -> None:
    scripted.metadata["issuer"] = "https://evil.example"
    with pytest.raises(ProviderUnusable, match=r"calls itself 'https://evil.example'"):
        await provider_of(scripted).start(CALLBACK, state="s", nonce="n", code_challenge="h")


async def test_a_code_of_another_provider_is_not_sent_to_this_one(scripted: ScriptedProvider) -> None:
    scripted.metadata["authorization_response_iss_parameter_supported"] = True
    for issuer in ("https://evil.example", None):
        with pytest.raises(ProviderUnusable, match="the code comes from"):
            await finish(provider_of(scripted), issuer=issuer)
    assert "/token" not in {path for path, _, _ in scripted.asked}
    await finish(provider_of(scripted), issuer=scripted.issuer)


@pytest.mark.parametrize(
    "endpoint", [None, 7, "http://evil.example/token", "file:///etc/passwd", "ftp://x/", "http://[::", "//127.0.0.1/"]
)
async def test_secrets_go_over_tls_or_nowhere(scripted: ScriptedProvider, endpoint: Any) -> None:
    scripted.metadata["token_endpoint"] = endpoint
    with pytest.raises(ProviderUnusable, match="token_endpoint is not a URL of https"):
        await finish(provider_of(scripted))


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
async def test_an_answer_is_short_and_of_json(scripted: ScriptedProvider, path: str) -> None:
    for answer in (
        b"{" + b" " * (64 * ANSWER_BYTES_MAX) + b"}",
        b"[" * 100_000,
        b"[]",
        b"nothing",
        b"\xff\xfe",
        b"",
        b'{"keys": 7}',
    ):
        scripted.answers[path] = answer
        with pytest.raises(ProviderUnusable):
            await finish(provider_of(scripted))


async def test_an_answer_that_is_too_long_is_not_read_to_its_end(scripted: ScriptedProvider) -> None:
    scripted.answers["/token"] = b"x" * (ANSWER_BYTES_MAX + 1)
    with pytest.raises(ProviderUnusable, match="more than 262,144 bytes"):
        await finish(provider_of(scripted))


async def test_a_provider_that_hangs_is_not_waited_for(scripted: ScriptedProvider) -> None:
    scripted.answers["/token"] = None
    with pytest.raises(ProviderUnusable, match="does not answer in time"):
        await finish(provider_of(scripted, seconds=0.2))


async def test_a_refusal_or_a_redirection_is_no_answer(scripted: ScriptedProvider) -> None:
    for status in (302, 400, 500):
        scripted.status = status
        with pytest.raises(ProviderUnusable, match=f"with the status {status}"):
            await finish(provider_of(scripted))


async def test_the_environment_names_no_proxy_and_no_password(
    scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await finish(provider_of(scripted))
    assert [path for path, headers, _ in scripted.asked if "Authorization" in headers] == ["/token"]


async def test_what_the_provider_says_of_itself_is_remembered_for_an_hour(scripted: ScriptedProvider) -> None:
    clock = Clock()
    provider = provider_of(scripted, clock)
    for later, times in ((0, 1), (59, 1), (60, 2)):
        clock.time = NOW + timedelta(minutes=later)
        await provider.start(CALLBACK, state="s", nonce="n", code_challenge="h")
        assert len(scripted.asked) == times


@pytest.mark.parametrize(
    ("claims", "email", "is_verified"),
    [
        ({}, "anna@example.com", True),
        ({"email_verified": "true"}, "anna@example.com", False),
        ({"email_verified": None}, "anna@example.com", False),
        ({"email": 7}, None, False),
        ({"email": "a\nb@example.com"}, None, False),
        ({"email": "x" * 255}, None, False),
    ],
)
async def test_an_address_is_verified_only_where_the_provider_says_just_that(
    scripted: ScriptedProvider, claims: dict[str, Any], email: str | None, is_verified: bool
) -> None:
    scripted.claims |= claims
    identity = await finish(provider_of(scripted))
    assert (identity.email, identity.is_email_verified) == (email, is_verified)


async def test_an_address_may_stand_where_the_provider_tells_of_persons(scripted: ScriptedProvider) -> None:
    scripted.metadata["userinfo_endpoint"] = f"{scripted.issuer}/userinfo"
    del scripted.claims["email"], scripted.claims["email_verified"]
    told = {"sub": "anna", "email": "a@example.com", "email_verified": True, "iss": "https://evil.example"}
    scripted.answers["/userinfo"] = json.dumps(told).encode()
    assert await finish(provider_of(scripted)) == OutsideIdentity(scripted.issuer, "anna", "a@example.com", True)
    scripted.answers["/userinfo"] = json.dumps(told | {"sub": "another"}).encode()
    with pytest.raises(ProviderUnusable, match="of another person"):
        await finish(provider_of(scripted))


async def start(provider: HttpOpenIdProvider) -> str:
    return await provider.start(CALLBACK, state="s", nonce="n", code_challenge="c")


async def test_however_many_log_in_at_once_a_provider_is_asked_once(scripted: ScriptedProvider) -> None:
    provider = provider_of(scripted)
    await asyncio.gather(*[start(provider) for _ in range(20)])
    await asyncio.gather(*[finish(provider) for _ in range(5)])
    paths = [path for path, _, _ in scripted.asked]
    assert [paths.count(path) for path in ("/.well-known/openid-configuration", "/jwks", "/token")] == [1, 1, 5]


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
async def test_a_provider_that_cannot_be_used_is_left_alone_for_five_seconds(
    scripted: ScriptedProvider, path: str
) -> None:
    seconds = Seconds()
    provider = HttpOpenIdProvider(scripted.issuer, "partita", SECRET, Clock(), name="Example", seconds=seconds)
    scripted.answers[path] = b"[]"
    for passed, times in ((0, 1), (4.9, 1), (5, 2)):
        seconds.passed = passed
        told = await asyncio.gather(*[finish(provider) for _ in range(5)], return_exceptions=True)
        assert [type(each) for each in told] == [ProviderUnusable] * 5
        assert [asked for asked, _, _ in scripted.asked].count(path) == times
    scripted.answers.clear()
    seconds.passed = 10
    assert (await finish(provider)).subject == "anna"
