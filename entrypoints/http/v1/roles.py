"""Roles: list, get, put, delete."""

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.identity.role import Role
from domain.shared.access import Permission
from entrypoints.http.dependencies import IF_MATCH_DESCRIPTION, CallerDependency, IfMatch, StrictRoute, etag, version_of
from entrypoints.http.openapi import MAY_BE_KNOWN, described_problems
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["roles"])


class RoleIn(Form):
    """What a role is to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"description": "Freezes accounts.", "permissions": ["accounts:read", "accounts:freeze"]}]
        }
    )

    description: Annotated[str, Described(description="What it is for.")] = ""
    permissions: Annotated[
        list[str], Described(description="What it allows.", min_length=1, max_length=len(Permission))
    ]


class RoleDocument(TypedDict):
    """A role. A built-in one has the version 0, and never changes but with a release."""

    name: str
    description: str
    permissions: list[str]
    is_built_in: bool
    version: int


class RolesDocument(TypedDict):
    """All roles: the built-in ones, and the organisation's own by name."""

    data: list[RoleDocument]


def role_document(role: Role) -> RoleDocument:
    """Return a role as it is shown."""
    return {
        "name": role.name,
        "description": role.description,
        "permissions": sorted(permission.value for permission in role.permissions),
        "is_built_in": role.is_built_in,
        "version": role.version,
    }


@router.get("/roles", summary="List roles", responses=described_problems(401, 403))
async def list_roles(who: CallerDependency) -> RolesDocument:
    """Return all roles that members can have."""
    return {"data": [role_document(role) for role in await who.services.role_keeping.list(who.principal)]}


@router.get("/roles/{name}", summary="Get a role", responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN})
async def get_role(name: str, who: CallerDependency, response: Response) -> RoleDocument:
    """Return one role."""
    return _shown(await who.services.role_keeping.get(who.principal, name), response)


@router.put(
    "/roles/{name}",
    summary="Make or change a role",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def put_role(
    name: str,
    role: RoleIn,
    who: CallerDependency,
    response: Response,
    if_match: Annotated[str | None, Header(alias="If-Match", description=IF_MATCH_DESCRIPTION)] = None,
) -> RoleDocument:
    """Make a role, or, with `If-Match`, change one: for all who have it, everywhere within five seconds.

    Nobody makes a role, or changes one, that allows more than they may do themselves.
    """
    put = await who.services.role_keeping.put(
        who.principal,
        name,
        role.description,
        role.permissions,
        version=None if if_match is None else version_of(if_match),
        replaces=if_match is not None,
        request_id=who.request_id,
    )
    return _shown(put, response)


@router.delete(
    "/roles/{name}",
    status_code=204,
    summary="Delete a role",
    responses=described_problems(401, 403, 404, 409, 412, 422, 428),
)
async def delete_role(name: str, version: IfMatch, who: CallerDependency) -> None:
    """Delete a role that no member has, and no invitation offers."""
    await who.services.role_keeping.delete(who.principal, name, version=version, request_id=who.request_id)


def _shown(role: Role, response: Response) -> RoleDocument:
    response.headers["ETag"] = etag(role.version)
    return role_document(role)
