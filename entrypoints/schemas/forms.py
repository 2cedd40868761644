"""What the forms of requests have in common, and how their mistakes are told."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from domain.shared.errors import Blame, DomainError, ErrorKind, ValidationFailed

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class AmountNotAString(DomainError):
    """An amount was given as a JSON number. Is `100` a hundred euros or one? Write `"100.00"`.

    Numbers in JSON are also read as binary fractions by many programs, and lose digits on the way.
    """

    code = "amount-not-a-string"
    kind = ErrorKind.INVALID
    title = "Amounts are strings"


class Form(BaseModel):
    """A JSON object that comes in: nothing is converted, and a field that is not known is refused by name."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


FormType = TypeVar("FormType", bound=Form)


def parse_time(text: str) -> datetime:
    """Return the UTC time that a text of RFC 3339 names, to the microsecond. Raises `ValueError`, saying why not."""
    if not _TIME.fullmatch(text):
        raise ValueError("must be a time of RFC 3339 with its offset, such as 2026-11-24T10:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists, between the years 1 and 9999") from None


def _time_of_json(value: Any) -> datetime:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be a string")
    try:
        return parse_time(value)
    except ValueError as error:
        raise PydanticCustomError("time", "{problem}", {"problem": str(error)}) from None


Time = Annotated[
    datetime,
    BeforeValidator(_time_of_json),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-24T10:00:00Z"]}),
]


def read_form(form: type[FormType], value: Any) -> FormType:
    """Return the form that a JSON value fills in. Raises `AmountNotAString`, `ValidationFailed`."""
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise refusal(error.errors(include_url=False, include_context=False)) from None


def refusal(errors: Sequence[ErrorDetails], *, is_of_request: bool = False) -> DomainError:
    """Return what to say about mistakes in a form, or anywhere in a request, whose body's places begin with `body`."""
    blames = []
    for error in errors:
        place = error["loc"][1:] if is_of_request and error["loc"][0] == "body" else error["loc"]
        blames.append(Blame(_pointer(place), _sentence(error)))
    refused: DomainError
    for error, blame in zip(errors, blames, strict=True):
        if error["loc"] and error["loc"][-1] == "amount" and _kind(error["input"]) == "a number":
            refused = AmountNotAString(
                f'The amount {error["input"]!r} is a JSON number: write it as a string in major units, such as "12.50".'
            )
            refused.blames = (blame,)
            return refused
    first = blames[0]
    more = f" ({len(blames) - 1} more in errors)" if len(blames) > 1 else ""
    refused = ValidationFailed(f"{first.pointer or 'The body'} {first.detail}{more}.")
    refused.blames = tuple(blames)
    return refused


def _pointer(location: Sequence[int | str]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _sentence(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not a field that is known here"
        case "string_type":
            return f"must be a string, not {_kind(error['input'])}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"must be an object, not {_kind(error['input'])}"
        case "list_type" | "tuple_type":
            return f"must be a list, not {_kind(error['input'])}"
        case _:
            message = error["msg"]
            return message[0].lower() + message[1:]


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), "that")
