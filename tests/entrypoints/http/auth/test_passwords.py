"""Passwords: changed by who knows them, reset by who reads the mail; and the log of it."""

import asyncio

import pytest
from sqlalchemy import text

from tests.entrypoints.http.auth.people import OTHER_PASSWORD, PASSWORD, Known, Office, new_email
from tests.entrypoints.http.tenant import document, problem


async def can_log_in(office: Office, known: Known, password: str) -> bool:
    response = await office.post("/login", {"email": known.email, "password": password})
    return response.status_code == 200


async def test_a_password_is_changed_by_who_knows_it_and_other_sessions_end(office: Office) -> None:
    known = await office.logged_in()
    elsewhere = await office.again(known)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await office.post("/password", body, known)).status_code == 204
    assert (await office.get("/me", known)).status_code == 200
    problem(await office.get("/me", elsewhere), 401, "not-authenticated")
    assert [await can_log_in(office, known, each) for each in (PASSWORD, OTHER_PASSWORD)] == [False, True]
    assert "was changed" in (await office.mailbox.take(known.email)).subject


async def test_a_password_is_not_changed_without_the_one_before(office: Office) -> None:
    known = await office.logged_in()
    body = {"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    problem(await office.post("/password", body, known), 422, "wrong-password")
    weak = {"current_password": PASSWORD, "new_password": known.email}
    refused = problem(await office.post("/password", weak, known), 422, "weak-password")
    assert refused["errors"][0]["pointer"] == "/new_password"
    assert await can_log_in(office, known, PASSWORD)


async def test_a_forgotten_password_is_reset_by_mail_and_all_sessions_end(office: Office) -> None:
    known = await office.logged_in()
    document(await office.post("/password/forgotten", {"email": known.email.upper()}), 202)
    token = await office.mailed_token(known.email)
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await office.post("/password/reset", body)).status_code == 204
    problem(await office.get("/me", known), 401, "not-authenticated")
    refreshed = {"refresh_token": known.tokens["refresh_token"]}
    problem(await office.post("/refresh", refreshed), 401, "not-authenticated")
    assert [await can_log_in(office, known, each) for each in (PASSWORD, OTHER_PASSWORD)] == [False, True]
    problem(await office.post("/password/reset", body), 422, "token-not-good")


async def test_the_answer_is_the_same_for_an_address_that_nobody_has(office: Office) -> None:
    known = await office.verified()
    answers = [await office.post("/password/forgotten", {"email": each}) for each in (known.email, new_email())]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert "ptm_" in (await office.mailbox.take(known.email)).text


async def test_a_reset_verifies_the_address(office: Office) -> None:
    known = await office.registered()
    verification = await office.mailed_token(known.email)
    await office.post("/password/forgotten", {"email": known.email})
    body = {"token": await office.mailed_token(known.email), "password": OTHER_PASSWORD}
    assert (await office.post("/password/reset", body)).status_code == 204
    assert await can_log_in(office, known, OTHER_PASSWORD)
    late = {"token": verification, "password": PASSWORD}
    problem(await office.post("/verify-email", late), 422, "token-not-good")


async def test_a_token_is_good_for_one_thing_and_one_hour_and_until_the_next(office: Office) -> None:
    known = await office.registered()
    verification = await office.mailed_token(known.email)
    body = {"token": verification, "password": OTHER_PASSWORD}
    problem(await office.post("/password/reset", body), 422, "token-not-good")
    tokens = []
    for _ in range(2):
        await office.post("/password/forgotten", {"email": known.email})
        tokens.append(await office.mailed_token(known.email))
    problem(await office.post("/password/reset", {**body, "token": tokens[0]}), 422, "token-not-good")
    verify = {"token": tokens[1], "password": PASSWORD}
    problem(await office.post("/verify-email", verify), 422, "token-not-good")
    office.pass_by(hours=1)
    problem(await office.post("/password/reset", {**body, "token": tokens[1]}), 422, "token-not-good")


