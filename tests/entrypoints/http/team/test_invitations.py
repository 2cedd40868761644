"""How many invitations there are, and what stands in their mail."""

import pytest

from application.identity import invitations
from tests.entrypoints.http.team.office import Office, invitation
from tests.entrypoints.http.tenant import document, problem


async def test_so_many_invitations_wait_for_an_answer_and_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "INVITATIONS_MAX", 2)
    company = await office.company()
    path = "/v1/invitations"
    first, _ = [
        document(await company.client.post(path, json=invitation(f"{name}@example.com", "auditor")), 201)
        for name in "ab"
    ]
    refused = await company.client.post(path, json=invitation("c@example.com", "auditor"))
    told = problem(refused, 403, "quota-exceeded")
    assert (told["quota"], told["used"], told["limit"]) == ("invitations", "2", "2")
    assert (await company.client.delete(f"{path}/{first['id']}")).status_code == 204
    document(await company.client.post(path, json=invitation("c@example.com", "auditor")), 201)


async def test_an_organisation_has_so_many_mailed_in_a_time(office: Office) -> None:
    company, other = await office.company(), await office.company()
    member = await office.member(company, "auditor")
    settings = office.services.settings.model_copy(update={"rate_limit_invitations": 3})
    client, may_not, others = await office.clients_elsewhere(
        company.client, await member.at(company.id), other.client, settings=settings
    )
    path = "/v1/invitations"
    for number in range(4):
        # Who may not invite uses nothing up.
        refused = await may_not.post(path, json=invitation(f"x{number}@example.com", "auditor"))
        problem(refused, 403, "permission-denied")
    for number in range(3):
        document(await client.post(path, json=invitation(f"{number}@example.com", "auditor")), 201)
    refused = await client.post(path, json=invitation("late@example.com", "auditor"))
    told = problem(refused, 429, "rate-limited")
    assert told["policy"] == "invitations"
    assert "At most 3 invitations a quarter of an hour of one organisation" in told["detail"]
    document(await others.post(path, json=invitation("late@example.com", "auditor")), 201)


async def test_nothing_that_somebody_chose_stands_in_the_subject(office: Office) -> None:
    company = await office.company()
    name = "Your bank: confirm your password at https://bank.example"
    document(
        await company.client.patch(f"/v1/organisations/{company.id}", json={"name": name}, headers={"If-Match": "*"})
    )
    document(await company.client.post("/v1/invitations", json=invitation("d@example.com", "auditor")), 201)
    message = await office.mailbox.take("d@example.com")
    assert message.subject == "You are invited to join an organisation"
    assert name in message.text
