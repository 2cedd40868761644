"""A person that is erased leaves an id, and nothing that tells who it was."""

import json
from uuid import uuid4

from sqlalchemy import text

from application.identity.erasure import Erasure
from application.identity.person_keeping import PersonKeeping
from application.identity.token_ports import ACCESS_TOKENS_LIVE, AccessClaims
from domain.shared.chain import Author, Origin
from tests.entrypoints.http.access_tokens import issued
from tests.entrypoints.http.auth.people import OTHER_PASSWORD, PASSWORD, Office
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import document, problem, sale

ERASE = {"password": PASSWORD}


async def test_nothing_that_tells_who_it_was_is_left(office: Office, new_organisation: NewOrganisation) -> None:
    known = await office.logged_in()
    tenant = await new_organisation()
    person = await office.id_of(known)
    await office.join(tenant.organisation_id, person, "operator")
    await office.log_in(known)
    headers = {**known.bearer, "Idempotency-Key": "k"}
    document(await office.client.post(tenant.path("/transactions"), json=sale(), headers=headers), 201)
    await tenant.posted(sale())
    assert await actors_whose_origin_is_known(office, tenant.organisation_id) >= {person}
    problem(await office.post("/me/erasure", {"password": OTHER_PASSWORD}, known), 422, "wrong-password")
    gone = await office.post("/me/erasure", ERASE, known)
    assert gone.status_code == 204, gone.text
    problem(await office.get("/me", known), 401, "not-authenticated")
    problem(await office.post("/login", {"email": known.email, "password": PASSWORD}), 401, "not-authenticated")
    for table in ("persons", "person_identities", "sessions", "mailed_tokens", "security_log"):
        found = await office.rows(f"SELECT 1 FROM {table} AS t WHERE t::text LIKE :email", email=f"%{known.email}%")  # noqa: S608 # names from above
        assert found == [], table
    left = await actors_whose_origin_is_known(office, tenant.organisation_id)
    assert [actor[:4] for actor in left] == ["key_"], "of others, it stays"
    assert document(await tenant.client.post(tenant.path("/verification")))["valid"] is True
    events = document(await tenant.client.get(tenant.path("/events")))["data"]
    assert person in json.dumps(events), "what it did stays, by its id"
    assert known.email not in json.dumps(events)


async def test_from_where_it_acted_is_forgotten_in_every_organisation(
    office: Office, new_organisation: NewOrganisation
) -> None:
    known, other = await office.logged_in(), await office.logged_in()
    person, colleague = await office.id_of(known), await office.id_of(other)
    tenants = [await new_organisation(), await new_organisation()]
    for tenant in tenants:
        for who, id_of_who in ((known, person), (other, colleague)):
            await office.join(tenant.organisation_id, id_of_who, "owner")
            await office.log_in(who, organisation=str(tenant.organisation_id))
            # In the log of the organisation and in that of a ledger.
            document(await office.client.post("/v1/api-keys", json={"name": "by person"}, headers=who.bearer), 201)
            document(await office.client.post(tenant.path("/transactions"), json=sale(), headers=who.bearer), 201)
    # One of them is left before, and the other one by being erased.
    first = tenants[0].organisation_id
    await office.log_in(known, organisation=str(first))
    left = await office.client.delete("/v1/members/me", headers=known.bearer)
    assert left.status_code == 204, left.text
    await office.log_in(known)
    for tenant in tenants:
        assert await actors_whose_origin_is_known(office, tenant.organisation_id) >= {person, colleague}
    assert (await office.post("/me/erasure", ERASE, known)).status_code == 204
    for tenant in tenants:
        actors = await actors_whose_origin_is_known(office, tenant.organisation_id)
        assert person not in actors, "also where it had to be removed from first"
        assert colleague in actors, "what others did stays told"
        log = document(await tenant.client.get(f"/v1/audit-log?actor={person}"))["data"]
        assert len(log) >= 2
        assert [entry for entry in log if entry.get("address") or entry.get("user_agent")] == []


