"""What programs ask the authorisation server for by themselves: tokens of their own, the end of some, what some are."""

import asyncio
import base64
import time

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9207 import AuthorizationServerMetadata as WithIssuer
from httpx2 import AsyncClient

from application.shared.ports import StoreUnavailable
from domain.identity.token_key import TokenKey
from entrypoints.container import Services
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.oauth.conftest import NewProgram
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import Member, Program, refused
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

OWN = {"grant_type": "client_credentials"}
FOR_ITSELF = {"grant_types": ["client_credentials"], "redirect_uris": []}


async def test_a_confidential_client_acts_for_itself_within_its_limits(new_program: NewProgram, tenant: Tenant) -> None:
    program = await new_program(
        **FOR_ITSELF, scopes=["transactions:post", "accounts:open"], ledgers=["ma*"], accounts=["assets:**", "income:*"]
    )
    tokens = document(await program.ask("/oauth/token", OWN))
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}, "and no refresh token"
    assert tokens["scope"] == "accounts:open transactions:post"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    document(await program.browser.post(tenant.path("/transactions"), json=sale(), headers=bearer), 201)
    beyond = sale()
    beyond["entries"][1]["account"] = "liabilities:vat"
    refusal = problem(
        await program.browser.post(tenant.path("/transactions"), json=beyond, headers=bearer), 403, "permission-denied"
    )
    assert program.registered["id"] in refusal["detail"] or "liabilities:vat" in refusal["detail"]
    less = document(await program.ask("/oauth/token", OWN | {"scope": "accounts:open"}))
    bearer = {"Authorization": f"Bearer {less['access_token']}"}
    problem(
        await program.browser.post(tenant.path("/transactions"), json=sale(), headers=bearer), 403, "permission-denied"
    )
    refused(await program.ask("/oauth/token", OWN | {"scope": "owner"}), "invalid_scope")


async def test_a_client_takes_only_the_ways_that_it_is_registered_for(
    new_program: NewProgram, program: Program, app_on_a_desktop: Program, member: Member
) -> None:
    refused(await program.ask("/oauth/token", OWN), "unauthorized_client")
    refused(await app_on_a_desktop.ask("/oauth/token", OWN), "invalid_client", 401)
    for_itself = await new_program(**FOR_ITSELF)
    assert (await for_itself.browser.get(for_itself.authorize_url())).status_code == 400
    once = await new_program(grant_types=["authorization_code"])
    assert "refresh_token" not in await once.tokens(member)
    refused(await program.ask("/oauth/token", {"grant_type": "password", "username": "a"}), "unsupported_grant_type")
    refused(await program.ask("/oauth/token", {"scope": "x"}), "unsupported_grant_type")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
async def test_a_client_authenticates_in_one_way_at_a_time(
    path: str, program: Program, new_program: NewProgram, new_organisation: NewOrganisation
) -> None:
    other = await new_program()
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    refused(await program.ask(path, form | {"client_id": other.client_id}), "invalid_request")
    id, secret = program.basic
    refused(await program.ask(path, form | {"client_secret": secret}), "invalid_request")
    stolen = other.basic[1]
    for wrong in (stolen, secret[:-1], secret + "x", "x"):
        response = await program.ask(path, form, auth=(id, wrong))
        refused(response, "invalid_client", 401)
        assert response.headers["www-authenticate"].startswith("Basic ")
        refused(
            await program.ask(path, form | {"client_id": id, "client_secret": wrong}, auth=None), "invalid_client", 401
        )
    refused(await program.ask(path, form | {"client_id": id}, auth=None), "invalid_client", 401)
    refused(await program.ask(path, form, auth=None), "invalid_client", 401)
    right = await program.ask(path, form | {"client_id": id, "client_secret": secret}, auth=None)
    assert right.status_code != 401
    # The number of another organisation leads to where there is no such client.
    moved = f"{id.partition('.')[0]}.{(await new_organisation()).organisation_id}"
    refused(await program.ask(path, form, auth=(moved, secret)), "invalid_client", 401)


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Basic eA==", "Basic Ong="],
)
async def test_a_header_that_names_no_client_is_refused(browser: AsyncClient, header: str) -> None:
    response = await browser.post("/oauth/token", data=OWN, headers={"Authorization": header})
    refused(response, "invalid_client", 401)


