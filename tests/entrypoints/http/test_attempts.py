"""Attempts to get in: how many there may be, from one place and for one person."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from httpx2 import Response

from application.identity.log_in import IssuedTokens
from domain.shared.chain import Origin
from domain.shared.errors import RateLimited
from entrypoints.container import Services
from entrypoints.settings import Settings
from tests.entrypoints.http.guarded import Guarded, any_address, guarded
from tests.entrypoints.http.tenant import problem

NewGuarded = Callable[..., Awaitable[Guarded]]
VISITOR = {"Authorization": ""}
GUESS = {"email": "someone@example.com", "password": "not the password of anyone"}


@pytest.fixture
async def new_guarded(
    settings: Settings, services: Services, postgres_url: str, redis_url: str
) -> AsyncIterator[NewGuarded]:
    """A way to open a server with settings of its own."""
    async with AsyncExitStack() as stack:

        async def make(**changes: Any) -> Guarded:
            return await stack.enter_async_context(guarded(settings, postgres_url, redis_url, **changes))

        yield make


def refused(response: Response, policy: str, seconds_max: int) -> None:
    """It was one attempt too many, and the answer says when there may be another."""
    assert problem(response, 429, "rate-limited")["policy"] == policy
    assert 0 < int(response.headers["retry-after"]) <= seconds_max


@pytest.mark.parametrize(
    ("path", "body", "otherwise"),
    [
        ("/login", GUESS, 401),
        ("/register", GUESS, 403),  # which is for the invited alone, by default
        ("/verify-email", {"token": "ptm_x", "password": "not the password"}, 422),
        ("/password/forgotten", {"email": "someone@example.com"}, 202),
        ("/password/reset", {"token": "ptm_x", "password": "the sluice opens at nine"}, 422),
        ("/refresh", {"refresh_token": "pts_x"}, 401),
    ],
)
async def test_attempts_from_one_address_are_limited(
    new_guarded: NewGuarded, path: str, body: dict[str, str], otherwise: int
) -> None:
    server = await new_guarded(rate_limit_attempts=2, rate_limit_email=0)
    client = server.client(headers=VISITOR)
    for _ in range(2):
        assert (await client.post(f"/v1/auth{path}", json=body)).status_code == otherwise
    for _ in range(2):
        refused(await client.post(f"/v1/auth{path}", json=body), "attempts", 120)
    elsewhere = await server.client(headers=VISITOR).post(f"/v1/auth{path}", json=body)
    assert elsewhere.status_code == otherwise


async def tokens(server: Guarded) -> IssuedTokens:
    """Those of a person who has logged in at a provider, and has no password."""
    log_in = server.services.persons.log_in
    email = f"{any_address()}@example.com"
    signed_in = await log_in.sign_in_by_identity("https://idp.test", email, email, True, origin=Origin())
    return await log_in._issued(signed_in, None)


async def test_guessing_the_password_of_who_is_logged_in_is_limited(new_guarded: NewGuarded) -> None:
    body = {"current_password": "not the password", "new_password": "the sluice opens at nine"}
    server = await new_guarded(rate_limit_attempts=2, rate_limit_email=0)
    client = server.client(key=(await tokens(server)).access_token)
    for _ in range(2):
        problem(await client.post("/v1/auth/password", json=body), 422, "wrong-password")
    refused(await client.post("/v1/auth/password", json=body), "attempts", 120)
    # To be erased takes the password, too, and counts with it.
    refused(await client.post("/v1/auth/me/erasure", json={"password": "not the password"}), "attempts", 120)


async def test_refreshing_is_no_attempt_unless_it_is_refused(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_attempts=1)
    token = (await tokens(server)).refresh_token
    client = server.client(headers=VISITOR)
    for _ in range(4):
        response = await client.post("/v1/auth/refresh", json={"refresh_token": token})
        assert response.status_code == 200
        token = response.json()["refresh_token"]


@pytest.mark.parametrize(
    ("path", "form", "otherwise"),
    [
        ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"}, 400),
        ("/oauth/introspect", {"client_secret": "x", "token": "x"}, 400),
        ("/oauth/revoke", {"client_secret": "x", "token": "x"}, 400),
    ],
)
async def test_what_programs_are_refused_counts_with_refused_credentials(
    new_guarded: NewGuarded, path: str, form: dict[str, str], otherwise: int
) -> None:
    server = await new_guarded(rate_limit_failures=2)
    client = server.client(headers=VISITOR)
    asked = form | {"client_id": f"cli_{'0' * 26}.{server.organisation_id}"}
    del client.headers["authorization"]
    for _ in range(2):
        assert (await client.post(path, data=asked)).status_code == otherwise
    refused(await client.post(path, data=asked), "failures", 120)
    # They are counted together, however a credential is shown.
    guess = await client.get("/v1/ledgers", headers={"Authorization": "Bearer no such token"})
    refused(guess, "failures", 120)


async def test_guessing_invitations_counts_with_refused_credentials(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_failures=2)
    client = server.client(key=(await tokens(server)).access_token)
    for _ in range(2):
        problem(await client.post("/v1/invitations/accept", json={"token": "pti_1_x"}), 422, "invitation-not-good")
    refused(await client.post("/v1/invitations/accept", json={"token": "pti_1_x"}), "failures", 120)


async def test_who_comes_from_nowhere_is_limited_as_one(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_attempts=1, rate_limit_failures=1, rate_limit_address=10_000)
    admission, attempts = server.services.admission, server.services.attempts
    assert await admission.address(None) is not None
    # All servers count them together: other tests may have taken the one that there is.
    with suppress(RateLimited):
        await attempts.admit("log-in", None)
    with pytest.raises(RateLimited) as guessed:
        await attempts.admit("log-in", None)
    assert guessed.value.facts == {"policy": "attempts"}
    with suppress(RateLimited):
        await admission.count_refusal(None)
    with pytest.raises(RateLimited) as of_failures:
        await admission.count_refusal(None)
    assert of_failures.value.facts == {"policy": "failures"}


async def test_attempts_for_one_person_are_limited_from_each_network_and_from_all(new_guarded: NewGuarded) -> None:
    attempts = (await new_guarded(rate_limit_attempts=0, rate_limit_email=2)).services.attempts
    address, email = any_address(), f"{any_address()}@Example.com"
    await attempts.admit("log-in", address, email)
    await attempts.admit("log-in", address, f" {email.lower()}")
    for _ in range(2):
        with pytest.raises(RateLimited) as from_here:
            await attempts.admit("log-in", address, email)
        assert from_here.value.facts == {"policy": "attempts-email"}
        assert email not in from_here.value.detail
    # Another kind, another person, another network: none of them is kept out.
    await attempts.admit("password", address, email)
    await attempts.admit("log-in", address, f"another.{email}")
    for _ in range(9):
        for address in [any_address()] * 2:
            await attempts.admit("log-in", address, email)
    # Those were twenty, ten times as many as from one network.
    with pytest.raises(RateLimited) as from_everywhere:
        await attempts.admit("log-in", any_address(), email)
    assert from_everywhere.value.facts == {"policy": "attempts-everywhere"}


async def test_networks_of_ipv6_are_told_apart_by_64_bits(new_guarded: NewGuarded) -> None:
    attempts = (await new_guarded(rate_limit_email=1)).services.attempts
    email = f"{any_address()}@example.com"
    await attempts.admit("log-in", "2001:db8:1:1::1", email)
    with pytest.raises(RateLimited):
        await attempts.admit("log-in", "2001:db8:1:1:ffff::2", email)
    await attempts.admit("log-in", "2001:db8:1:2::1", email)


async def test_attempts_from_one_address_are_counted_whomever_they_are_for(new_guarded: NewGuarded) -> None:
    attempts = (await new_guarded(rate_limit_attempts=2)).services.attempts
    address = any_address()
    for number in range(2):
        await attempts.admit("log-in", address, f"{number}.{any_address()}@example.com")
    with pytest.raises(RateLimited) as of_address:
        await attempts.admit("log-in", address, f"{any_address()}@example.com")
    assert of_address.value.facts == {"policy": "attempts"}


@pytest.mark.parametrize(("path", "otherwise"), [("/register", 403), ("/password/forgotten", 202)])
async def test_what_has_mail_sent_is_limited_for_each_person_from_wherever_it_comes(
    new_guarded: NewGuarded, path: str, otherwise: int
) -> None:
    server = await new_guarded(rate_limit_email=2)
    email = f"{any_address()}@example.com"
    body = {"email": email, "password": "the sluice opens at nine"} if path == "/register" else {"email": email}
    answers = [await server.client(headers=VISITOR).post(f"/v1/auth{path}", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [otherwise, otherwise, 429]
    refused(answers[-1], "attempts-mail", 1800)
    assert email not in answers[-1].text
