"""The OpenAPI document: what FastAPI cannot see of routes that read their requests themselves."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from entrypoints.http.dependencies import DRY_RUN_DESCRIPTION, KEY_DESCRIPTION
from entrypoints.http.pagination import LIMIT_DEFAULT, LIMIT_MAX, METADATA_FILTERS_MAX, ListSpec
from entrypoints.http.problems import NOT_OF_ROUTES, PROBLEM_TYPE, documented_errors, statuses_of
from entrypoints.http.seen import READING, SEEN_DESCRIPTION, SEEN_MAX

_described: set[type[BaseModel]] = set()

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `errors` points at what is to blame, where that is known. The facts of "
    "the case are members of their own where there are any, all of them strings: `account`, `asset`, `available`, "
    "`balance`, `condition`; `limit` and `asked` of `insufficient-funds` and `limit-exceeded`; `held_debits` and "
    "`held_credits` of `account-not-empty` and `ledger-not-empty`; `hold`, `hold_status`, `transaction`, `left` and "
    "`asked` of what is captured or reversed; `closed_until` of `period-closed`; `taken_by` of "
    "`duplicate-reference`, which is `transaction` or `hold`; `permission` of `permission-denied`; `quota`, `used` and "
    "`limit` of `quota-exceeded`; `policy` of `rate-limited`; `extension` of `extension-failed`.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "A path on this server that explains the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def described_body(
    form: type[BaseModel],
    *,
    path: Iterable[str],
    takes_key: bool = False,
    takes_dry_run: bool = False,
    other_types: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the description of a route that reads its path, its headers and its body by itself."""
    _described.add(form)
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{form.__name__}"}}}
    content.update({other: {"schema": {"type": "string"}} for other in other_types})
    parameters = [_parameter(name, "path", required=True) for name in path]
    if takes_key:
        parameters.append(KEY_PARAMETER)
    if takes_dry_run:
        parameters.append(DRY_RUN_PARAMETER)
    return {"requestBody": {"required": True, "content": content}, "parameters": parameters}


def described_forms(*forms: type[BaseModel]) -> None:
    """Have the forms described that only items of a list are read as, one by one."""
    _described.update(forms)


def described_list(spec: ListSpec) -> dict[str, Any]:
    """Return the description of a list's query parameters."""
    parameters = [
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}),
        _parameter("cursor", "query", description="`next_cursor` of the page before; the rest of the query stays."),
        _parameter("sort", "query", {"type": "string", "enum": list(spec.sorts), "default": spec.sorts[0]}),
    ]
    for name, field in spec.parameters().items():
        schema: dict[str, Any] = {"type": "integer"} if field.is_integer else {"type": "string"}
        if field.is_time:
            schema["format"] = "date-time"
        if field.known and not name.endswith("]"):
            schema["enum"] = list(field.known)
        if name.endswith("[exists]"):
            schema = {"type": "boolean"}
        parameters.append(_parameter(name, "query", schema, description=field.description))
    if spec.has_metadata:
        of_key = {"type": "object", "additionalProperties": {"type": "string"}}
        text = f"`metadata[key]=value`, for up to {METADATA_FILTERS_MAX} keys, each given once."
        described = _parameter("metadata", "query", of_key, description=text)
        parameters.append({**described, "style": "deepObject", "explode": True})
    return {"parameters": parameters}


# What any request may meet: a query that is not understood, no key, a wrong value, a limit, a bug of ours, no database.
_OF_EVERY_ROUTE = (400, 401, 422, 429, 500, 503)
_OF_EVERY_BODY = (413, 415)
_A_PROBLEM: Final = "A problem."

FOR_EVERYONE: Final[dict[str, Any]] = {"security": []}
"""The description of a route that takes no credential."""


MAY_BE_KNOWN: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "You have it, by `If-None-Match`."}}
"""The description of a 304, of a route whose answers have tags."""


def described_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of the refusals with these statuses, and with those that every route has.

    Their codes are added by `openapi_document`, when all that can refuse anything is known.
    """
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _A_PROBLEM, "content": content} for status in sorted({*statuses, *_OF_EVERY_ROUTE})}


def _codes_by_status() -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {}
    for error in documented_errors():
        for status in () if error.code in NOT_OF_ROUTES else statuses_of(error.code):
            codes.setdefault(str(status), []).append(error.code)
    return codes


def _parameter(
    name: str, place: str, schema: dict[str, Any] | None = None, *, description: str = "", required: bool = False
) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": required, "schema": schema or {"type": "string"}}
    return {**parameter, "description": description} if description else parameter


KEY_PARAMETER = _parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255},
    description=KEY_DESCRIPTION,
)
IF_NONE_MATCH_PARAMETER = _parameter(
    "If-None-Match",
    "header",
    description="The `ETag` of the answer that you have, or several of them: if it would be the same again, it is 304.",
)
SEEN_PARAMETER = _parameter(
    "Partita-Sequence", "header", {"type": "integer", "minimum": 0, "maximum": SEEN_MAX}, description=SEEN_DESCRIPTION
)
SHOWN_HEADER: Final = {
    "schema": {"type": "integer", "minimum": 1, "maximum": SEEN_MAX},
    "description": "Up to where the answer shows the ledger, for those who have sent what they have seen.",
}
DRY_RUN_PARAMETER = _parameter(
    "dry_run", "query", {"type": "boolean", "default": False}, description=DRY_RUN_DESCRIPTION
)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the document of all routes, with the schemas that only `described_body` names."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        models = [(form, "validation") for form in sorted(_described, key=lambda form: form.__name__)]
        _, described = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type] # a literal type is lost in the list
        schemas.update(described["$defs"])
        schemas["Problem"] = PROBLEM_SCHEMA
        document["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key (`ptk_…`), or an access token."}
        }
        document["security"] = [{"key": []}]
        codes = _codes_by_status()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method.upper() in READING and "{ledger}" in path:
                    operation.setdefault("parameters", []).append(SEEN_PARAMETER)
                    operation["responses"] |= {"412": described_problems(412)[412]}
                    for status in {"200", "304"} & operation["responses"].keys():
                        operation["responses"][status].setdefault("headers", {})["Partita-Sequence"] = SHOWN_HEADER
                if "requestBody" in operation:
                    of_body = {str(status): problem for status, problem in described_problems(*_OF_EVERY_BODY).items()}
                    operation["responses"] = of_body | operation["responses"]
                for status, answer in operation["responses"].items():
                    if answer["description"] == _A_PROBLEM:
                        answer["description"] = "A problem: `" + "`, `".join(codes.get(status, ["…"])) + "`."
                if "304" in operation["responses"]:
                    operation.setdefault("parameters", []).append(IF_NONE_MATCH_PARAMETER)
        app.openapi_schema = document
    return app.openapi_schema
