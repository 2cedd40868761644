"""Members: invited, joining, changed, removed and leaving; and an owner who is always there."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from adapters.postgres.identity.people import PostgresPeopleLookup
from adapters.postgres.ids import stored_id
from domain.identity.member import LastOwner
from domain.shared.chain import Author
from tests.entrypoints.http.team.office import ANY, Office, assigned, invitation, told_permission
from tests.entrypoints.http.tenant import Json, document, problem, sale


async def test_who_was_invited_joins_and_may_do_what_was_offered(office: Office) -> None:
    company = await office.company()
    ada = await office.human()
    limited = {"role": "operator", "ledgers": ["ma*"], "accounts": ["users:*:**"]}
    sent = document(await company.client.post("/v1/invitations", json=invitation(ada.email, "auditor", limited)), 201)
    assert sent["email"] == ada.email
    assert sent["invited_by"].startswith("key_")
    assert "token" not in sent
    given = [{"role": "auditor", "ledgers": None, "accounts": None}, limited]
    assert sent["assignments"] == given
    message = await office.mailbox.take(ada.email)
    assert "'Tests'" in message.text
    (token,) = [word for word in message.text.split() if word.startswith(f"pti_{company.id}_")]
    accepted = await (await ada.at(None)).post("/v1/invitations/accept", json={"token": token})
    assert document(accepted) == {
        "organisation": str(company.id),
        "name": "Tests",
        "assignments": given,
    }
    listed = document(await company.client.get("/v1/members"))["data"]
    assert [(each["id"], each["email"], each["version"]) for each in listed] == [(ada.id, ada.email, 1)]
    assert document(await company.client.get("/v1/invitations"))["data"] == []
    client = await ada.at(company.id)
    document(await client.get("/v1/ledgers/main/reports/trial-balance"))
    assert told_permission(await client.post("/v1/ledgers/main/transactions", json=sale())) == "transactions:post"
    joined = (await office.log(company.id))[-1]
    assert joined["type"] == "member.joined"
    assert joined["actor"] == ada.id
    assert joined["data"] == {"id": ada.id, "invitation": sent["id"], "assignments": given}
    assert ada.email not in str(await office.log(company.id))


async def test_an_invitation_is_good_once_for_seven_days_and_for_one_address(office: Office) -> None:
    company = await office.company()
    ada, bob = await office.human(), await office.human()
    unverified = await office.human(is_verified=False)
    token = await office.invited(company.client, ada.email, "auditor")
    for wrong in (token[:-1], f"{token[:-1]}0" if token[-1] != "0" else f"{token[:-1]}1", "", "ptk_1_a"):
        refused = await (await ada.at(None)).post("/v1/invitations/accept", json={"token": wrong})
        problem(refused, 422, "invitation-not-good")
    for other in (bob, unverified):
        refused = await (await other.at(None)).post("/v1/invitations/accept", json={"token": token})
        assert ada.email not in str(problem(refused, 403, "invitation-of-another"))
    problem(await company.client.post("/v1/invitations/accept", json={"token": token}), 403, "permission-denied")
    assert await office.services.inviting.is_good(token, ada.email)
    assert not await office.services.inviting.is_good(token, bob.email)
    client = await ada.at(None)
    document(await client.post("/v1/invitations/accept", json={"token": token}))
    problem(await client.post("/v1/invitations/accept", json={"token": token}), 422, "invitation-not-good")
    assert not await office.services.inviting.is_good(token, ada.email)

    late = await office.invited(company.client, bob.email, "auditor")
    office.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert await office.services.inviting.is_good(late, bob.email)
    office.clock.advance(timedelta(seconds=1))
    assert not await office.services.inviting.is_good(late, bob.email)
    refused = await (await bob.at(None)).post("/v1/invitations/accept", json={"token": late})
    problem(refused, 422, "invitation-not-good")
    await office.invited(company.client, bob.email, "auditor")  # the old one is not in the way


async def test_a_revoked_invitation_is_erased(office: Office) -> None:
    company = await office.company()
    ada = await office.human()
    token = await office.invited(company.client, ada.email, "auditor")
    again = await company.client.post("/v1/invitations", json=invitation(ada.email, "auditor"))
    (kept,) = document(await company.client.get("/v1/invitations"))["data"]
    assert kept["id"] in problem(again, 409, "invitation-exists")["detail"]
    assert (await company.client.delete(f"/v1/invitations/{kept['id']}")).status_code == 204
    problem(await company.client.delete(f"/v1/invitations/{kept['id']}"), 404, "not-found")
    refused = await (await ada.at(None)).post("/v1/invitations/accept", json={"token": token})
    problem(refused, 422, "invitation-not-good")
    assert [event["type"] for event in await office.log(company.id)][-2:] == ["member.invited", "invitation.revoked"]


async def test_an_idempotency_key_invites_once(office: Office) -> None:
    company = await office.company()
    ada = await office.human()
    asked: Json = {"json": invitation(ada.email, "auditor"), "headers": {"Idempotency-Key": "k"}}
    first = document(await company.client.post("/v1/invitations", **asked), 201)
    again = await company.client.post("/v1/invitations", **asked)
    assert document(again, 201) == first
    assert again.headers["idempotency-replayed"] == "true"
    await office.token_to(ada.email)
    with pytest.raises(TimeoutError):
        await office.mailbox.take(ada.email, seconds=0.05)
    member = await office.member(company, "auditor")
    refused = await company.client.post("/v1/invitations", json=invitation(member.email, "operator"))
    problem(refused, 409, "already-member")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "ada", "assignments": [{"role": "auditor"}]}, "/email"),
        ({"email": "a@example.com", "assignments": []}, "/assignments"),
        ({"email": "a@example.com", "assignments": [{"role": "auditor"}, {"role": "king"}]}, "/assignments/1"),
        ({"email": "a@example.com", "assignments": [{"role": "owner", "ledgers": ["main"]}]}, "/assignments/0"),
        ({"email": "a@example.com", "assignments": [{"role": "auditor", "ledgers": []}]}, "/assignments/0"),
        (
            {"email": "a@example.com", "assignments": [{"role": "auditor", "ledgers": ["A B"]}]},
            "/assignments/0/ledgers/0",
        ),
        (
            {"email": "a@example.com", "assignments": [{"role": "auditor", "accounts": ["a::b"]}]},
            "/assignments/0/accounts/0",
        ),
    ],
)
async def test_what_cannot_be_offered_is_blamed(office: Office, body: object, pointer: str) -> None:
    company = await office.company()
    told = problem(await company.client.post("/v1/invitations", json=body), 422, "validation-failed")
    assert [blame["pointer"] for blame in told["errors"]] == [pointer]


async def test_nobody_gives_more_than_they_have_or_takes_from_who_has_more(office: Office) -> None:
    company = await office.company()
    owner, admin = await office.member(company, "owner"), await office.member(company, "admin")
    operator = await office.member(company, "operator")
    client = await admin.at(company.id)
    someone = f"someone@{company.id}.example"
    assert told_permission(await client.post("/v1/invitations", json=invitation(someone, "owner"))) == "owners:change"
    promoting = await client.patch(f"/v1/members/{operator.id}", json=assigned("owner"), headers=ANY)
    assert told_permission(promoting) == "owners:change"
    demoting = await client.patch(f"/v1/members/{owner.id}", json=assigned("auditor"), headers=ANY)
    assert told_permission(demoting) == "owners:change"
    assert told_permission(await client.delete(f"/v1/members/{owner.id}", headers=ANY)) == "owners:change"
    in_main = {"role": "admin", "ledgers": ["main"]}
    document(await client.patch(f"/v1/members/{operator.id}", json=assigned(in_main), headers=ANY))
    # Who is limited to a ledger gives nothing that goes beyond it, and members are of the organisation as a whole.
    limited = await operator.at(company.id)
    assert told_permission(await limited.get("/v1/members")) == "members:read"
    someone_else = await office.human()
    powerless = await (await someone_else.at(company.id)).get("/v1/members")
    assert "not a member" in problem(powerless, 401, "not-authenticated")["detail"]


async def test_changes_of_a_member_take_its_version_and_hold_at_once(office: Office) -> None:
    company = await office.company()
    ada = await office.member(company, "accountant")
    client = await ada.at(company.id)
    posted = document(await client.post("/v1/ledgers/main/transactions", json=sale()), 201)
    path = f"/v1/members/{ada.id}"
    problem(await company.client.patch(path, json=assigned("auditor")), 428, "precondition-required")
    shown = await company.client.get(path)
    assert shown.headers["etag"].startswith('"1.')
    changed = await company.client.patch(path, json=assigned("auditor"), headers={"If-Match": '"1"'})
    assert document(changed)["version"] == 2
    assert changed.headers["etag"] == '"2"'
    # Not even the server that remembers the token waits.
    assert told_permission(await client.post("/v1/ledgers/main/transactions", json=sale())) == "transactions:post"
    document(await client.get(f"/v1/ledgers/main/transactions/{posted['id']}"))
    stale = await company.client.patch(path, json=assigned("operator"), headers={"If-Match": '"1"'})
    problem(stale, 412, "version-conflict")
    problem(await company.client.delete(path, headers={"If-Match": '"1"'}), 412, "version-conflict")
    event = (await office.log(company.id))[-1]
    assert event["type"] == "member.changed"
    assert event["data"]["before"]["assignments"][0]["role"] == "accountant"
    assert event["data"]["after"]["assignments"][0]["role"] == "auditor"
    assert document(await company.client.patch(path, json=assigned("auditor"), headers=ANY))["version"] == 2
    assert (await office.log(company.id))[-1] == event
    assert (await company.client.delete(path, headers={"If-Match": '"2"'})).status_code == 204
    problem(await client.get("/v1/ledgers"), 401, "not-authenticated")
    problem(await company.client.get(path), 404, "not-found")
    removed = (await office.log(company.id))[-1]
    assert (removed["type"], removed["data"]["id"]) == ("member.removed", ada.id)


async def test_leaving_takes_a_session_and_no_permission(office: Office) -> None:
    company = await office.company()
    ada = await office.member(company, {"role": "operator", "accounts": ["users:*"]})
    problem(await company.client.delete("/v1/members/me"), 403, "permission-denied")
    client = await ada.at(company.id)
    assert (await client.delete("/v1/members/me")).status_code == 204
    problem(await client.get("/v1/ledgers"), 401, "not-authenticated")
    left = (await office.log(company.id))[-1]
    assert (left["type"], left["actor"]) == ("member.left", ada.id)


async def test_the_last_owner_can_neither_leave_nor_be_removed_demoted_or_erased(office: Office) -> None:
    company = await office.company()
    owner = await office.member(company, "owner")
    await office.member(company, "admin")
    client = await owner.at(company.id)
    path = f"/v1/members/{owner.id}"
    problem(await client.delete("/v1/members/me"), 409, "last-owner")
    problem(await company.client.delete(path, headers=ANY), 409, "last-owner")
    problem(await company.client.patch(path, json=assigned("admin"), headers=ANY), 409, "last-owner")
    document(await company.client.patch(path, json=assigned("owner", "auditor"), headers=ANY))
    elsewhere = await office.company()
    await office.invited_in(elsewhere, owner, "auditor")
    with pytest.raises(LastOwner, match=rf"{company.id} \(Tests\)\. "):
        await office.services.member_keeping.leave_all(owner.id, author=Author(owner.id, "req_1"))
    document(await elsewhere.client.get(path))  # what could be left is not left, either
    await office.member(company, "owner")
    await office.services.member_keeping.leave_all(owner.id, author=Author(owner.id, "req_1"))
    for at in (company, elsewhere):
        problem(await at.client.get(path), 404, "not-found")
    assert await PostgresPeopleLookup(office.engine).organisations_of(owner.id, limit=5) == []


async def test_of_two_owners_who_leave_at_the_same_time_one_stays(office: Office) -> None:
    for _ in range(5):
        company = await office.company()
        owners = [await office.member(company, "owner") for _ in range(2)]
        clients = [await owner.at(company.id) for owner in owners]
        answers = await asyncio.gather(*[client.delete("/v1/members/me") for client in clients])
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        (left,) = document(await company.client.get("/v1/members"))["data"]
        assert left["assignments"][0]["role"] == "owner"


async def test_an_owner_who_leaves_while_the_other_is_demoted_or_removed_stays(office: Office) -> None:
    company = await office.company()
    first, second = await office.member(company, "owner"), await office.member(company, "owner")
    answers = await asyncio.gather(
        (await first.at(company.id)).delete("/v1/members/me"),
        company.client.patch(f"/v1/members/{second.id}", json=assigned("admin"), headers=ANY),
    )
    assert sorted(answer.status_code >= 400 for answer in answers) == [False, True]


async def test_an_invitation_is_accepted_once_however_many_try_at_once(office: Office) -> None:
    company = await office.company()
    ada = await office.human()
    token = await office.invited(company.client, ada.email, "auditor")
    client = await ada.at(None)
    answers = await asyncio.gather(*[client.post("/v1/invitations/accept", json={"token": token}) for _ in range(3)])
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422]


async def test_lists_of_members_and_invitations_are_paged(office: Office) -> None:
    company = await office.company()
    people = sorted([(await office.member(company, "auditor")).id for _ in range(3)])
    first = await company.client.get("/v1/members?limit=2")
    page = document(first)
    assert [each["id"] for each in page["data"]] == people[:2]
    assert page["has_more"]
    link = first.headers["link"].split(">")[0].lstrip("<")
    assert [each["id"] for each in document(await company.client.get(link))["data"]] == people[2:]
    backwards = document(await company.client.get("/v1/members?sort=-id"))
    assert [each["id"] for each in backwards["data"]] == people[::-1]
    for number in range(3):
        await company.client.post("/v1/invitations", json=invitation(f"{number}@{company.id}.example", "auditor"))
    page = document(await company.client.get("/v1/invitations?limit=2"))
    rest = document(await company.client.get(f"/v1/invitations?limit=2&cursor={page['next_cursor']}"))
    emails = [each["email"].split("@")[0] for each in (*page["data"], *rest["data"])]
    assert emails == ["0", "1", "2"]


@pytest.mark.parametrize("path", ["/v1/invitations/accept", "/v1/organisations"])
async def test_who_is_erased_at_the_same_moment_does_not_become_an_owner(office: Office, path: str) -> None:
    company, ada = await office.company(), await office.human()
    token = await office.invited(company.client, ada.email, "owner")
    client = await ada.at(None)
    async with office.engine.begin() as erasing:
        gone = text("UPDATE persons SET email = NULL, email_verified_at = NULL, erased_at = now() WHERE id = :id")
        await erasing.execute(gone, {"id": stored_id("usr", ada.id)})
        asked = {"token": token} if path.endswith("accept") else {"name": "A house without anybody"}
        joining = asyncio.create_task(client.post(path, json=asked))
        await asyncio.wait([joining], timeout=0.15)
        assert not joining.done(), "it waits for what becomes of the person"
    assert (await joining).status_code in (401, 403)
    assert await PostgresPeopleLookup(office.engine).organisations_of(ada.id, limit=1) == []
