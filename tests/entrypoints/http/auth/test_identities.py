"""Persons whom an outside provider knows."""

from uuid import uuid4

import pytest

from domain.shared.chain import Origin
from domain.shared.errors import NotAuthenticated
from tests.entrypoints.http.auth.people import PASSWORD, Office, new_email
from tests.entrypoints.http.tenant import document, problem

ISSUER = "https://idp.test"
NOWHERE = Origin()


async def test_whom_a_provider_shows_first_is_a_new_person_and_the_same_ever_after(office: Office) -> None:
    log_in, subject, email = office.services.persons.log_in, uuid4().hex, new_email()
    first = await log_in.sign_in_by_identity(ISSUER, subject, email, True, origin=NOWHERE)
    again = await log_in.sign_in_by_identity(ISSUER, subject, None, False, origin=NOWHERE)
    assert first.person_id == again.person_id
    assert first.session_id != again.session_id
    other = await log_in.sign_in_by_identity("https://other.test", subject, new_email(), True, origin=NOWHERE)
    assert other.person_id != first.person_id
    problem(await office.post("/login", {"email": email, "password": PASSWORD}), 401, "not-authenticated")


async def test_an_address_that_both_have_verified_is_one_person(office: Office) -> None:
    known = await office.logged_in()
    signed_in = await office.services.persons.log_in.sign_in_by_identity(
        ISSUER, uuid4().hex, known.email.upper(), True, origin=NOWHERE
    )
    assert signed_in.person_id == await office.id_of(known)
    document(await office.post("/login", {"email": known.email, "password": PASSWORD}))


async def test_who_registered_the_address_without_verifying_it_gets_no_way_in(office: Office) -> None:
    known = await office.registered()
    token = await office.mailed_token(known.email)
    await office.services.persons.log_in.sign_in_by_identity(ISSUER, uuid4().hex, known.email, True, origin=NOWHERE)
    await office.post("/verify-email", {"token": token, "password": PASSWORD})
    problem(await office.post("/login", {"email": known.email, "password": PASSWORD}), 401, "not-authenticated")


@pytest.mark.parametrize("verified", [True, False])
async def test_an_address_that_the_provider_has_not_verified_shows_nobody(office: Office, verified: bool) -> None:
    known = await office.logged_in()
    email = None if verified else known.email
    with pytest.raises(NotAuthenticated):
        await office.services.persons.log_in.sign_in_by_identity(ISSUER, uuid4().hex, email, verified, origin=NOWHERE)
