"""What persons let programs do ends with the membership, and when an intruder may have let a program in."""

from secrets import token_bytes
from typing import Final

import pytest

from application.identity.erasure import Erasure
from application.identity.person_keeping import PersonKeeping
from application.identity.person_ports import Purpose
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.identity.session import MAILED_TOKEN
from domain.shared.chain import Author
from entrypoints.container import Services
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.oauth.conftest import NewProgram
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import PASSWORD, Member, Program, refused
from tests.entrypoints.http.tenant import Json, document

ANOTHER: Final = "the sluice closes at ten"


async def bearer(program: Program, member: Member) -> dict[str, str]:
    """The header of the member itself, for the program's organisation."""
    body = {"email": member.email, "password": PASSWORD, "organisation": str(program.tenant.organisation_id)}
    tokens = document(await program.browser.post("/v1/auth/login", json=body))
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def is_good(program: Program, tokens: Json) -> bool:
    """Whether the program can still act by these tokens; those of a grant stand and fall together."""
    is_taken = await program.is_taken(tokens["access_token"])
    if not is_taken:
        refused(await program.refresh(tokens["refresh_token"]), "invalid_grant")
    return is_taken


@pytest.mark.parametrize("how", ["is removed", "leaves"])
async def test_who_is_invited_again_finds_nothing_that_was_let_to_programs_before(
    program: Program, people: People, how: str
) -> None:
    tenant = program.tenant
    await people.member(tenant.organisation_id, "owner")
    member = await people.member(tenant.organisation_id, "auditor")
    tokens = await program.tokens(member)
    if how == "is removed":
        gone = await tenant.client.delete(f"/v1/members/{member.person_id}", headers={"If-Match": "*"})
    else:
        gone = await program.browser.delete("/v1/members/me", headers=await bearer(program, member))
    assert gone.status_code == 204, gone.text
    await people.join(tenant.organisation_id, member, "admin")
    assert not await is_good(program, tokens)
    program.browser.cookies.clear()
    assert await is_good(program, await program.tokens(member)), "what it lets programs do from now on holds"


@pytest.mark.parametrize("reason", ["password-changed", "password-reset", "sessions-ended", "by the operator"])
async def test_who_gets_its_account_back_has_let_no_program_in(
    new_program: NewProgram,
    new_organisation: NewOrganisation,
    people: People,
    services: Services,
    program: Program,
    reason: str,
) -> None:
    elsewhere = await new_program(of=await new_organisation())
    member = await people.member(program.tenant.organisation_id, "owner")
    await people.join(elsewhere.tenant.organisation_id, member, "owner")
    granted = [(each, await each.tokens(member)) for each in (program, elsewhere)]
    post = program.browser.post
    persons = services.persons
    work = persons.forgotten_password.work
    if reason == "password-changed":
        passwords = {"current_password": PASSWORD, "new_password": ANOTHER}
        done = await post("/v1/auth/password", json=passwords, headers=await bearer(program, member))
        assert done.status_code == 204, done.text
    elif reason == "password-reset":
        token, now = MAILED_TOKEN.build(None, token_bytes(RANDOM_BYTES)), services.clock.now()
        async with work.begin() as changes:
            ends = now.replace(year=now.year + 1)
            await changes.mailed_tokens.add(digest(token), member.person_id, Purpose.RESET, now, ends)
        done = await post("/v1/auth/password/reset", json={"token": token, "password": ANOTHER})
        assert done.status_code == 204, done.text
    elif reason == "sessions-ended":
        done = await program.browser.delete("/v1/auth/sessions", headers=await bearer(program, member))
        assert done.status_code == 204, done.text
    else:
        revocations = persons.forgotten_password.revocations
        erasure = Erasure(work, services.member_keeping, revocations, services.clock)
        keeping = PersonKeeping(work, erasure, revocations, services.clock, services.ids)
        _, grants = await keeping.log_out(member.email, author=Author("system:cli", services.ids.new("req")))
        assert grants == 2
    for each, tokens in granted:
        assert not await is_good(each, tokens)
        ended = (await people.events(each.tenant.organisation_id))[-1]
        assert ended["type"] == "oauth_grant.revoked"
        told = {"password-changed", "password-reset"} & {reason} or {"sessions-ended"}
        assert {ended["data"]["reason"]} == told
        assert ended["actor"] == ("system:cli" if reason == "by the operator" else member.person_id)
