"""How much one operation may ask for. It is measured before anything is validated or read.

Fragments are measured once each, however often they are used: a document that doubles itself with each of them is
refused as fast as any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
    value_from_ast_untyped,
)

from domain.shared.errors import DomainError, ErrorKind
from entrypoints.http.graphql.repetitions import Repetitions
from entrypoints.http.pagination import LIMIT_DEFAULT, LIMIT_MAX

TOKENS_MAX: Final = 2_000
ALIASES_MAX: Final = 50
FRAGMENTS_MAX: Final = 30
DEPTH_MAX: Final = 15
# Validation compares each two fields of one thing that have the same name, which takes it up to 70 µs.
PAIRS_MAX: Final = 2_000
COST_MAX: Final = 10_000
# A report goes through a whole ledger, and what is changed is written.
_COSTS: Final = {"TrialBalance": 100, "BalanceSheet": 100, "IncomeStatement": 100, "Mutation": 10}
# How long lists are taken to be that do not say so.
_LENGTH: Final = 10


class QueryTooComplex(DomainError):
    """The operation is too deep, has too many tokens or aliases, or could bring more than one answer may.

    Ask for smaller pages (`first`), or for parts of it by themselves. A list of pages cannot be had: ask for the lists.
    """

    code = "query-too-complex"
    kind = ErrorKind.MALFORMED
    title = "Too much at once"


def require_bounded(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
    """Return if each operation of a document keeps to the limits; else raise `QueryTooComplex`."""
    try:
        _require_bounded(schema, document, variables)
    except RecursionError:
        raise QueryTooComplex(f"It is far too deep; {DEPTH_MAX} fields is the most.") from None


def _require_bounded(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
    names = Repetitions(document)
    if names.aliases > ALIASES_MAX:
        raise QueryTooComplex(f"It has {names.aliases:,} aliases; {ALIASES_MAX} is the most.")
    if len(names.fragments) > FRAGMENTS_MAX:
        raise QueryTooComplex(f"It has {len(names.fragments):,} fragments; {FRAGMENTS_MAX} is the most.")
    if names.pairs() > PAIRS_MAX:
        raise QueryTooComplex("It asks for the same fields of one thing again and again. Ask for each once.")
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            defaults = {
                each.variable.name.value: value_from_ast_untyped(each.default_value)
                for each in operation.variable_definitions or ()
                if each.default_value is not None
            }
            measuring = _Measuring(schema, document, {**defaults, **variables})
            size = measuring.of(operation.selection_set, schema.get_root_type(operation.operation), is_listed=False)
            if size.depth > DEPTH_MAX:
                raise QueryTooComplex(f"It is {size.depth} fields deep; {DEPTH_MAX} is the most.")
            if size.cost > COST_MAX:
                raise QueryTooComplex(
                    f"It could bring {size.cost:,} objects; {COST_MAX:,} is the most. Ask for smaller pages."
                )


@dataclass(frozen=True, slots=True)
class _Size:
    """How many fields deep something is, and how many objects it could bring."""

    depth: int = 0
    cost: int = 0


class _Measuring:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, bool], _Size] = {}

    def of(self, selections: SelectionSetNode | None, of: Any, *, is_listed: bool) -> _Size:
        """Return the size of what is selected of a type; `is_listed` where that stands in a list."""
        depth = cost = 0
        for each in selections.selections if selections is not None else ():
            match each:
                case FieldNode():
                    size = self._of_field(each, of, is_listed=is_listed)
                case FragmentSpreadNode():
                    size = self._of_fragment(each.name.value, is_listed=is_listed)
                case InlineFragmentNode():
                    condition = each.type_condition
                    narrowed = of if condition is None else self._schema.get_type(condition.name.value)
                    size = self.of(each.selection_set, narrowed, is_listed=is_listed)
                case _:
                    size = _Size()
            depth, cost = max(depth, size.depth), cost + size.cost
        return _Size(depth, cost)

    def _of_fragment(self, name: str, *, is_listed: bool) -> _Size:
        key = (name, is_listed)
        fragment = self._fragments.get(name)
        if key not in self._known and fragment is not None:
            # One that leads back to itself is refused by validation, and takes nothing here.
            self._known[key] = _Size()
            of = self._schema.get_type(fragment.type_condition.name.value)
            self._known[key] = self.of(fragment.selection_set, of, is_listed=is_listed)
        return self._known.get(key, _Size())

    def _of_field(self, node: FieldNode, of: Any, *, is_listed: bool) -> _Size:
        name = node.name.value
        # Of introspection, validation itself knows how deep it may go.
        field = None if name.startswith("__") or not isinstance(of, GraphQLObjectType) else of.fields.get(name)
        if field is None or not is_object_type(get_named_type(field.type)):
            return _Size(1, 0)
        named = get_named_type(field.type)
        is_page = named.name.endswith("Connection")
        if is_page and is_listed:
            raise QueryTooComplex(f"{name} would be a page for each item of a list. Ask for these pages by themselves.")
        length = self._length(node, field.type, has_first="first" in field.args)
        # The parts of a page are no lists of their own: how many there are, the page has said.
        if of.name.endswith(("Connection", "Edge")):
            length = 1
        inner = self.of(node.selection_set, named, is_listed=is_listed or length > 1)
        own = 0 if of.name.endswith("Connection") else _COSTS.get(named.name, _COSTS.get(of.name, 1))
        return _Size(inner.depth + 1, own + length * inner.cost if is_page else length * (own + inner.cost))

    def _length(self, node: FieldNode, of: GraphQLOutputType, *, has_first: bool) -> int:
        if not has_first:
            return _LENGTH if is_list_type(get_nullable_type(of)) else 1
        for argument in node.arguments or ():
            if argument.name.value == "first":
                if isinstance(argument.value, VariableNode):
                    given = self._variables.get(argument.value.name.value)
                else:
                    given = value_from_ast_untyped(argument.value)
                if isinstance(given, int):
                    return max(1, min(given, LIMIT_MAX))
        return LIMIT_DEFAULT
