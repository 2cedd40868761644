"""What persons do with their own account, after they have logged in."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.identity.own_account import OwnAccount
from application.identity.person_ports import SecurityEvent
from domain.identity.session import Session
from domain.shared.chain import format_time
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.persons import PersonDependency, PersonRoute
from entrypoints.http.v1.access_forms import AssignmentDocument, assignment_documents
from entrypoints.http.v1.auth import NewPassword
from entrypoints.schemas.forms import Form

router = APIRouter(prefix="/auth", route_class=PersonRoute, tags=["auth"])

SECURITY_LOG = ListSpec(sorts=("-at",))


class MembershipDocument(TypedDict):
    """That the person is a member of an organisation, by its number."""

    organisation: str
    name: str
    assignments: list[AssignmentDocument]
    joined_at: str


class PersonDocument(TypedDict):
    """The person itself; without a password, it logs in by an outside provider."""

    id: str
    email: str | None
    has_password: bool
    created_at: str
    session: str
    organisations: list[MembershipDocument]


class SessionDocument(TypedDict):
    """A session of the person; `is_current` is the one that asks."""

    id: str
    created_at: str
    last_used_at: str
    expires_at: str
    address: str | None
    user_agent: str | None
    is_current: bool


class SessionsDocument(TypedDict):
    """The sessions of the person, the one used last first."""

    data: list[SessionDocument]


class SecurityEventDocument(TypedDict):
    """Something that happened to the person's log-in, and from where."""

    type: str
    at: str
    address: str | None
    user_agent: str | None
    details: dict[str, Any]


class PasswordIn(Form):
    """Another password, and the one before it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "the sluice opens at 9", "new_password": "the sluice closes at 10"}]
        }
    )

    current_password: str
    new_password: NewPassword


class ErasureIn(Form):
    """What confirms that the person itself wants to be erased."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "the sluice opens at 9"}]})

    password: Annotated[
        str | None, Described(description="The person's password; who has none has logged in a moment ago.")
    ] = None


def _person_document(account: OwnAccount, session: str) -> PersonDocument:
    person = account.person
    return {
        "id": person.id,
        "email": person.email,
        "has_password": person.password_hash is not None,
        "created_at": format_time(person.created_at),
        "session": session,
        "organisations": [
            {
                "organisation": str(each.organisation_id),
                "name": name,
                "assignments": assignment_documents(each.assignments),
                "joined_at": format_time(each.joined_at),
            }
            for each, name in account.memberships
        ],
    }


def _session_document(session: Session, current: str) -> SessionDocument:
    return {
        "id": session.id,
        "created_at": format_time(session.created_at),
        "last_used_at": format_time(session.last_used_at),
        "expires_at": format_time(session.expires_at),
        "address": session.origin.address,
        "user_agent": session.origin.user_agent,
        "is_current": session.id == current,
    }


def _event_document(event: SecurityEvent) -> SecurityEventDocument:
    return {
        "type": event.type,
        "at": format_time(event.at),
        "address": event.origin.address,
        "user_agent": event.origin.user_agent,
        "details": dict(event.details),
    }


@router.get("/me", summary="Show who I am", responses=described_problems(403))
async def get_me(who: PersonDependency) -> PersonDocument:
    """Return the person whose access token this is, and the organisations that it is a member of."""
    return _person_document(await who.services.persons.accounts.account(who.person), who.person.session)


@router.post("/me/erasure", status_code=204, summary="Erase me", responses=described_problems(403))
async def post_erasure(body: ErasureIn, who: PersonDependency) -> None:
    """Remove all that tells who the person was. Its id stays in the logs of what it did."""
    await who.services.attempts.admit("password", who.origin.address, who.person.id)
    await who.services.persons.accounts.erase(who.person, body.password, request_id=who.request_id)


@router.post("/logout", status_code=204, summary="Log out", responses=described_problems(403))
async def post_logout(who: PersonDependency) -> None:
    """End the session that the access token is of."""
    await who.services.persons.accounts.end_session(who.person, who.person.session, origin=who.origin)


@router.get("/sessions", summary="List my sessions", responses=described_problems(403))
async def list_sessions(who: PersonDependency) -> SessionsDocument:
    """Return the person's sessions that have not ended, at most 100."""
    sessions = await who.services.persons.accounts.sessions(who.person)
    return {"data": [_session_document(each, who.person.session) for each in sessions]}


@router.delete("/sessions", status_code=204, summary="End all my sessions", responses=described_problems(403))
async def delete_sessions(who: PersonDependency) -> None:
    """End all of the person's sessions, the one that asks among them, and all that it lets OAuth clients do."""
    await who.services.persons.accounts.end_everything(who.person, origin=who.origin, request_id=who.request_id)


@router.delete(
    "/sessions/others", status_code=204, summary="End all my other sessions", responses=described_problems(403)
)
async def delete_other_sessions(who: PersonDependency) -> None:
    """End all of the person's sessions but the one that asks; what OAuth clients may do stays."""
    await who.services.persons.accounts.end_other_sessions(who.person, origin=who.origin)


@router.delete(
    "/sessions/{id}", status_code=204, summary="End one of my sessions", responses=described_problems(403, 404)
)
async def delete_session(id: str, who: PersonDependency) -> None:
    """End one of the person's sessions, everywhere within five seconds."""
    await who.services.persons.accounts.end_session(who.person, id, origin=who.origin)


@router.post("/password", status_code=204, summary="Change my password", responses=described_problems(403))
async def post_password(body: PasswordIn, who: PersonDependency) -> None:
    """Set another password, and end all of the person's other sessions, and all that it lets OAuth clients do."""
    await who.services.attempts.admit("password", who.origin.address, who.person.id)
    await who.services.persons.accounts.change_password(
        who.person, body.current_password, body.new_password, origin=who.origin, request_id=who.request_id
    )


@router.get(
    "/security-log",
    summary="List what happened to my log-in",
    openapi_extra=described_list(SECURITY_LOG),
    responses=described_problems(403),
)
async def list_security_log(
    who: PersonDependency, request: Request, response: Response
) -> ListDocument[SecurityEventDocument]:
    """Return a page of the person's log-ins, failures and changes of the last 90 days, the last first."""
    query = SECURITY_LOG.read(request, who)
    page = await who.services.persons.accounts.security_log(who.person, query.page)
    return query.document(page, _event_document, response)
