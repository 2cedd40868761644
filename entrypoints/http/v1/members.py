"""Members: list, get, change, remove, leave."""

from fastapi import APIRouter
from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.identity.members import KnownMember
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, IfMatch, StrictRoute, etag
from entrypoints.http.openapi import MAY_BE_KNOWN, described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.persons import PersonDependency
from entrypoints.http.v1.access_forms import AssignmentDocument, Assignments, assignment_documents, assignments_of
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["members"])

MEMBERS = ListSpec(sorts=("id", "-id"))


class MemberChange(Form):
    """What a member is to be able to do, instead of what it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"assignments": [{"role": "accountant"}]}]})

    assignments: Assignments


class MemberDocument(TypedDict):
    """A member of the organisation, by the id of the person; `email` is null for one that was erased."""

    id: str
    email: str | None
    assignments: list[AssignmentDocument]
    joined_at: str
    version: int


def member_document(known: KnownMember) -> MemberDocument:
    """Return a member as it is shown."""
    return {
        "id": known.member.person,
        "email": known.email,
        "assignments": assignment_documents(known.member.assignments),
        "joined_at": format_time(known.member.joined_at),
        "version": known.member.version,
    }


@router.get(
    "/members",
    summary="List members",
    openapi_extra=described_list(MEMBERS),
    responses=described_problems(400, 401, 403),
)
async def list_members(who: CallerDependency, request: Request, response: Response) -> ListDocument[MemberDocument]:
    """Return a page of the organisation's members."""
    query = MEMBERS.read(request, who)
    page = await who.services.member_keeping.list(who.principal, query.page)
    return query.document(page, member_document, response)


@router.get("/members/{id}", summary="Get a member", responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN})
async def get_member(id: str, who: CallerDependency, response: Response) -> MemberDocument:
    """Return one member, by the id of the person."""
    return _shown(await who.services.member_keeping.get(who.principal, id), response)


@router.patch(
    "/members/{id}",
    summary="Give a member other roles",
    responses=described_problems(400, 401, 403, 404, 409, 412, 422, 428),
)
async def change_member(
    id: str, change: MemberChange, version: IfMatch, who: CallerDependency, response: Response
) -> MemberDocument:
    """Replace what a member may do, everywhere within five seconds. To make or unmake an owner takes `owners:change`.

    Nobody gives more than they have, or takes anything from a member who may do more. The last owner stays one.
    """
    known = await who.services.member_keeping.change(
        who.principal, id, assignments_of(change.assignments), version=version, request_id=who.request_id
    )
    return _shown(known, response)


@router.delete(
    "/members/me", status_code=204, summary="Leave the organisation", responses=described_problems(401, 403, 404, 409)
)
async def leave(who: CallerDependency, by: PersonDependency) -> None:
    """Be a member of the organisation of this access token no more. It takes no permission; the last owner cannot."""
    await who.services.member_keeping.leave(who.principal.organisation_id, by.person, request_id=who.request_id)


@router.delete(
    "/members/{id}",
    status_code=204,
    summary="Remove a member",
    responses=described_problems(401, 403, 404, 409, 412, 428),
)
async def remove_member(id: str, version: IfMatch, who: CallerDependency) -> None:
    """Have a person be a member no more: its access tokens stop working here, everywhere within five seconds."""
    await who.services.member_keeping.remove(who.principal, id, version=version, request_id=who.request_id)


def _shown(known: KnownMember, response: Response) -> MemberDocument:
    response.headers["ETag"] = etag(known.member.version)
    return member_document(known)
