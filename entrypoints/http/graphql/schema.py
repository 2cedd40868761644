"""The schema, and how what goes wrong in an operation is told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import strawberry
from graphql import GraphQLError, NoSchemaIntrospectionCustomRule, OperationDefinitionNode
from strawberry.extensions import MaxTokensLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType
from typing_extensions import override

from application.shared.extension_watch import ExtensionWatch
from domain.shared.errors import DomainError, ErrorKind
from entrypoints.http.graphql.asking import Asking, error_of
from entrypoints.http.graphql.documents import read_member
from entrypoints.http.graphql.limits import TOKENS_MAX, QueryTooComplex, require_bounded
from entrypoints.http.graphql.mutations import Mutation
from entrypoints.http.graphql.queries import Query
from entrypoints.http.graphql.scalars import SCALARS
from entrypoints.http.graphql.subscriptions import Subscription
from entrypoints.http.problems import refusal_of, status_of
from entrypoints.http.refused import LOGGED_STATUSES
from entrypoints.schemas.hidden import without_credentials

_MESSAGE_LENGTH_MAX: Final = 1_000
_SUGGESTION: Final = re.compile(r" Did you mean [^?]*\?")


class InvalidQuery(DomainError):
    """The operation is not one of this schema: it cannot be parsed, or names what there is not. `errors` say where."""

    code = "invalid-query"
    kind = ErrorKind.MALFORMED
    title = "Not a valid operation"


class _Bounds(SchemaExtension):
    """What an operation may be, besides valid: within the limits, and where it belongs."""

    @override
    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None:
            try:
                schema: Any = context.schema
                require_bounded(schema._schema, context.graphql_document, context.variables or {})
                _require_at_home(context)
            except DomainError as refusal:
                context.pre_execution_errors = [GraphQLError(refusal.detail, original_error=refusal)]
        asking: Asking = context.context
        if not asking.who.services.settings.graphql_introspection:
            context.validation_rules = (*context.validation_rules, NoSchemaIntrospectionCustomRule)
        yield


def _require_at_home(context: ExecutionContext) -> None:
    """Return if an operation comes the way that operations of its kind go; else raise `InvalidQuery`."""
    asking: Asking = context.context
    definitions = context.graphql_document.definitions if context.graphql_document is not None else ()
    count = sum(isinstance(each, OperationDefinitionNode) for each in definitions)
    # Strawberry would take the first one.
    if count > 1 and context._provided_operation_name is None:
        raise InvalidQuery("Of several operations, one is to be named: operationName.")
    is_subscription = context.operation_type is OperationType.SUBSCRIPTION
    if is_subscription and asking.lasting is None:
        raise InvalidQuery("Subscriptions go over a WebSocket to this path, by graphql-transport-ws.")
    if not is_subscription and asking.lasting is not None:
        raise InvalidQuery("Over a WebSocket go subscriptions alone. Send queries and mutations as HTTP requests.")


class _Schema(strawberry.Schema):
    # Of fields that extensions have added, by name.
    watches: Mapping[str, ExtensionWatch] = MappingProxyType({})

    @override
    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        assert execution_context is not None
        asking: Asking = execution_context.context
        logged: set[str] = set()
        for error in errors:
            cause = error.original_error
            watch = self.watches.get(str(error.path[0])) if error.path else None
            if watch is not None and isinstance(cause, Exception) and not isinstance(cause, DomainError):
                watch.tell("a field of GraphQL", cause)
            refusal = _told(error, asking)
            if refusal is not None and status_of(refusal) in LOGGED_STATUSES and refusal.detail not in logged:
                logged.add(refusal.detail)
                asking.who.log_refusal(refusal, "a field of an operation", "")


def _told(error: GraphQLError, asking: Asking) -> DomainError | None:
    """Have an error say what REST would say, in its `extensions`; return that, or None if it says it already."""
    if "problem" in (error.extensions or {}):
        return None
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, RecursionError):
        refusal: DomainError = QueryTooComplex("It is nested far too deep to be read.")
    elif cause is None:
        said = without_credentials(error.message[:_MESSAGE_LENGTH_MAX])
        if not asking.who.services.settings.graphql_introspection:
            # What it suggests tells of the schema.
            said = _SUGGESTION.sub("", said)
        refusal = InvalidQuery(said if said.endswith((".", "?")) else f"{said}.")
    else:
        refusal = refusal_of(cause, asking.who.request_id)
    told = error_of(refusal, asking.who)
    error.message, error.extensions = told["message"], told["extensions"]
    return refusal


def schema_of(query: type, mutation: type, watches: Mapping[str, ExtensionWatch]) -> strawberry.Schema:
    """Return the schema of what can be asked, and of what can be changed; `watches` are of fields of extensions."""
    made = _Schema(
        query=query,
        mutation=mutation,
        subscription=Subscription,
        extensions=[_Bounds, lambda: MaxTokensLimiter(TOKENS_MAX)],
        config=StrawberryConfig(
            scalar_map=SCALARS,
            default_resolver=read_member,
            sort_schema=True,
        ),
    )
    made.watches = watches
    return made


schema: Final = schema_of(Query, Mutation, {})
