"""OAuth by the code flow: a program gets to act for a member, within what both may do, for as long as both want it."""

import asyncio
import time

import pytest
from httpx2 import AsyncClient

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.oauth.conftest import NewProgram
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import CALLBACK, VERIFIER, Member, Program, answered, authorize_url, refused
from tests.entrypoints.http.tenant import Tenant, document, problem, sale


async def test_a_program_acts_for_a_member_who_has_consented(program: Program, member: Member) -> None:
    told = await program.consented(member)
    assert told.keys() == {"code", "state", "iss"}
    assert told["state"] == "st&te=1"
    assert told["iss"] == "http://127.0.0.1:8000"
    response = await program.exchange(told["code"])
    tokens = document(response)
    assert response.headers["cache-control"] == "no-store"
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == (
        "Bearer",
        600,
        "accounts:read ledgers:read",
    )
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    document(await program.browser.get("/v1/ledgers", headers=bearer))
    refusal = await program.browser.post("/v1/ledgers/main/transactions", json=sale(), headers=bearer)
    told_of = problem(refusal, 403, "permission-denied")
    assert told_of["permission"] == "transactions:post", "an owner may, and has not let the program"


async def test_a_program_may_no_more_than_the_member(new_program: NewProgram, people: People, tenant: Tenant) -> None:
    program = await new_program(scopes=["owner"])
    auditor = await people.member(tenant.organisation_id, "auditor")
    tokens = await program.tokens(auditor, scope="owner")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    document(await program.browser.get("/v1/ledgers", headers=bearer))
    problem(
        await program.browser.post(tenant.path("/transactions"), json=sale(), headers=bearer), 403, "permission-denied"
    )


async def test_a_public_program_needs_no_secret_but_the_verifier(app_on_a_desktop: Program, member: Member) -> None:
    code = await app_on_a_desktop.code(member)
    refused(await app_on_a_desktop.exchange(code, {"code_verifier": ""}), "invalid_request")
    refused(await app_on_a_desktop.exchange(code, {"code_verifier": "b" * 43}), "invalid_grant")
    assert await app_on_a_desktop.is_taken(document(await app_on_a_desktop.exchange(code))["access_token"])


