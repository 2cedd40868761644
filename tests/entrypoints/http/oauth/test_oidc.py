"""Log-in with an outside OpenID provider, a real one: there and back, and what does not pass for it."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from pydantic import SecretStr

from adapters.http_client.openid_provider import HttpOpenIdProvider
from entrypoints.container import Services
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.oauth.mock_provider import MockProvider
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import Member, Program, answered, form_token, submit
from tests.entrypoints.http.tenant import document, problem

START = "/auth/oidc/start"


@pytest.fixture(scope="module")
def provider() -> Iterator[MockProvider]:
    made = MockProvider()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def app_of(oauth_app: FastAPI) -> Any:
    """A way to make the application with a provider of this issuer."""

    def make(issuer: str) -> FastAPI:
        services: Services = oauth_app.state.services
        secret = "a secret / with: signs"
        provider = HttpOpenIdProvider(issuer, "partita", secret, services.clock, name="Example & Co")
        return create_app(replace(services, oauth=replace(services.oauth, provider=provider)))

    return make


@pytest.fixture
async def there(app_of: Any, provider: MockProvider, program: Program) -> AsyncIterator[Program]:
    """The program, in front of a browser of a server that has the provider."""
    transport = ASGITransport(app_of(provider.issuer))
    async with AsyncClient(transport=transport, base_url="http://partita.test") as browser:
        yield replace(program, browser=browser)


def here(url: str) -> str:
    """The address below this server that the provider sends the browser back to."""
    assert url.startswith("http://127.0.0.1:8000/auth/oidc/callback?")
    return url.removeprefix("http://127.0.0.1:8000")


async def started(program: Program, **asked: str) -> str:
    """Where the browser is sent that wants to log in at the provider, from the page to log in."""
    shown = await program.browser.get(program.authorize_url(**asked))
    found = re.search(r'action="([^"]*oidc/start)">[^/]*name="for" value="([^"]*)"', shown.text)
    assert found is not None
    assert "Log in with Example &amp; Co" in shown.text
    fields = {"form_token": form_token(shown), "for": unescape(found.group(2))}
    return sent_to(await program.browser.post(shown.url.join(found.group(1)), data=fields))


def sent_to(response: Response) -> str:
    """Where a page leads the browser by itself, and whoever follows its link."""
    assert response.status_code == 200, response.text
    (refreshed,) = re.findall(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', response.text)
    assert f'href="{refreshed}"' in response.text
    return unescape(refreshed)


async def start(program: Program, browser: AsyncClient, **fields: str) -> Response:
    """Begin a log-in at the provider, with the token of a page that this browser was shown."""
    shown = await browser.get(program.authorize_url(prompt="login"))
    return await browser.post(START, data={"form_token": form_token(shown)} | fields)


def refused(response: Response, status: int = 400) -> str:
    """The page that tells that nobody was logged in."""
    assert response.status_code == status, response.text
    assert "You could not be logged in" in response.text
    assert "partita_session" not in response.headers.get("set-cookie", "")
    return response.text


async def test_a_member_logs_in_with_the_provider_and_consents(
    there: Program, provider: MockProvider, member: Member
) -> None:
    await provider.know("anna", email=member.email, email_verified=True)
    url = await started(there)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert (asked["scope"], asked["code_challenge_method"], len(asked["code_challenge"])) == (
        "openid email",
        "S256",
        43,
    )
    back = await there.browser.get(here(await provider.log_in(url, "anna")))
    assert back.status_code == 303
    consent = await there.browser.get(back.url.join(back.headers["location"]))
    assert "Allow Expenses" in consent.text
    told = answered(await submit(there.browser, consent, step="consent", decision="allow"))
    tokens = document(await there.exchange(told["code"]))
    assert (await there.introspected(tokens["access_token"]))["sub"] == member.person_id
    # From now on the provider's name for the person is enough, whatever address it has there.
    await provider.know("anna", email="other@example.com", email_verified=False)
    there.browser.cookies.clear()
    assert (await there.browser.get(here(await provider.log_in(await started(there), "anna")))).status_code == 303


@pytest.mark.parametrize("prompt", ["login", "login consent", "consent login"])
async def test_whom_the_program_wants_to_log_in_does_so_once(
    there: Program, provider: MockProvider, member: Member, prompt: str
) -> None:
    whose = member.person_id  # the provider is one for all tests
    await provider.know(whose, email=member.email, email_verified=True)
    back = await there.browser.get(here(await provider.log_in(await started(there, prompt=prompt), whose)))
    assert back.status_code == 303
    consent = await there.browser.get(back.url.join(back.headers["location"]))
    assert "Allow Expenses" in consent.text
    assert "code" in answered(await submit(there.browser, consent, step="consent", decision="allow"))


@pytest.mark.parametrize("claims", [{}, {"email_verified": False}, {"email_verified": "true"}, {"email_verified": 1}])
async def test_an_address_that_was_not_verified_is_nobodys(
    there: Program, provider: MockProvider, member: Member, claims: dict[str, Any]
) -> None:
    await provider.know("mallory", email=member.email, **claims)
    refused(await there.browser.get(here(await provider.log_in(await started(there), "mallory"))), 403)


async def test_who_logs_in_for_nothing_is_told_so(there: Program, provider: MockProvider, member: Member) -> None:
    await provider.know("bert", email=member.email, email_verified=True)
    for more in ({}, {"for": ""}, {"return_to": "https://evil.example"}):
        url = sent_to(await start(there, there.browser, **more))
        back = await there.browser.get(here(await provider.log_in(url, "bert")))
        assert (back.status_code, "location" in back.headers) == (200, False)
        assert "You are logged in" in back.text


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example/", "/../../evil", "\r\nX-Evil: 1"])
async def test_nobody_is_sent_elsewhere_after_the_log_in(
    there: Program, provider: MockProvider, member: Member, wanted: str
) -> None:
    await provider.know("carla", email=member.email, email_verified=True)
    url = sent_to(await start(there, there.browser, **{"for": wanted}))
    back = await there.browser.get(here(await provider.log_in(url, "carla")))
    gone_to = back.url.join(back.headers["location"])
    assert (gone_to.host, gone_to.path) == ("partita.test", "/oauth/authorize")
    assert "x-evil" not in back.headers


async def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    there: Program, provider: MockProvider, member: Member, app_of: Any
) -> None:
    await provider.know("dora", email=member.email, email_verified=True)
    back = here(await provider.log_in(await started(there), "dora"))
    given = dict(parse_qsl(urlsplit(back).query))
    async with connected(app_of(provider.issuer)) as victim:
        refused(await victim.get(back))
        sent_to(await start(there, victim))
        refused(await victim.get(back))
    for changes in ({"state": "x" * 43}, {"state": ""}, {"state": given["state"][:-1]}):
        wrong = "/auth/oidc/callback?" + urlencode(given | changes)
        refused(await there.browser.get(wrong))
        await started(there)
    back = here(await provider.log_in(await started(there), "dora"))
    assert (await there.browser.get(back)).status_code == 303
    refused(await there.browser.get(back))


async def test_no_other_site_can_have_a_browser_log_in_there(
    there: Program, provider: MockProvider, app_of: Any
) -> None:
    problem(await there.browser.get(START), 405, "method-not-allowed")
    async with connected(app_of(provider.issuer)) as other:
        of_other = form_token(await other.get(there.authorize_url()))
    own = form_token(await there.browser.get(there.authorize_url()))
    answers = [
        await there.browser.post(START, data=fields, headers=headers)
        for fields, headers in (
            ({}, {}),
            ({"form_token": of_other}, {}),
            ({"form_token": own}, {"Sec-Fetch-Site": "cross-site"}),
        )
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert provider.issuer not in answer.text
    policy = (await there.browser.post(START, data={"form_token": own})).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self';")


async def test_a_second_log_in_there_ends_the_session_of_the_first(
    there: Program, provider: MockProvider, member: Member, people: People
) -> None:
    await provider.know("frida", email=member.email, email_verified=True)
    for _ in range(2):
        back = await there.browser.get(here(await provider.log_in(sent_to(await start(there, there.browser)), "frida")))
        assert back.status_code == 200
    assert await people.sessions(member) == ["ended", "lasts"]


async def test_who_does_not_log_in_there_is_not_logged_in_here(there: Program, provider: MockProvider) -> None:
    url = await started(there)
    state = dict(parse_qsl(urlsplit(url).query))["state"]
    told = refused(await there.browser.get(f"/auth/oidc/callback?error=<script>&state={state}"))
    assert "Example &amp; Co did not log you in" in told
    assert "<script>" not in told


async def test_a_code_that_the_provider_does_not_know_logs_nobody_in(there: Program) -> None:
    state = dict(parse_qsl(urlsplit(await started(there)).query))["state"]
    refused(await there.browser.get(f"/auth/oidc/callback?code=x&state={state}"), 502)


async def test_a_provider_that_is_away_is_told_of(app_of: Any, program: Program) -> None:
    async with connected(app_of("http://127.0.0.1:9")) as browser:
        told = refused(await start(program, browser), 502)
        assert "127.0.0.1" not in told, "which is the operator's business"


async def test_without_a_provider_there_is_none_to_log_in_with(program: Program) -> None:
    assert "oidc" not in (await program.browser.get(program.authorize_url())).text
    problem(await program.browser.post(START), 404, "not-found")
    problem(await program.browser.get("/auth/oidc/callback"), 404, "not-found")


async def test_a_person_of_the_provider_who_is_no_member_may_nothing(
    there: Program, provider: MockProvider, people: People
) -> None:
    await provider.know("emil", email="emil@elsewhere.example", email_verified=True)
    back = await there.browser.get(here(await provider.log_in(await started(there), "emil")))
    shown = await there.browser.get(back.url.join(back.headers["location"]))
    assert shown.status_code == 403
    assert "not a member" in shown.text


def test_the_provider_is_set_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ISSUER": "https://id.example", "CLIENT_ID": "c", "CLIENT_SECRET": "s", "NAME": "N"}.items():
        monkeypatch.setenv(f"PARTITA_OIDC_{name}", value)
    settings = Settings()
    assert (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_name) == ("https://id.example", "c", "N")
    assert settings.oidc_client_secret == SecretStr("s")
    assert "'s'" not in repr(settings)