async def test_the_last_owner_of_an_organisation_stays(office: Office, new_organisation: NewOrganisation) -> None:
    known, other = await office.logged_in(), await office.logged_in()
    tenant = await new_organisation()
    await office.join(tenant.organisation_id, await office.id_of(known), "owner")
    problem(await office.post("/me/erasure", ERASE, known), 409, "last-owner")
    assert document(await office.get("/me", known))["email"] == known.email
    await office.join(tenant.organisation_id, await office.id_of(other), "owner")
    assert (await office.post("/me/erasure", ERASE, known)).status_code == 204


async def test_invitations_to_the_address_go_along_whoever_sent_them(
    office: Office, new_organisation: NewOrganisation
) -> None:
    known, other = await office.logged_in(), await office.logged_in()
    tenants = [await new_organisation() for _ in range(2)]
    for tenant in tenants:
        for email in (known.email, other.email):
            asked = {"email": email, "assignments": [{"role": "auditor"}]}
            document(await tenant.client.post("/v1/invitations", json=asked), 201)
    assert (await office.post("/me/erasure", ERASE, known)).status_code == 204
    for tenant in tenants:
        left = document(await tenant.client.get("/v1/invitations"))["data"]
        assert [each["email"] for each in left] == [other.email]


async def test_who_runs_the_server_ends_a_persons_sessions_at_once(office: Office) -> None:
    known = await office.logged_in()
    elsewhere = await office.again(known)
    sessions = {known.tokens["session"], elsewhere.tokens["session"]}
    assert [(await office.get("/me", each)).status_code for each in (known, elsewhere)] == [200, 200]
    persons = office.services.persons
    work, revocations = persons.registration.work, persons.forgotten_password.revocations
    erasure = Erasure(work, office.services.member_keeping, revocations, office.clock)
    keeping = PersonKeeping(work, erasure, revocations, office.clock, office.services.ids)
    assert await keeping.log_out(known.email, author=Author("system:cli", "req_1")) == (2, 0)
    for each in (known, elsewhere):
        problem(await office.get("/me", each), 401, "not-authenticated")
    await office.log_in(known)
    ended = document(await office.get("/security-log?limit=3", known))["data"][1:]
    assert [(each["type"], each["details"]["by"]) for each in ended] == [("session.ended", "operator")] * 2
    assert {each["details"]["session"] for each in ended} == sessions


async def actors_whose_origin_is_known(office: Office, organisation_id: int) -> set[str]:
    async with office.owner.begin() as connection:
        await connection.execute(text(f"SET LOCAL app.organisation_id = '{organisation_id}'"))
        query = text("SELECT actor FROM request_origins WHERE organisation_id = :id")
        return set((await connection.execute(query, {"id": organisation_id})).scalars())


async def test_the_address_is_free_again(office: Office) -> None:
    known = await office.logged_in()
    before = await office.id_of(known)
    assert (await office.post("/me/erasure", ERASE, known)).status_code == 204
    document(await office.post("/register", {"email": known.email, "password": PASSWORD}), 202)
    body = {"token": await office.mailed_token(known.email), "password": PASSWORD}
    assert (await office.post("/verify-email", body)).status_code == 204
    await office.log_in(known)
    assert await office.id_of(known) != before


async def test_who_has_no_password_has_logged_in_just_now(office: Office) -> None:
    log_in = office.services.persons.log_in
    email = f"{uuid4().hex}@people.test"
    subject = uuid4().hex
    for minutes, is_gone in ((11, False), (9, True)):
        signed_in = await log_in.sign_in_by_identity("https://idp.test", subject, email, True, origin=Origin())
        office.pass_by(minutes=minutes)
        now = office.clock.now()
        claims = AccessClaims(signed_in.person_id, signed_in.session_id, None, None, now, now + ACCESS_TOKENS_LIVE)
        headers = {"Authorization": f"Bearer {await issued(office.services, claims)}"}
        response = await office.client.post("/v1/auth/me/erasure", json={}, headers=headers)
        assert response.status_code == (204 if is_gone else 422)
