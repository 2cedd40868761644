"""Invitations: send, list, revoke, accept."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.identity.invitation import Invitation, InvitationNotGood
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, Key, StrictRoute
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.persons import PersonDependency, PersonRoute
from entrypoints.http.v1.access_forms import AssignmentDocument, Assignments, assignment_documents, assignments_of
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["members"])
accepting = APIRouter(route_class=PersonRoute, tags=["members"])

INVITATIONS = ListSpec(sorts=("id", "-id"))


class InvitationIn(Form):
    """Someone to invite."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "assignments": [{"role": "accountant"}]}]}
    )

    email: Annotated[str, Described(description="Where the invitation is sent to, and who can accept it.")]
    assignments: Assignments


class AcceptanceIn(Form):
    """An invitation to accept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "pti_1_…"}]})

    token: Annotated[str, Described(description="The token in the mail.", max_length=200)]


class InvitationDocument(TypedDict):
    """An invitation that was not answered; its token stands in the mail alone."""

    id: str
    email: str
    assignments: list[AssignmentDocument]
    invited_by: str
    created_at: str
    expires_at: str


class JoinedDocument(TypedDict):
    """An organisation that a person has joined, by its number."""

    organisation: str
    name: str
    assignments: list[AssignmentDocument]


def invitation_document(invitation: Invitation) -> InvitationDocument:
    """Return an invitation as it is shown."""
    return {
        "id": invitation.id,
        "email": invitation.email,
        "assignments": assignment_documents(invitation.assignments),
        "invited_by": invitation.invited_by,
        "created_at": format_time(invitation.created_at),
        "expires_at": format_time(invitation.expires_at),
    }


@router.post(
    "/invitations",
    status_code=201,
    summary="Invite someone",
    responses=described_problems(400, 401, 403, 409, 422),
)
async def post_invitation(
    body: InvitationIn, key: Key, who: CallerDependency, response: Response
) -> InvitationDocument:
    """Send an invitation by mail, good for seven days, once. Nobody offers more than they may do themselves."""
    invitation, token = await who.services.inviting.invite(
        who.principal, body.email, assignments_of(body.assignments), request_id=who.request_id, key=key
    )
    if token is None:
        response.headers["Idempotency-Replayed"] = "true"
    return invitation_document(invitation)


@router.get(
    "/invitations",
    summary="List invitations",
    openapi_extra=described_list(INVITATIONS),
    responses=described_problems(400, 401, 403),
)
async def list_invitations(
    who: CallerDependency, request: Request, response: Response
) -> ListDocument[InvitationDocument]:
    """Return a page of the invitations that were not answered. Those that were, or were revoked, are erased."""
    query = INVITATIONS.read(request, who)
    page = await who.services.inviting.list(who.principal, query.page)
    return query.document(page, invitation_document, response)


@router.delete(
    "/invitations/{id}", status_code=204, summary="Revoke an invitation", responses=described_problems(401, 403, 404)
)
async def delete_invitation(id: str, who: CallerDependency) -> None:
    """Take an invitation back, at once."""
    await who.services.inviting.revoke(who.principal, id, request_id=who.request_id)


@accepting.post(
    "/invitations/accept",
    summary="Accept an invitation",
    responses=described_problems(400, 401, 403, 409, 422),
)
async def accept_invitation(body: AcceptanceIn, who: PersonDependency) -> JoinedDocument:
    """Become a member of the organisation: it takes a person whose verified address is the one that was invited."""
    admission, address = who.services.admission, who.origin.address
    admission.require_room_for_refusals(address)
    try:
        organisation, member = await who.services.inviting.accept(who.person, body.token, request_id=who.request_id)
    except InvitationNotGood:
        await admission.count_refusal(address)
        raise
    return {
        "organisation": str(organisation.id),
        "name": organisation.name,
        "assignments": assignment_documents(member.assignments),
    }
