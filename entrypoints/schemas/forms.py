"""What the forms of requests have in common, and how their mistakes are told."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

from annotated_types import MaxLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from domain.shared.errors import Blame, DomainError, ErrorKind, ValidationFailed
from domain.shared.stable import stable

# So many mistakes are told one by one; of the others, how many they are.
BLAMES_MAX: Final = 20
# What is laid out as a map is bounded by its own rules. This is far above, and ends what would be read for nothing.
MAP_KEYS_MAX: Final = 1_000
# Beyond it, JSON has no whole numbers that every program reads alike.
SEQUENCE_MAX: Final = 2**53

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class AmountNotAString(DomainError):
    """An amount was given as a JSON number. Is `100` a hundred euros or one? Write `"100.00"`.

    Numbers in JSON are also read as binary fractions by many programs, and lose digits on the way.
    """

    code = "amount-not-a-string"
    kind = ErrorKind.INVALID
    title = "Amounts are strings"


@stable(since="0.2.0")
class Form(BaseModel):
    """A JSON object that comes in: nothing is converted, and a field that is not known is refused by name."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


FormType = TypeVar("FormType", bound=Form)
Item = TypeVar("Item")


def parse_time(text: str) -> datetime:
    """Return the UTC time that a text of RFC 3339 names, to the microsecond. Raises `ValueError`, saying why not."""
    if not _TIME.fullmatch(text):
        raise ValueError("must be a time of RFC 3339 with its offset, such as 2026-11-24T10:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists, between the years 1 and 9999") from None


def parse_date(text: str) -> date:
    """Return the day that a text such as 2026-11-24 names. Raises `ValueError`, saying why not."""
    if not _DATE.fullmatch(text):
        raise ValueError("must be a time of RFC 3339 with its offset, such as 2026-11-24T10:00:00Z, or a date")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date that exists, between the years 1 and 9999") from None


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


def _day_of_json(value: Any) -> date:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be a string")
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("day", "must be a day that exists, such as 2026-04-01")


Day = Annotated[
    date,
    BeforeValidator(_day_of_json),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-04-01"]}),
]


def read_form(form: type[FormType], value: Any, *, what: str = "The body") -> FormType:
    """Return the form that a JSON value, named `what`, fills in. Raises `AmountNotAString`, `ValidationFailed`."""
    require_bounded(form, value)
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise refusal(error.errors(include_url=False, include_context=False), what=what) from None


def read_each(items: Sequence[Any], read: Callable[[Any], Item], *, of: str) -> tuple[Item, ...]:
    """Return what `read` makes of each item of the list `of`; what it refuses is blamed below `/{of}/{index}`."""
    made: list[Item] = []
    for index, item in enumerate(items):
        try:
            made.append(read(item))
        except DomainError as refused:
            blames = refused.blames or (Blame("", refused.detail),)
            refused.blames = tuple(Blame(f"/{of}/{index}{each.pointer}", each.detail) for each in blames)
            raise
    return tuple(made)


def refusal(errors: Sequence[ErrorDetails], *, is_of_request: bool = False, what: str = "The body") -> DomainError:
    """Return what to say about mistakes in a form, or anywhere in a request, whose body's places begin with `body`."""
    blames: list[Blame] = []
    for error in errors:
        place = error["loc"][1:] if is_of_request and error["loc"][0] == "body" else error["loc"]
        if _is_amount(place) and _kind(error["input"]) == "a number":
            refused = AmountNotAString(
                f'The amount {error["input"]!r} is a JSON number: write it as a string in major units, such as "12.50".'
            )
            refused.blames = (Blame(_pointer(place), _sentence(error)),)
            return refused
        if len(blames) < BLAMES_MAX:
            blames.append(Blame(_pointer(place), _sentence(error)))
    return _failed(blames, len(errors), what)


_AMOUNTS: Final = frozenset({"amount", "up_to", "balance_at_least", "balance_at_most", "balance_exactly"})


def _is_amount(place: Sequence[int | str]) -> bool:
    is_of_entry = len(place) == 3 and place[0] == "entries" and isinstance(place[1], int)
    is_of_limit = len(place) >= 3 and place[-3] == "limits" and place[-1] in ("minimum", "maximum")
    return is_of_limit or ((is_of_entry or len(place) == 1) and place[-1] in _AMOUNTS)


def _failed(blames: Sequence[Blame], count: int, what: str = "The body") -> ValidationFailed:
    """Return the refusal for so many mistakes, of which the first are blamed."""
    first = blames[0]
    more = f" ({len(blames) - 1} more in errors)" if len(blames) > 1 else ""
    if count > len(blames):
        more = f" ({len(blames) - 1} more in errors, and {count - len(blames):,} more)"
    refused = ValidationFailed(f"{first.pointer or what} {first.detail}{more}.")
    refused.blames = tuple(blames)
    return refused


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a form can hold: its fields; which of them are maps; which are lists, how long, and of which forms."""

    fields: frozenset[str]
    maps: tuple[str, ...]
    lists: tuple[tuple[str, int | None, type[Form] | None], ...]


@cache
def _bounds(form: type[Form]) -> _Bounds:
    maps: list[str] = []
    lists: list[tuple[str, int | None, type[Form] | None]] = []
    for name, field in form.model_fields.items():
        if get_origin(field.annotation) is dict:
            maps.append(name)
        elif get_origin(field.annotation) is list:
            (item,) = get_args(field.annotation)
            length_max = next((each.max_length for each in field.metadata if isinstance(each, MaxLen)), None)
            lists.append((name, length_max, item if isinstance(item, type) and issubclass(item, Form) else None))
    names = frozenset(field.alias or name for name, field in form.model_fields.items())
    return _Bounds(names, tuple(maps), tuple(lists))


def require_bounded(form: type[Form], value: Any) -> None:
    """Return unless to find all the mistakes in a JSON value would cost far more than to read what has none.

    Every mistake that is found is kept, in some hundred bytes: a body of unknown fields must not become a thousand
    times as long. Raises `ValidationFailed` for more than 20 unknown fields, and for lists and maps that are too long.
    """
    if not isinstance(value, dict):
        return
    bounds = _bounds(form)
    unknown = _Unknown()
    unknown.look_at(value, bounds.fields, ())
    for name in bounds.maps:
        of_name = value.get(name)
        if isinstance(of_name, dict) and len(of_name) > MAP_KEYS_MAX:
            raise _failed([Blame(f"/{name}", f"has {len(of_name):,} keys, which are too many")], 1)
    for name, length_max, item_form in bounds.lists:
        of_name = value.get(name)
        if not isinstance(of_name, list):
            continue
        if length_max is not None and len(of_name) > length_max:
            raise _failed([Blame(f"/{name}", f"has {len(of_name):,} items; at most {length_max:,} fit")], 1)
        if item_form is not None:
            fields = _bounds(item_form).fields
            for index, item in enumerate(of_name):
                if isinstance(item, dict) and not item.keys() <= fields:
                    unknown.look_at(item, fields, (name, index))
    if unknown.count > BLAMES_MAX:
        raise _failed(unknown.blames, unknown.count)


class _Unknown:
    """The unknown fields that were met: how many, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.blames: list[Blame] = []

    def look_at(self, value: Mapping[str, Any], fields: frozenset[str], place: tuple[int | str, ...]) -> None:
        """Add those of one object."""
        if value.keys() <= fields:
            return
        for name in value:
            if name not in fields:
                self.count += 1
                if len(self.blames) < BLAMES_MAX:
                    self.blames.append(Blame(_pointer((*place, name)), "is not a field that is known here"))


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
