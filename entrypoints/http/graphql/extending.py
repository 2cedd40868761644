"""Fields of extensions, beside those of the schema itself."""

from collections.abc import Iterable

import strawberry
from strawberry.utils.str_converters import to_camel_case

from application.shared.extension_watch import ExtensionWatch
from entrypoints.extending.loading import Extensions
from entrypoints.http.graphql.mutations import Mutation
from entrypoints.http.graphql.queries import Query
from entrypoints.http.graphql.schema import schema, schema_of


class FieldExists(Exception):
    """There is a field of that name already, which nobody may put another in the place of."""


def schema_with(extensions: Extensions) -> strawberry.Schema:
    """Return the schema with what extensions add; one with which something is wrong adds nothing, and is named."""
    made: strawberry.Schema = schema
    query: type = Query
    mutation: type = Mutation
    watches: dict[str, ExtensionWatch] = {}
    for name, loaded in extensions.loaded.items():
        extension = loaded.extension
        if not extension.queries and not extension.mutations:
            continue
        try:
            wider = _joined(query, extension.queries), _joined(mutation, extension.mutations)
            added = {
                field: loaded.watch
                for each in (*extension.queries, *extension.mutations)
                for field in _shown_names(each)
            }
            made = schema_of(*wider, watches | added)
            watches, (query, mutation) = watches | added, wider
        except Exception as error:
            extensions.fail(name, f"it cannot be added to GraphQL: {error!r}", error)
    return made


def _joined(core: type, added: Iterable[type]) -> type:
    for each in added:
        known = _fields(core)
        if both := known & _fields(each):
            raise FieldExists(f"{core.__name__}.{min(both)}")
        core = strawberry.type(type(core.__name__, (core, each), {}), description=_definition(core).description)
    return core


def _definition(of: type) -> strawberry.types.base.StrawberryObjectDefinition:
    return strawberry.types.get_object_definition(of, strict=True)


def _shown_names(of: type) -> list[str]:
    return [each.graphql_name or to_camel_case(each.python_name) for each in _definition(of).fields]


def _fields(of: type) -> set[str]:
    return {each.python_name for each in _definition(of).fields}
