"""Values that GraphQL itself does not know."""

from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError

from entrypoints.schemas.forms import SEQUENCE_MAX

Long = NewType("Long", int)
Metadata = NewType("Metadata", dict[str, Any])
Json = NewType("Json", dict[str, Any])


def _whole_number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > SEQUENCE_MAX:
        raise GraphQLError(f"Long is a whole number up to 2^53, not {str(value)[:40]!a}.")
    return value


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(each, str | None) for each in value.values()):
        raise GraphQLError("Metadata is an object whose values are strings.")
    return value


def _as_it_is(value: Any) -> Any:
    return value


SCALARS: Final[dict[object, Any]] = {
    Long: strawberry.scalar(
        name="Long",
        description="A whole number up to 2^53, as JSON has it: sequences and versions outgrow Int.",
        serialize=_as_it_is,
        parse_value=_whole_number,
    ),
    Metadata: strawberry.scalar(
        name="Metadata",
        description="A flat map, text to text, as an object. In a change, a key given null is taken out.",
        serialize=_as_it_is,
        parse_value=_metadata,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="Any JSON, as it stands in the log.",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
}
