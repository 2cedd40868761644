"""What is of no use any more, and tells of persons, is removed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.memory import ManualClock
from application.identity.erasure import Erasure
from application.identity.person_keeping import PersonKeeping
from application.identity.tidying import Removed
from tests.entrypoints.http.auth.conftest import NewOffice
from tests.entrypoints.http.auth.people import Known, Office
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import document


@pytest.fixture
async def office(new_office: NewOffice) -> Office:
    """A server whose clock stands still until the test lets time pass, and that is tidy."""
    made = await new_office(ManualClock(datetime.now(UTC)))
    await tidied(made)
    return made


async def tidied(office: Office) -> Removed:
    persons = office.services.persons
    work, revocations = persons.registration.work, persons.forgotten_password.revocations
    erasure = Erasure(work, office.services.member_keeping, revocations, office.clock)
    return await PersonKeeping(work, erasure, revocations, office.clock, office.services.ids).tidy()


async def is_kept(office: Office, known: Known) -> bool:
    return await office.rows("SELECT 1 FROM persons WHERE email = :email", email=known.email) == [(1,)]


async def test_addresses_that_nobody_has_verified_are_kept_for_seven_days(office: Office) -> None:
    never, late = await office.registered(), await office.registered()
    verified = await office.verified()
    office.pass_by(days=7)
    await tidied(office)
    assert await is_kept(office, never)
    # Whoever registers again has a mail that is good for another day.
    document(await office.post("/register", {"email": late.email, "password": late.password}), 202)
    await office.mailed_token(late.email)
    token = await office.mailed_token(late.email)
    office.pass_by(hours=1)
    removed = await tidied(office)
    assert removed.registrations >= 1
    assert [await is_kept(office, each) for each in (never, late, verified)] == [False, True, True]
    verify = await office.post("/verify-email", {"token": token, "password": late.password})
    assert verify.status_code == 204, verify.text
    document(await office.post("/register", {"email": never.email, "password": never.password}), 202)


async def test_tokens_sessions_invitations_and_tickets_go_when_their_time_is_over(
    office: Office, new_organisation: NewOrganisation
) -> None:
    known, tenant = await office.logged_in(), await new_organisation()
    asked = {"email": known.email, "assignments": [{"role": "auditor"}]}
    document(await tenant.client.post("/v1/invitations", json=asked), 201)
    document(await tenant.client.post("/v1/realtime/tickets"), 201)
    await office.post("/password/forgotten", {"email": known.email})
    await office.mailed_token(known.email)
    # Other tests leave tickets behind.
    assert replace(await tidied(office), tickets=0) == Removed()
    office.pass_by(days=7, minutes=1)
    removed = await tidied(office)
    assert removed.mailed_tokens >= 1
    assert removed.invitations >= 1
    assert removed.tickets >= 1
    assert document(await tenant.client.get("/v1/invitations"))["data"] == []
    office.pass_by(days=150)
    removed = await tidied(office)
    assert removed.sessions >= 1
    assert removed.security_events >= 4
    assert await tidied(office) == Removed()
    of_person = "SELECT 1 FROM sessions JOIN persons ON persons.id = person_id WHERE email = :email"
    assert await office.rows(of_person, email=known.email) == []