async def test_a_weak_password_does_not_use_the_token_up(office: Office) -> None:
    known = await office.verified()
    await office.post("/password/forgotten", {"email": known.email})
    token = await office.mailed_token(known.email)
    problem(await office.post("/password/reset", {"token": token, "password": "short"}), 422, "weak-password")
    body = {"token": token, "password": OTHER_PASSWORD}
    assert (await office.post("/password/reset", body)).status_code == 204


async def test_a_person_reads_what_happened_to_its_log_in(office: Office) -> None:
    known = await office.verified()
    await office.post("/login", {"email": known.email, "password": OTHER_PASSWORD})
    await office.log_in(known)
    first = document(await office.get("/security-log?limit=2", known))
    assert [each["type"] for each in first["data"]] == ["session.begun", "login.failed"]
    assert first["data"][0]["details"] == {"session": known.tokens["session"], "by": "password"}
    assert first["has_more"]
    rest = document(await office.get(f"/security-log?limit=2&cursor={first['next_cursor']}", known))
    assert [each["type"] for each in rest["data"]] == ["email.verified"]
    assert rest["data"][0]["user_agent"] == "tests/1"
    assert rest["data"][0]["address"] == "127.0.0.1"
    stranger = await office.logged_in()
    stolen = await office.get(f"/security-log?limit=2&cursor={first['next_cursor']}", stranger)
    problem(stolen, 400, "unknown-parameter")


async def test_the_log_keeps_no_address_of_who_is_unknown(office: Office) -> None:
    email = new_email()
    await office.post("/login", {"email": email, "password": PASSWORD})
    await office.post("/password/forgotten", {"email": email})
    await office.services.persons.afterwards.settle()
    rows = await office.rows("SELECT t::text FROM security_log AS t WHERE t::text LIKE :email", email=f"%{email}%")
    assert rows == []


async def test_the_log_is_kept_for_ninety_days(office: Office) -> None:
    known = await office.logged_in()
    office.pass_by(days=91)
    for _ in range(3):  # a log-in removes up to 100 of what is old, of whomever
        await office.log_in(known)
    log = document(await office.get("/security-log", known))["data"]
    assert [each["type"] for each in log] == ["session.begun"] * 3


@pytest.mark.parametrize(
    "path", ["/register", "/verify-email", "/login", "/refresh", "/password/forgotten", "/password/reset", "/password"]
)
async def test_bodies_are_short_and_known(office: Office, path: str) -> None:
    known = await office.logged_in()
    problem(await office.post(path, {"x": "y" * 20_000}, known), 413, "payload-too-large")
    problem(await office.post(path, {"is_admin": True}, known), 422, "validation-failed")


async def test_no_secret_of_a_request_is_told_or_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    known = await office.logged_in()
    secret = "a-very-secret-thing-indeed"
    for path, body in (
        ("/login", {"email": known.email, "password": secret}),
        ("/login", {"email": known.email, "password": [secret]}),
        ("/refresh", {"refresh_token": secret}),
        ("/verify-email", {"token": secret, "password": secret}),
        ("/password/reset", {"token": secret, "password": secret}),
        ("/password", {"current_password": secret, "new_password": secret}),
    ):
        response = await office.post(path, body, known)
        assert response.status_code in (401, 422), path
        assert secret not in response.text
    assert secret not in caplog.text
    assert known.tokens["access_token"] not in caplog.text


async def test_whether_there_is_someone_is_looked_up_after_the_answer(office: Office) -> None:
    known = await office.verified()
    async with office.owner.begin() as held:
        # While the person is held, nobody can look it up.
        await held.execute(text("SELECT 1 FROM persons WHERE email = :email FOR UPDATE"), {"email": known.email})
        for path, more in (("/password/forgotten", {}), ("/register", {"password": PASSWORD})):
            async with asyncio.timeout(2):
                answers = [await office.post(path, {"email": each, **more}) for each in (known.email, new_email())]
            assert len({(answer.status_code, answer.content) for answer in answers}) == 1
            assert answers[0].status_code == 202
    assert "ptm_" in (await office.mailbox.take(known.email)).text
    assert "registered already" in (await office.mailbox.take(known.email)).subject
