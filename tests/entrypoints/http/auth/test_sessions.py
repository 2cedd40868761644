"""Sessions: their tokens, their end, and what shows in the list of them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.shared.chain import parse_time
from entrypoints.http.app import create_app
from tests.application.seconds import Seconds
from tests.entrypoints.http.auth.conftest import NewOffice
from tests.entrypoints.http.auth.people import OTHER_PASSWORD, PASSWORD, Known, Office, new_email
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.tenant import Tenant, document, problem


async def refresh(office: Office, token: str, **more: str) -> dict[str, object]:
    return dict(document(await office.post("/refresh", {"refresh_token": token, **more})))


async def is_in(office: Office, known: Known) -> bool:
    return (await office.get("/me", known)).status_code == 200


async def test_who_is_refused_is_told_the_same_for_every_reason(office: Office) -> None:
    verified, unverified = await office.verified(), await office.registered()
    bodies = set()
    for email, password in (
        (verified.email, OTHER_PASSWORD),
        (verified.email, ""),
        (verified.email, "x" * 10_000),
        (unverified.email, PASSWORD),
        (new_email(), PASSWORD),
    ):
        refused = problem(await office.post("/login", {"email": email, "password": password}), 401, "not-authenticated")
        assert email not in str(refused)
        del refused["request_id"]
        bodies.add(str(refused))
    assert len(bodies) == 1


async def test_an_unknown_address_costs_as_much_hashing_as_a_known_one(office: Office) -> None:
    known = await office.verified()
    before = office.passwords.checks
    for email in (known.email, new_email()):
        await office.post("/login", {"email": email, "password": OTHER_PASSWORD})
    assert office.passwords.checks == before + 2


async def test_a_wrong_password_holds_and_writes_nothing_of_a_person(office: Office, owner: AsyncEngine) -> None:
    known = await office.verified()

    async def marks() -> tuple[object, ...]:
        # A row tells by xmax who held it last, and by ctid and xmin who wrote it.
        async with owner.connect() as connection:
            query = text("SELECT xmax::text, xmin::text, ctid::text FROM persons WHERE email = :email")
            return tuple((await connection.execute(query, {"email": known.email})).one())

    before = await marks()
    refused = await office.post("/login", {"email": known.email, "password": OTHER_PASSWORD})
    problem(refused, 401, "not-authenticated")
    assert await marks() == before


async def test_a_failed_log_in_asks_the_database_the_same_for_known_and_unknown_addresses(office: Office) -> None:
    known = await office.verified()
    asked: list[list[str]] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked[-1].append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for email in (known.email, new_email()):
            asked.append([])
            await office.post("/login", {"email": email, "password": OTHER_PASSWORD})
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(asked[0]) > 1
    assert asked[0] == asked[1]
    assert not any("FOR " in statement for statement in asked[0])


async def test_answers_with_tokens_are_kept_by_nobody(office: Office) -> None:
    known = await office.verified()
    response = await office.post("/login", {"email": known.email, "password": known.password})
    assert response.headers["cache-control"] == "no-store"
    again = await office.post("/refresh", {"refresh_token": document(response)["refresh_token"]})
    assert again.headers["cache-control"] == "no-store"


async def test_a_refresh_token_gets_the_next_ones_once(office: Office) -> None:
    known = await office.logged_in()
    first = known.tokens
    second = await refresh(office, first["refresh_token"])
    assert second["session"] == first["session"]
    assert second["refresh_token"] != first["refresh_token"]
    third = await refresh(office, str(second["refresh_token"]))
    known.tokens = third
    assert await is_in(office, known)


async def test_a_token_that_is_shown_again_ends_its_session(office: Office) -> None:
    known = await office.logged_in()
    elsewhere = await office.again(known)
    stolen = known.tokens["refresh_token"]
    known.tokens = await refresh(office, stolen)
    assert await is_in(office, known)
    problem(await office.post("/refresh", {"refresh_token": stolen}), 401, "not-authenticated")
    assert not await is_in(office, known), "at once"
    body = {"refresh_token": known.tokens["refresh_token"]}
    problem(await office.post("/refresh", body), 401, "not-authenticated")
    assert await is_in(office, elsewhere), "of another session, nobody knows that it is in other hands"
    log = document(await office.get("/security-log", elsewhere))["data"]
    assert (log[0]["type"], log[0]["details"]) == ("token.reused", {"session": known.tokens["session"]})


async def test_of_ten_who_show_one_token_at_once_exactly_one_gets_the_next(office: Office) -> None:
    known = await office.logged_in()
    body = {"refresh_token": known.tokens["refresh_token"]}
    answers = await asyncio.gather(*[office.post("/refresh", body) for _ in range(10)])
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


@pytest.mark.parametrize("token", ["", "x", "pts_" + "A" * 43, "ptk_1_x", "é"])
async def test_an_unknown_refresh_token_is_refused(office: Office, token: str) -> None:
    problem(await office.post("/refresh", {"refresh_token": token}), 401, "not-authenticated")


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(office: Office) -> None:
    known = await office.logged_in()
    swapped = {"refresh_token": known.tokens["access_token"]}
    assert (await office.post("/refresh", swapped)).status_code in (401, 422)
    known.tokens["access_token"] = known.tokens["refresh_token"]
    problem(await office.get("/me", known), 401, "not-authenticated")


async def test_a_session_ends_when_it_was_idle_for_thirty_days(office: Office) -> None:
    known = await office.logged_in()
    office.pass_by(days=29, hours=23)
    known.tokens = await refresh(office, known.tokens["refresh_token"])
    office.pass_by(days=30)
    body = {"refresh_token": known.tokens["refresh_token"]}
    problem(await office.post("/refresh", body), 401, "not-authenticated")


async def test_a_session_ends_after_ninety_days_however_busy_it_was(office: Office) -> None:
    known = await office.logged_in()
    for _ in range(3):
        office.pass_by(days=29)
        known.tokens = await refresh(office, known.tokens["refresh_token"])
    (shown,) = document(await office.get("/sessions", known))["data"]
    assert parse_time(shown["expires_at"]) - parse_time(shown["created_at"]) == timedelta(days=90)
    office.pass_by(days=3)
    body = {"refresh_token": known.tokens["refresh_token"]}
    problem(await office.post("/refresh", body), 401, "not-authenticated")


async def test_an_access_token_ends_after_ten_minutes(office: Office) -> None:
    known = await office.logged_in()
    office.pass_by(minutes=10, seconds=6)
    problem(await office.get("/me", known), 401, "not-authenticated")


async def test_sessions_are_listed_and_ended_one_by_one(office: Office) -> None:
    known = await office.logged_in()
    elsewhere = await office.again(known)
    listed = document(await office.get("/sessions", known))["data"]
    assert {each["id"]: each["is_current"] for each in listed} == {
        known.tokens["session"]: True,
        elsewhere.tokens["session"]: False,
    }
    assert listed[0]["user_agent"] == "tests/1"
    assert listed[0]["address"] == "127.0.0.1"
    gone = await office.delete(f"/sessions/{elsewhere.tokens['session']}", known)
    assert (gone.status_code, gone.content) == (204, b"")
    assert not await is_in(office, elsewhere)
    body = {"refresh_token": elsewhere.tokens["refresh_token"]}
    problem(await office.post("/refresh", body), 401, "not-authenticated")
    assert await is_in(office, known)
    problem(await office.delete(f"/sessions/{elsewhere.tokens['session']}", known), 404, "not-found")


async def test_all_others_or_all_are_ended(office: Office) -> None:
    known = await office.logged_in()
    others = [await office.again(known) for _ in range(2)]
    assert (await office.delete("/sessions/others", known)).status_code == 204
    assert [await is_in(office, each) for each in (known, *others)] == [True, False, False]
    another = await office.again(known)
    assert (await office.delete("/sessions", known)).status_code == 204
    assert [await is_in(office, each) for each in (known, another)] == [False, False]


async def test_logging_out_ends_the_session(office: Office) -> None:
    known = await office.logged_in()
    elsewhere = await office.again(known)
    assert (await office.client.post("/v1/auth/logout", headers=known.bearer)).status_code == 204
    assert [await is_in(office, each) for each in (known, elsewhere)] == [False, True]


@pytest.mark.parametrize("id", ["ses_01h2xcejqtf2nbrexx3vqjhp41", "x", "usr_01h2xcejqtf2nbrexx3vqjhp41"])
async def test_a_session_that_is_not_there_cannot_be_ended(office: Office, id: str) -> None:
    problem(await office.delete(f"/sessions/{id}", await office.logged_in()), 404, "not-found")


async def test_a_strangers_session_is_neither_seen_nor_ended(office: Office) -> None:
    known, stranger = await office.logged_in(), await office.logged_in()
    problem(await office.delete(f"/sessions/{stranger.tokens['session']}", known), 404, "not-found")
    assert await is_in(office, stranger)
    assert len(document(await office.get("/sessions", known))["data"]) == 1


async def test_an_ended_session_is_over_everywhere_within_five_seconds(office: Office, new_office: NewOffice) -> None:
    """Also where nobody tells the other server."""
    known = await office.logged_in()
    seen, unseen = await office.again(known), await office.again(known)
    seconds = Seconds()
    other = await new_office(office.clock, seconds)
    assert await is_in(other, seen)
    assert (await office.delete("/sessions/others", known)).status_code == 204
    assert not await is_in(other, unseen)
    seconds.passed = 3.4
    assert await is_in(other, seen), "it has not heard of it"
    seconds.passed = 4.5
    assert not await is_in(other, seen)


async def test_a_token_is_for_the_only_organisation_of_a_person(
    office: Office, new_organisation: NewOrganisation
) -> None:
    known = await office.logged_in()
    first, second, stranger = [await new_organisation() for _ in range(3)]
    refused = await office.client.get("/v1/ledgers", headers=known.bearer)
    problem(refused, 403, "permission-denied")
    await office.join(first.organisation_id, await office.id_of(known), "auditor")
    assert (await office.log_in(known)).tokens["organisation"] == str(first.organisation_id)
    assert document(await office.client.get("/v1/ledgers", headers=known.bearer))["data"]
    await office.join(second.organisation_id, await office.id_of(known), "owner")
    assert (await office.log_in(known)).tokens["organisation"] is None
    for chosen in (first, second):
        known.tokens = await refresh(office, known.tokens["refresh_token"], organisation=str(chosen.organisation_id))
        assert known.tokens["organisation"] == str(chosen.organisation_id)
        document(await office.client.get("/v1/ledgers", headers=known.bearer))
    me = document(await office.get("/me", known))
    assert [(each["organisation"], each["name"], each["assignments"][0]["role"]) for each in me["organisations"]] == [
        (str(first.organisation_id), "Tests", "auditor"),
        (str(second.organisation_id), "Tests", "owner"),
    ]
    other = {"organisation": str(stranger.organisation_id)}
    body = {"email": known.email, "password": known.password, **other}
    problem(await office.post("/login", body), 403, "permission-denied")
    token = known.tokens["refresh_token"]
    problem(await office.post("/refresh", {"refresh_token": token, **other}), 403, "permission-denied")
    await refresh(office, token)  # it was not used up


async def test_what_is_of_persons_takes_a_person(office: Office, tenant: Tenant) -> None:
    async with connected(create_app(office.services), tenant.key) as client:
        for path in ("/me", "/sessions", "/security-log"):
            problem(await client.get(f"/v1/auth{path}"), 403, "permission-denied")
    for path in ("/me", "/sessions", "/security-log"):
        problem(await office.client.get(f"/v1/auth{path}"), 401, "not-authenticated")


async def test_at_most_a_hundred_sessions_last(office: Office) -> None:
    known = await office.logged_in()
    async with office.owner.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO sessions (id, person_id, created_at, last_used_at, expires_at) "
                "SELECT gen_random_uuid(), person_id, created_at, last_used_at - interval '1 hour', expires_at "
                "FROM sessions, generate_series(1, 120) WHERE id = "
                "(SELECT s.id FROM sessions s JOIN persons p ON p.id = s.person_id WHERE p.email = :email)"
            ),
            {"email": known.email},
        )
    await office.log_in(known)
    assert len(document(await office.get("/sessions", known))["data"]) == 100


async def test_sessions_that_ended_long_ago_are_removed(office: Office) -> None:
    known = await office.logged_in()
    gone = known.tokens["session"]
    office.pass_by(days=30 + 89)
    kept = (await office.log_in(known)).tokens["session"]
    count = "SELECT count(*) FROM sessions AS s JOIN persons AS p ON p.id = s.person_id WHERE p.email = :email"
    assert await office.rows(count, email=known.email) == [(2,)]
    office.pass_by(days=2)
    await office.log_in(known)
    assert await office.rows(count, email=known.email) == [(2,)], "the first is gone"
    assert gone != kept