async def test_parameters_are_a_form_of_plain_text_in_the_body(program: Program) -> None:
    for given in (
        {"json": OWN},
        {"data": OWN, "params": {"scope": "x"}},
        {"data": OWN | {"scope": "ä"}},
        {"data": OWN | {"scope": "a\x00"}},
        {"data": OWN | {f"p{n}": "x" for n in range(50)}},
        {"content": b"grant_type=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ):
        refused(await program.browser.post("/oauth/token", auth=program.basic, **given), "invalid_request")
    too_long = await program.ask("/oauth/token", OWN | {"scope": "x" * 40_000})
    problem(too_long, 413, "payload-too-large")
    assert (await program.browser.get("/oauth/token")).status_code == 405


async def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, program: Program) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("domain.identity.oauth.compare_digest", noting)
    refused(await program.ask("/oauth/token", OWN, auth=(program.client_id, "x")), "invalid_client", 401)
    ((one, other),) = compared
    assert len(one) == len(other) == 32, "hashes, whose beginnings tell nothing of the secret"


async def test_a_revoked_token_ends_the_grant(program: Program, member: Member) -> None:
    for kind in ("access_token", "refresh_token"):
        tokens = await program.tokens(member)
        assert await program.is_taken(tokens["access_token"])
        response = await program.ask("/oauth/revoke", {"token": tokens[kind], "token_type_hint": "nonsense"})
        assert document(response) == {}
        assert not await program.is_taken(tokens["access_token"])
        refused(await program.refresh(tokens["refresh_token"]), "invalid_grant")
        shown = await program.browser.get(program.authorize_url())
        assert shown.status_code == 200, "it has to be consented to again"


async def test_a_token_is_revoked_by_its_own_client_only(
    program: Program, new_program: NewProgram, member: Member, new_organisation: NewOrganisation
) -> None:
    tokens = await program.tokens(member)
    other, stranger = await new_program(), await new_program(await new_organisation())
    for token in (tokens["access_token"], tokens["refresh_token"]):
        refused(await other.ask("/oauth/revoke", {"token": token}), "invalid_grant")
        document(await stranger.ask("/oauth/revoke", {"token": token}))
    for nothing in ("x", "ptr_1_x", tokens["access_token"][:-5], "é".encode().decode("latin-1")[:1]):
        assert (await program.ask("/oauth/revoke", {"token": nothing})).status_code in (200, 400)
    refused(await program.ask("/oauth/revoke", {}), "invalid_request")
    assert await program.is_taken(tokens["access_token"])
    document(await program.refresh(tokens["refresh_token"]))


async def test_a_token_is_told_of(program: Program, new_program: NewProgram, member: Member) -> None:
    tokens = await program.tokens(member)
    of_access = await program.introspected(tokens["access_token"])
    lives = of_access.pop("exp") - of_access.pop("iat")
    assert lives == 600
    expected = {
        "active": True,
        "client_id": program.client_id,
        "sub": member.person_id,
        "scope": "accounts:read ledgers:read",
    }
    assert of_access == expected | {"token_type": "Bearer"}
    of_refresh = await program.introspected(tokens["refresh_token"])
    assert time.time() + 29 * 86400 < of_refresh.pop("exp") < time.time() + 31 * 86400
    assert of_refresh == expected
    other = await new_program()
    assert (await other.introspected(tokens["access_token"]))["client_id"] == program.client_id
    document(await program.refresh(tokens["refresh_token"]))
    assert await program.introspected(tokens["refresh_token"]) == {"active": False}


async def test_nothing_is_told_of_another_organisations_tokens(
    program: Program, new_program: NewProgram, member: Member, new_organisation: NewOrganisation, people: People
) -> None:
    tokens = await program.tokens(member)
    stranger = await new_program(await new_organisation())
    for token in (tokens["access_token"], tokens["refresh_token"], program.tenant.key, "x"):
        assert await stranger.introspected(token) == {"active": False}
    assert await program.introspected(program.tenant.key) == {"active": False}


async def test_a_public_client_is_told_of_no_token(app_on_a_desktop: Program, member: Member) -> None:
    tokens = await app_on_a_desktop.tokens(member)
    response = await app_on_a_desktop.ask("/oauth/introspect", {"token": tokens["access_token"]})
    refused(response, "invalid_client", 401)


async def test_a_client_that_is_revoked_is_no_client(program: Program, member: Member) -> None:
    tokens, code = await program.tokens(member), await program.code(member)
    path = f"/v1/oauth-clients/{program.registered['id']}"
    assert (await program.tenant.client.delete(path, headers={"If-Match": '"1"'})).status_code == 204
    assert not await program.is_taken(tokens["access_token"])
    refused(await program.exchange(code), "invalid_client", 401)
    refused(await program.refresh(tokens["refresh_token"]), "invalid_client", 401)
    assert (await program.browser.get(program.authorize_url())).status_code == 400


async def test_the_token_of_a_revoked_client_that_acts_for_itself_is_taken_no_more(new_program: NewProgram) -> None:
    program = await new_program(**FOR_ITSELF)
    first, second = [
        document(response)["access_token"]
        for response in await asyncio.gather(*(program.ask("/oauth/token", OWN) for _ in range(2)))
    ]
    told = [await program.introspected(token) for token in (first, second)]
    assert {each["sub"] for each in told} == {program.registered["id"]}
    (grant,) = document(await program.tenant.client.get("/v1/oauth-grants"))["data"]
    assert grant["person"] is None, "one grant for all its tokens"
    assert await program.is_taken(first)
    assert (await program.tenant.client.delete(f"/v1/oauth-grants/{grant['id']}")).status_code == 204
    assert not await program.is_taken(first)
    assert await program.is_taken(document(await program.ask("/oauth/token", OWN))["access_token"])


async def test_the_server_says_what_it_offers(browser: AsyncClient) -> None:
    told = document(await browser.get("/.well-known/oauth-authorization-server"))
    assert told["issuer"] == "http://127.0.0.1:8000"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert told["authorization_response_iss_parameter_supported"] is True
    secure = {k: v.replace("http://", "https://") if isinstance(v, str) else v for k, v in told.items()}
    AuthorizationServerMetadata(secure).validate()
    WithIssuer(secure).validate_authorization_response_iss_parameter_supported()
    for name in ("token", "revocation", "introspection"):
        path = told[f"{name}_endpoint"].removeprefix(told["issuer"])
        assert (await browser.post(path)).status_code == 400, "it is there"
    assert document(await browser.get(told["jwks_uri"].removeprefix(told["issuer"])))["keys"]


async def test_a_refresh_token_is_good_again_where_no_access_token_could_be_made(
    program: Program, member: Member, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> TokenKey:
        raise StoreUnavailable("the keys cannot be read")

    tokens = await program.tokens(member)
    with monkeypatch.context() as patched:
        patched.setattr(services.token_keys, "signing", away)
        problem(await program.refresh(tokens["refresh_token"]), 503, "unavailable")
    again = document(await program.refresh(tokens["refresh_token"]))
    assert await program.is_taken(again["access_token"])


async def test_a_token_is_not_looked_at_before_the_client_is_known(
    program: Program, member: Member, people: People
) -> None:
    tokens = await program.tokens(member)
    secret = program.registered["client_secret"]
    async with people.hidden("oauth_grants"):
        for token in tokens["access_token"], tokens["refresh_token"]:
            for path in "/oauth/introspect", "/oauth/revoke":
                async with asyncio.timeout(2):
                    told = await program.ask(path, {"token": token}, auth=(program.client_id, f"{secret}x"))
                refused(told, "invalid_client", 401)
    assert (await program.introspected(tokens["access_token"]))["active"]
