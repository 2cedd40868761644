"""Registering: with one's own address only, and without telling who is there already."""

import asyncio

import pytest
from httpx2 import AsyncClient

from application.identity.registration import Registration
from domain.shared.chain import Origin
from tests.entrypoints.http.auth.people import OTHER_PASSWORD, PASSWORD, Office, new_email
from tests.entrypoints.http.tenant import document, problem


async def test_a_person_registers_verifies_the_address_and_logs_in(office: Office) -> None:
    email = new_email()
    response = await office.post("/register", {"email": f" {email.upper()} ", "password": PASSWORD})
    assert document(response, 202) == {"status": "accepted"}
    message = await office.mailbox.take(email)
    assert "ptm_" in message.text
    assert PASSWORD not in message.text
    token = next(word for word in message.text.split() if word.startswith("ptm_"))
    login = {"email": email, "password": PASSWORD}
    problem(await office.post("/login", login), 401, "not-authenticated")
    assert (await office.post("/verify-email", {"token": token, "password": PASSWORD})).status_code == 204
    tokens = document(await office.post("/login", login))
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "session", "organisation"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["organisation"]) == ("Bearer", 600, None)
    problem(await office.post("/verify-email", {"token": token, "password": PASSWORD}), 422, "token-not-good")


async def test_an_address_is_not_verified_without_the_password_that_was_registered(office: Office) -> None:
    """Else who registers another's address would share the account, once that one follows the mail."""
    known = await office.registered()
    token = await office.mailed_token(known.email)
    body = {"token": token, "password": OTHER_PASSWORD}
    problem(await office.post("/verify-email", body), 422, "token-not-good")
    problem(await office.post("/login", {"email": known.email, "password": PASSWORD}), 401, "not-authenticated")


async def test_the_answer_is_the_same_for_an_address_that_is_known(office: Office) -> None:
    known = await office.verified()
    body = {"email": known.email, "password": OTHER_PASSWORD}
    again, new = await office.post("/register", body), await office.post("/register", {**body, "email": new_email()})
    assert (again.status_code, again.content) == (new.status_code, new.content)
    assert again.headers.keys() == new.headers.keys()
    assert "registered already" in (await office.mailbox.take(known.email)).text
    problem(await office.post("/login", body), 401, "not-authenticated")
    document(await office.post("/login", {"email": known.email, "password": PASSWORD}))


async def test_a_registration_that_was_not_verified_is_replaced(office: Office) -> None:
    known = await office.registered()
    first = await office.mailed_token(known.email)
    document(await office.post("/register", {"email": known.email, "password": OTHER_PASSWORD}), 202)
    second = await office.mailed_token(known.email)
    for password in (PASSWORD, OTHER_PASSWORD):
        problem(await office.post("/verify-email", {"token": first, "password": password}), 422, "token-not-good")
    problem(await office.post("/verify-email", {"token": second, "password": PASSWORD}), 422, "token-not-good")
    assert (await office.post("/verify-email", {"token": second, "password": OTHER_PASSWORD})).status_code == 204


async def test_a_mailed_token_is_good_for_a_day(office: Office) -> None:
    known = await office.registered()
    token = await office.mailed_token(known.email)
    office.pass_by(hours=24)
    problem(await office.post("/verify-email", {"token": token, "password": PASSWORD}), 422, "token-not-good")


@pytest.mark.parametrize(
    "email",
    [
        *("", "x", "@", "a@", "@b", "a b@c.de", "a@b..de", "a@-b.de", "a@b.de\r\nBcc: c@d.de", "a@b.de,c@d.de"),
        *("ä@b.de", "a@bär.de", "\u212aelvin@b.de", f"{'a' * 65}@b.de", f"a@{'b.' * 130}de", "<a@b.de>"),
    ],
)
async def test_what_is_no_address_is_refused(office: Office, email: str) -> None:
    for path, body in (
        ("/register", {"email": email, "password": PASSWORD}),
        ("/login", {"email": email, "password": PASSWORD}),
        ("/password/forgotten", {"email": email}),
    ):
        refused = problem(await office.post(path, body), 422, "validation-failed")
        assert refused["errors"][0]["pointer"] == "/email"


@pytest.mark.parametrize("password", ["too short", "x" * 257, "passwordpassword"])
async def test_a_weak_password_is_refused(office: Office, password: str) -> None:
    refused = problem(
        await office.post("/register", {"email": new_email(), "password": password}), 422, "weak-password"
    )
    assert refused["errors"][0]["pointer"] == "/password"
    assert password not in str(refused)


async def test_by_default_only_those_who_were_invited_register(client: AsyncClient) -> None:
    for invitation in (None, "pti_1_wrong"):
        body = {"email": new_email(), "password": PASSWORD, "invitation": invitation}
        problem(await client.post("/v1/auth/register", json=body), 403, "registration-closed")


async def test_an_invitation_verifies_the_address_that_it_was_sent_to(office: Office) -> None:
    class Invited:
        async def is_good(self, token: str, email: str) -> bool:
            return token == f"pti of {email}"

    of = office.services.persons.registration
    by_invitation = Registration(
        of.work,
        of.passwords,
        of.letters,
        Invited(),
        of.clock,
        of.ids,
        of.secrets,
        False,
        of.common_passwords,
        of.afterwards,
    )
    email = new_email()
    await by_invitation.register(email, PASSWORD, invitation=f"pti of {email}", origin=Origin())
    document(await office.post("/login", {"email": email, "password": PASSWORD}))


async def test_nothing_of_secrets_is_stored(office: Office) -> None:
    known = await office.registered()
    token = await office.mailed_token(known.email)
    await office.post("/verify-email", {"token": token, "password": PASSWORD})
    await office.log_in(known)
    secrets = [PASSWORD, token, known.tokens["refresh_token"], known.tokens["access_token"]]
    for table in ("persons", "mailed_tokens", "sessions", "session_tokens", "security_log"):
        for (row,) in await office.rows(f"SELECT t::text FROM {table} AS t"):  # noqa: S608 # names from above
            for secret in secrets:
                assert secret not in row
                assert secret.encode().hex() not in row


async def test_of_several_who_register_one_address_at_once_there_is_one(office: Office) -> None:
    email = new_email()
    body = {"email": email, "password": PASSWORD}
    answers = await asyncio.gather(*[office.post("/register", body) for _ in range(6)])
    assert {answer.status_code for answer in answers} == {202}
    last = [await office.mailed_token(email) for _ in range(6)]
    assert await office.rows("SELECT count(*) FROM persons WHERE email = :email", email=email) == [(1,)]
    verified = [await office.post("/verify-email", {"token": token, "password": PASSWORD}) for token in last]
    assert sorted(answer.status_code for answer in verified) == [204] + [422] * 5
