"""`/graphql` over HTTP: a POST of JSON, or a GET that only asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import strawberry
from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from domain.shared.errors import DomainError, ValidationFailed
from entrypoints.http.dependencies import Caller, PlainRoute, caller, require_known_parameters
from entrypoints.http.graphql.asking import Asking, error_of
from entrypoints.http.graphql.persisted import PersistedQueryNotFound, query_of
from entrypoints.http.graphql.schema import InvalidQuery
from entrypoints.http.problems import status_of
from entrypoints.http.reading import read_json
from entrypoints.http.v1.formats import accepted_type
from entrypoints.schemas.forms import Form, read_form
from entrypoints.schemas.json_text import parse_json

router = APIRouter(route_class=PlainRoute)

PATH: Final = "/graphql"
JSON: Final = "application/json"
# By it, the status tells what has become of the request (the specification "GraphQL over HTTP").
RESPONSE_JSON: Final = "application/graphql-response+json"
_READING: Final = frozenset({OperationType.QUERY})
_ALL: Final = frozenset(OperationType)
_PARAMETERS: Final = ("query", "operationName", "variables", "extensions")


class OperationIn(Form):
    """An operation; several at once are not taken."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    query: str | None = None
    operation_name: str | None = Field(default=None, alias="operationName")
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    """What is answered, and with which status where the status tells."""

    document: Mapping[str, Any]
    status: int = 200


@router.get(PATH, include_in_schema=False)
async def get(request: Request) -> Response:
    """Do a query that is in the URL. It changes nothing: a link to it does no harm."""
    who = await caller(request)
    require_known_parameters(request, _PARAMETERS)
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = parse_json(given[name].encode())
    return await _answer(request, who, read_form(OperationIn, given, what="The query"), _READING)


@router.post(PATH, include_in_schema=False)
async def post(request: Request) -> Response:
    """Do an operation. No form of a web page can send one: it takes JSON alone, and a header with a credential."""
    who = await caller(request)
    require_known_parameters(request, ())
    document = await read_json(request, who.services.settings.body_bytes_max)
    if isinstance(document, list):
        raise ValidationFailed("Operations are sent one by one: the body is an object, not a list.")
    return await _answer(request, who, read_form(OperationIn, document), _ALL)


async def _answer(request: Request, who: Caller, operation: OperationIn, allowed: frozenset[OperationType]) -> Response:
    media_type = accepted_type(request, [JSON, RESPONSE_JSON])
    try:
        result = await _executed(request, who, operation, allowed)
    except (InvalidQuery, PersistedQueryNotFound) as refusal:
        result = _refused(who, refusal)
    body = orjson.dumps(result.document)
    status = result.status if media_type == RESPONSE_JSON else 200
    return Response(body, status, media_type=media_type, headers={"Vary": "Accept"})


async def _executed(
    request: Request, who: Caller, operation: OperationIn, allowed: frozenset[OperationType]
) -> _Result:
    """Do an operation. Raises `InvalidQuery`, `PersistedQueryNotFound`, `ValidationFailed`."""
    query = await query_of(who, operation.query, operation.extensions or {})
    schema: strawberry.Schema = request.app.state.graphql
    try:
        result = await schema.execute(
            query,
            variable_values=operation.variables,
            context_value=Asking(who),
            operation_name=operation.operation_name,
            allowed_operation_types=allowed,
        )
    except MissingQueryError:
        raise InvalidQuery("There is no query in the request.") from None
    except CannotGetOperationTypeError:
        raise InvalidQuery("operationName names none of the operations; of several, one is to be named.") from None
    except InvalidOperationTypeError:
        raise InvalidQuery("By GET come queries alone. Send the operation as a POST.") from None
    assert isinstance(result, ExecutionResult | PreExecutionError)
    document: dict[str, Any] = {}
    if result.errors:
        document["errors"] = [error.formatted for error in result.errors]
    if isinstance(result, PreExecutionError):
        return _Result(document, 400)
    return _Result(document | {"data": result.data})


def _refused(who: Caller, refusal: DomainError) -> _Result:
    return _Result({"errors": [error_of(refusal, who)]}, status_of(refusal))
