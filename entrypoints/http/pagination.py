"""Lists: their filters, their sorting and their pages, and how a client walks from one to the next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.shared.pagination import Page, PageRequest
from domain.shared.errors import DomainError, ValidationFailed
from entrypoints.http.problems import UnknownParameter, unknown_parameter
from entrypoints.schemas.forms import SEQUENCE_MAX, parse_time

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
METADATA_FILTERS_MAX = 10
PAGE_PARAMETERS = ("limit", "cursor", "sort")

Item = TypeVar("Item")
View = TypeVar("View")
Value = TypeVar("Value")


class ListDocument(TypedDict, Generic[Item]):
    """A page of a list; the next one is asked for with `?cursor=` and the same query."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field to filter by, and with which operators; the empty one is plain equality.

    Where `known` names values, it has no others.
    """

    name: str
    operators: Sequence[str] = ("",)
    description: str = ""
    is_time: bool = False
    is_integer: bool = False
    known: Sequence[str] = ()

    def parameters(self) -> list[str]:
        """Return the query parameters that it can be filtered by."""
        return [f"{self.name}[{operator}]" if operator else self.name for operator in self.operators]


@dataclass(frozen=True, slots=True)
class ListSpec:
    """What a list can be sorted and filtered by; the first sort is the default."""

    sorts: Sequence[str]
    fields: Sequence[Field] = ()
    has_metadata: bool = False

    def parameters(self) -> dict[str, Field]:
        """Return every filter as a query parameter."""
        return {parameter: field for field in self.fields for parameter in field.parameters()}

    def read(self, request: Request, who: Any) -> "ListQuery":
        """Return what the query of a request asks for.

        Raises `UnknownParameter`, which lists what is known, and `ValidationFailed` for values of the wrong form.
        """
        return self.of(request.query_params.multi_items(), request.scope["path"], who)

    def of(self, parameters: Sequence[tuple[str, str]], path: str, who: Any) -> "ListQuery":
        """Return what parameters ask for of the list at a path of this interface. Raises as `read` does."""
        given: dict[str, str] = {}
        metadata: dict[str, str] = {}
        known = self.parameters()
        for name, value in parameters:
            of_metadata = self.has_metadata and name.startswith("metadata[") and name.endswith("]")
            if not of_metadata and name not in known and name not in PAGE_PARAMETERS:
                raise self._unknown(name)
            values = metadata if of_metadata else given
            key = name.removeprefix("metadata[").removesuffix("]") if of_metadata else name
            if key in values:
                raise UnknownParameter(f"The parameter {name!a} is given twice.")
            values[key] = value
            if len(metadata) > METADATA_FILTERS_MAX:
                raise ValidationFailed(f"At most {METADATA_FILTERS_MAX} keys of metadata can be filtered by at a time.")
            if "\x00" in value or "\x00" in name:
                raise ValidationFailed("A query parameter contains NUL.")
        return ListQuery(self, given, metadata, _cursors(parameters, path, who))

    def _unknown(self, name: str) -> DomainError:
        known = [*PAGE_PARAMETERS, *self.parameters()]
        if self.has_metadata:
            known.append("metadata[<key>]")
        return unknown_parameter(name, known)


def _cursors(parameters: Sequence[tuple[str, str]], path: str, who: Any) -> "Cursors":
    # A cursor is bound to all of the query but the size of its pages, and to the tenant.
    query = urlencode(sorted((key, value) for key, value in parameters if key not in ("cursor", "limit")))
    bound_to = f"{who.reader} {path} {query}"
    signed = URLSafeSerializer(who.services.cursor_key, salt=bound_to, signer_kwargs={"digest_method": sha256})
    return Cursors(path, parameters, signed)


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads the cursors of one query."""

    path: str
    parameters: Sequence[tuple[str, str]]
    serializer: URLSafeSerializer

    def read(self, cursor: str) -> tuple[str | int, ...]:
        """Return the position. Raises `UnknownParameter` for what was not written for this very query."""
        try:
            return tuple(self.serializer.loads(cursor))
        except BadData:
            raise UnknownParameter(
                "The cursor does not belong to this query: take it from an answer to the same path, filters and sort."
            ) from None

    def write(self, position: Sequence[str | int]) -> str:
        """Return the cursor that leads to what comes after the position."""
        return str(self.serializer.dumps(list(position)))

    def link(self, cursor: str) -> str:
        """Return the header that leads to the next page."""
        query = urlencode([*(each for each in self.parameters if each[0] != "cursor"), ("cursor", cursor)])
        return f'<{quote(self.path, safe="/:")}?{query}>; rel="next"'


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's query, understood."""

    spec: ListSpec
    given: Mapping[str, str]
    metadata: Mapping[str, str]
    cursors: Cursors

    @property
    def page(self) -> PageRequest:
        """Return which page is asked for. Raises `UnknownParameter`, `ValidationFailed`."""
        sort = self.given.get("sort", self.spec.sorts[0])
        if sort not in self.spec.sorts:
            raise UnknownParameter(f"There is no sort {sort!a} here. Known are: {', '.join(self.spec.sorts)}.")
        limit = self.integer("limit")
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            raise ValidationFailed(f"A limit is from 1 to {LIMIT_MAX}, not {limit}.")
        cursor = self.given.get("cursor")
        return PageRequest(sort, limit or LIMIT_DEFAULT, self.cursors.read(cursor) if cursor else None)

    def value(self, parameter: str, form: Callable[[str], Value]) -> Value | None:
        """Return the parameter's value as `form` makes it, or None."""
        text = self.given.get(parameter)
        return None if text is None else form(text)

    def values(self, field: str) -> list[str]:
        """Return what the field may be equal to, by itself or as one of several; empty is anything.

        Raises `ValidationFailed` for a value that the field never has.
        """
        single, several = self.given.get(field), self.given.get(f"{field}[in]")
        values = [single] if single is not None else (several.split(",") if several is not None else [])
        known = self._field(field).known
        for value in values:
            if known and value not in known:
                raise ValidationFailed(f"There is no {field} {value!a}. There are: {', '.join(known)}.")
        return values

    def boolean(self, parameter: str) -> bool | None:
        """Return true, false, or None. Raises `ValidationFailed`."""
        text = self.given.get(parameter)
        if text not in (None, "true", "false"):
            raise ValidationFailed(f"{parameter} is true or false, not {text!a}.")
        return None if text is None else text == "true"

    def integer(self, parameter: str) -> int | None:
        """Return a whole number, or None. Raises `ValidationFailed`."""
        text = self.given.get(parameter)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise ValidationFailed(f"{parameter} is a whole number, not {text!a}.")
        return int(text)

    def sequence(self, parameter: str) -> int | None:
        """Return the sequence of an event, or None. Raises `ValidationFailed`."""
        number = self.integer(parameter)
        if number is not None and not 1 <= number <= SEQUENCE_MAX:
            raise ValidationFailed(f"{parameter} is from 1 to {SEQUENCE_MAX}, not {number}.")
        return number

    def moment(self, parameter: str) -> datetime | None:
        """Return a time in UTC, or None. Raises `ValidationFailed`."""
        text = self.given.get(parameter)
        if text is None:
            return None
        try:
            return parse_time(text)
        except ValueError as error:
            raise ValidationFailed(f"{parameter} {error}.") from None

    def span(self, field: str, form: Callable[..., Value]) -> Value:
        """Return the bounds that are set for a field of times or whole numbers."""
        of_field = self._field(field)
        read: Callable[[str], Any] = self.moment if of_field.is_time else self.integer
        return form(**{operator: read(f"{field}[{operator}]") for operator in of_field.operators if operator})

    def _field(self, name: str) -> Field:
        return next(each for each in self.spec.fields if each.name == name)

    def document(self, page: Page[View], show: Callable[[View], Item], response: Response) -> ListDocument[Item]:
        """Return a page as it is shown, and set the header that leads to the next."""
        cursor = None if page.next_after is None else self.cursors.write(page.next_after)
        if cursor is not None:
            response.headers["Link"] = self.cursors.link(cursor)
        return {"data": [show(item) for item in page.items], "has_more": cursor is not None, "next_cursor": cursor}