async def test_ten_exchanges_of_a_code_at_once_succeed_once(program: Program, member: Member) -> None:
    code = await program.code(member)
    responses = await asyncio.gather(*(program.exchange(code) for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [200] + [400] * 9
    assert {response.json().get("error") for response in responses} == {None, "invalid_grant"}
    (tokens,) = (response.json() for response in responses if response.status_code == 200)
    assert not await program.is_taken(tokens["access_token"]), "a code that is shown again gives its grant away"


async def test_ten_refreshes_at_once_succeed_once(program: Program, member: Member) -> None:
    refresh_token = (await program.tokens(member))["refresh_token"]
    responses = await asyncio.gather(*(program.refresh(refresh_token) for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [200] + [400] * 9


async def test_a_code_that_is_shown_again_ends_its_grant_and_all_tokens(program: Program, member: Member) -> None:
    code = await program.code(member)
    tokens = document(await program.exchange(code))
    assert await program.is_taken(tokens["access_token"])
    refused(await program.exchange(code), "invalid_grant")
    assert not await program.is_taken(tokens["access_token"])
    refused(await program.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_a_refresh_token_is_good_once_and_ends_its_grant_when_it_is_shown_again(
    program: Program, member: Member
) -> None:
    first = await program.tokens(member)
    second = document(await program.refresh(first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    third = document(await program.refresh(second["refresh_token"]))
    assert await program.is_taken(third["access_token"])
    refused(await program.refresh(first["refresh_token"]), "invalid_grant")
    assert not await program.is_taken(third["access_token"])
    refused(await program.refresh(third["refresh_token"]), "invalid_grant")


async def test_refreshing_goes_on_for_ninety_days_and_no_longer(
    program: Program, member: Member, people: People
) -> None:
    tokens = await program.tokens(member)
    days_left = []
    for days in (0, 29, 29, 29):
        await people.let_family_grow_older(member, days=days)
        tokens = document(await program.refresh(tokens["refresh_token"]))
        told = await program.introspected(tokens["refresh_token"])
        days_left.append(round((told["exp"] - time.time()) / 86_400, 2))
    assert days_left == [30, 30, 30, 3]
    await people.let_family_grow_older(member, days=3)
    refused(await program.refresh(tokens["refresh_token"]), "invalid_grant")
    assert "refresh_token" in await program.tokens(member), "another log-in begins anew"


async def test_a_refresh_may_ask_for_less_and_never_for_more(program: Program, member: Member) -> None:
    tokens = await program.tokens(member, scope="ledgers:read accounts:read")
    refused(await program.refresh(tokens["refresh_token"], scope="ledgers:read transactions:post"), "invalid_scope")
    less = document(await program.refresh(tokens["refresh_token"], scope="ledgers:read"))
    assert less["scope"] == "ledgers:read"
    assert document(await program.refresh(less["refresh_token"]))["scope"] == "accounts:read ledgers:read"


@pytest.mark.parametrize(
    "scope", ["transactions:post", "ledgers:read owner", "nothing:real", "ledgers:read,accounts:read"]
)
async def test_a_scope_that_the_client_does_not_have_is_refused(program: Program, member: Member, scope: str) -> None:
    await program.consented(member)
    told = answered(await program.browser.get(program.authorize_url(scope=scope)))
    assert told == {
        "error": "invalid_scope",
        "error_description": "The requested scope is invalid, unknown, or malformed.",
        "state": "st&te=1",
        "iss": "http://127.0.0.1:8000",
    }


@pytest.mark.parametrize(
    "challenge",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short"},
        {"code_challenge": "x" * 128},
    ],
)
async def test_nothing_but_a_challenge_of_s256_will_do(
    program: Program, member: Member, challenge: dict[str, str | None]
) -> None:
    await program.consented(member)
    told = answered(await program.browser.get(program.authorize_url(**challenge)))
    assert told["error"] == "invalid_request"
    assert "code_challenge" in told["error_description"]


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "https://expenses.example/callback/",
        "https://expenses.example/callback2",
        "https://expenses.example/callback?next=1",
        "https://expenses.example/CALLBACK",
        "https://EXPENSES.example/callback",
        "https://expenses.example/callback/../evil",
        "https://expenses.example/x/../callback",
        "https://expenses.example/callback#fragment",
        "https://expenses.example/%63allback",
        "https://expenses.example:443/callback",
        "https://expenses.example@evil.example/callback",
        "https://evil.example/https://expenses.example/callback",
        "http://expenses.example/callback",
        "//expenses.example/callback",
        "javascript:alert(1)",
    ],
)
async def test_a_code_goes_to_no_address_but_one_that_is_registered(program: Program, uri: str | None) -> None:
    response = await program.browser.get(program.authorize_url(redirect_uri=uri))
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "redirect_uri" in response.text


async def test_a_program_on_a_desktop_may_listen_on_whichever_port_is_free(
    new_program: NewProgram, member: Member
) -> None:
    uris = ["http://127.0.0.1/callback", "http://[::1]/callback"]
    program = await new_program(confidential=False, redirect_uris=uris)
    for_elsewhere = await program.browser.get(program.authorize_url(redirect_uri="http://127.0.0.1:7000/elsewhere"))
    assert for_elsewhere.status_code == 400
    shown = await program.browser.get(program.authorize_url(redirect_uri="http://127.0.0.1:7000/callback"))
    assert shown.status_code == 200
    assert "form-action 'self' http://127.0.0.1:7000;" in shown.headers["content-security-policy"]
    # A policy cannot name an IPv6 address, and a browser would stop the redirect after the form.
    shown = await program.browser.get(program.authorize_url(redirect_uri="http://[::1]:7000/callback"))
    assert "form-action 'self' http:;" in shown.headers["content-security-policy"]


async def test_the_redirect_uri_of_an_exchange_is_the_one_that_the_code_went_to(
    new_program: NewProgram, member: Member
) -> None:
    other = "https://expenses.example/other"
    program = await new_program(redirect_uris=[CALLBACK, other])
    code = await program.code(member)
    refused(await program.exchange(code, {"redirect_uri": other}), "invalid_grant")
    document(await program.exchange(code))
    code = await program.code(member)
    document(await program.exchange(code, {"redirect_uri": ""}))  # OAuth 2.1 has it left out


async def test_a_code_is_of_no_use_to_another_client(
    new_program: NewProgram, program: Program, member: Member, new_organisation: NewOrganisation
) -> None:
    code = await program.code(member)
    thief = await new_program()
    refused(await thief.exchange(code), "invalid_grant")
    stranger = await new_program(await new_organisation())
    refused(await stranger.exchange(code), "invalid_grant")
    tokens = document(await program.exchange(code))
    refused(await thief.refresh(tokens["refresh_token"]), "invalid_grant")
    assert await program.is_taken(tokens["access_token"])


async def test_a_code_of_a_minute_ago_is_of_no_use(program: Program, member: Member, people: People) -> None:
    code = await program.code(member)
    await people.let_time_pass("oauth_codes", program.tenant.organisation_id)
    refused(await program.exchange(code), "invalid_grant")


async def test_a_member_who_was_removed_is_not_acted_for_any_more(
    program: Program, member: Member, people: People
) -> None:
    tokens = await program.tokens(member)
    code = await program.code(member)
    await people.remove(program.tenant.organisation_id, member)
    assert not await program.is_taken(tokens["access_token"])
    refused(await program.refresh(tokens["refresh_token"]), "invalid_grant")
    refused(await program.exchange(code), "invalid_grant")
    assert await program.introspected(tokens["refresh_token"]) == {"active": False}


async def test_no_response_type_but_code_is_known(program: Program, member: Member) -> None:
    await program.consented(member)
    for response_type in ("token", "code token", "id_token", 'c"ode', None):
        told = answered(await program.browser.get(program.authorize_url(response_type=response_type)))
        assert told["error"] == "unsupported_response_type"


@pytest.mark.parametrize(
    "client_id", [None, "x", "cli_01h2xcejqtf2nbrexx3vqjhp41.1", "cli_01h2xcejqtf2nbrexx3vqjhp41.999999999999999999"]
)
async def test_an_unknown_client_is_told_nothing(browser: AsyncClient, client_id: str | None) -> None:
    response = await browser.get(authorize_url({"client_id": client_id}))
    assert response.status_code == 400
    assert "location" not in response.headers


async def test_a_parameter_that_is_given_twice_is_refused(program: Program, member: Member) -> None:
    url = program.authorize_url()
    for twice in (
        "&scope=owner",
        "&redirect_uri=https://evil.example",
        "&state=2",
        "&code_challenge=x",
        "&client_id=x",
    ):
        response = await program.browser.get(url + twice)
        assert response.status_code == 400
        assert "more than once" in response.text
    form = f"grant_type=authorization_code&code={await program.code(member)}&code_verifier={VERIFIER}"
    for twice in ("&code_verifier=x", "&grant_type=client_credentials", f"&code_verifier={VERIFIER}"):
        response = await program.browser.post(
            "/oauth/token",
            content=form + twice,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            auth=program.basic,
        )
        refused(response, "invalid_request")


async def test_what_is_long_over_is_forgotten(program: Program, member: Member, people: People) -> None:
    organisation_id = program.tenant.organisation_id
    tokens = await program.tokens(member)
    for table in ("oauth_codes", "oauth_refresh_tokens"):
        await people.let_time_pass(table, organisation_id, days=2)
    refused(await program.refresh(tokens["refresh_token"]), "invalid_grant")
    await program.tokens(member)
    for table in ("oauth_codes", "oauth_refresh_tokens"):
        assert await people.rows(table, organisation_id) == 1
