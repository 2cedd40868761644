"""Lists as connections (the Relay specification), with the filters, the sorting and the cursors that they have in REST.

A cursor of the one is good in the other: it is the position after an item, signed for the very same query.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import strawberry
from typing_extensions import TypedDict

from application.shared.pagination import Page
from domain.shared.errors import ValidationFailed
from entrypoints.http.graphql.asking import Asking, Document
from entrypoints.http.graphql.scalars import Long, Metadata
from entrypoints.http.pagination import Field, ListQuery, ListSpec

SPAN_OPERATORS: Final = ("gt", "gte", "lt", "lte")


@strawberry.type(description="Where a page stands in its list. It may be short, or empty, and still have a next one.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.input(description="Bounds of times (RFC 3339).")
class TimeSpan:
    """Bounds of times."""

    gt: str | None = strawberry.UNSET
    gte: str | None = strawberry.UNSET
    lt: str | None = strawberry.UNSET
    lte: str | None = strawberry.UNSET


@strawberry.input(description="Bounds of sequences.")
class SequenceSpan:
    """Bounds of sequences."""

    gt: Long | None = strawberry.UNSET
    gte: Long | None = strawberry.UNSET
    lt: Long | None = strawberry.UNSET
    lte: Long | None = strawberry.UNSET


class ConnectionDocument(TypedDict):
    """A page as a connection shows it."""

    edges: list[Mapping[str, Any]]
    nodes: list[Document]
    page_info: Mapping[str, Any]


def _cursor(root: Any) -> str:
    # Only where it is asked for: to sign one takes longer than all else about an item.
    write: Callable[[Any], str] = root["write"]
    return write(root["position"])


def connection_of(node: Any, name: str) -> Any:
    """Return the type of the connections to such nodes."""
    of_edge = {"__annotations__": {"cursor": str, "node": node}, "cursor": strawberry.field(resolver=_cursor)}
    described = "An item of a list, and the cursor that leads on from it."
    edge = strawberry.type(type(f"{name}Edge", (), of_edge), description=described)
    fields = {"edges": list[edge], "nodes": list[node], "page_info": PageInfo}  # type: ignore[valid-type]  # made here
    described = "A page of a list; `nodes` are those of its edges."
    return strawberry.type(type(f"{name}Connection", (), {"__annotations__": fields}), description=described)


def filter_of(spec: ListSpec, name: str) -> Any:
    """Return the input that a list is filtered by: what is left out does not restrict."""
    members: dict[str, Any] = {"__annotations__": {}}
    for field in spec.fields:
        for own, of in _members(field).items():
            members["__annotations__"][own] = of | None
            members[own] = strawberry.field(default=strawberry.UNSET, description=field.description or None)
    if spec.has_metadata:
        members["__annotations__"]["metadata"] = Metadata | None
        members["metadata"] = strawberry.field(default=strawberry.UNSET, description="Those that have all of these.")
    return strawberry.input(type(name, (), members), name=name, description="Which ones to list.")


def _members(field: Field) -> Mapping[str, Any]:
    if "gt" in field.operators:
        return {field.name: SequenceSpan if field.is_integer else TimeSpan}
    plain: Any = list[str] if "in" in field.operators else (Long if field.is_integer else str)
    others = {f"{field.name}_prefix": str, f"{field.name}_exists": bool}
    return {field.name: plain} | {own: of for own, of in others.items() if own.rpartition("_")[2] in field.operators}


def asked(
    asking: Asking, spec: ListSpec, path: str, *, first: int | None, after: str | None, sort: str | None, where: Any
) -> ListQuery:
    """Return the query that REST would be sent for this list at its path there. Raises `ValidationFailed`."""
    given = {"limit": None if first is None else str(first), "cursor": after, "sort": sort}
    parameters = [(name, value) for name, value in given.items() if value is not None]
    for field in spec.fields if where is not None else ():
        parameters += _parameters(field, where)
    metadata = getattr(where, "metadata", None) or {}
    parameters += [(f"metadata[{key}]", str(value)) for key, value in metadata.items()]
    return spec.of(parameters, path, asking.who)


def _parameters(field: Field, where: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    value = getattr(where, field.name, None)
    if isinstance(value, TimeSpan | SequenceSpan):
        bounds = [(operator, getattr(value, operator)) for operator in SPAN_OPERATORS]
        found += [(f"{field.name}[{operator}]", str(bound)) for operator, bound in bounds if _is_given(bound)]
    elif isinstance(value, list):
        found.append(_one_of(field, value))
    elif _is_given(value):
        found.append((field.name, str(value)))
    for operator in ("prefix", "exists"):
        of_operator = getattr(where, f"{field.name}_{operator}", None)
        if _is_given(of_operator):
            text = str(of_operator).lower() if isinstance(of_operator, bool) else str(of_operator)
            found.append((f"{field.name}[{operator}]", text))
    return found


def _is_given(value: Any) -> bool:
    return value is not None and value is not strawberry.UNSET


def _one_of(field: Field, values: Sequence[str]) -> tuple[str, str]:
    if len(values) == 1:
        return field.name, values[0]
    if not values or any("," in each for each in values):
        raise ValidationFailed(f"{field.name} takes one value, or several without commas in them.")
    return f"{field.name}[in]", ",".join(values)


def shown_page(query: ListQuery, page: Page[Any], show: Callable[[Any], Document]) -> ConnectionDocument:
    """Return a page as a connection shows it."""
    nodes = [show(item) for item in page.items]
    has_previous = "cursor" in query.given
    return paged(nodes, page.positions, page.next_after, query.cursors.write, has_previous=has_previous)


def paged(
    nodes: list[Document],
    positions: Sequence[Any],
    next_after: Any,
    write: Callable[[Any], str],
    *,
    has_previous: bool,
) -> ConnectionDocument:
    """Return a connection of these nodes at their positions; `next_after` is None where there are no others."""
    end = next_after if next_after is not None or not positions else positions[-1]
    return {
        "edges": [
            {"write": write, "position": position, "node": node}
            for position, node in zip(positions, nodes, strict=True)
        ],
        "nodes": nodes,
        "page_info": {
            "has_next_page": next_after is not None,
            "has_previous_page": has_previous,
            "start_cursor": write(positions[0]) if positions else None,
            "end_cursor": None if end is None else write(end),
        },
    }
