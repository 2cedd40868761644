"""Types made from what REST shows and takes: its documents become objects, and its forms become inputs.

What a resolver returns is the very document that REST would show, a dictionary; names are in `camelCase`.
"""

import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from inspect import get_annotations
from keyword import iskeyword
from typing import Any, Final, Literal, NotRequired, Required, TypeVar, get_args, get_origin

import strawberry
from typing_extensions import get_type_hints, is_typeddict

from entrypoints.http.graphql.scalars import Json, Long, Metadata
from entrypoints.schemas.forms import Form

Class = TypeVar("Class", bound=type)

LEDGER: Final = "in ledger"
"""Under this key a document carries, besides what it shows, the slug of the ledger that it was found in."""

_objects: dict[Any, Any] = {}
_inputs: dict[type[Form], Any] = {}


def within(ledger: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document, which then knows its ledger, so that links from it can be followed."""
    return {**document, LEDGER: ledger}


def shown(document: Any, **renamed: str) -> Callable[[Class], Class]:
    """Make a class the type of a document: it gets all fields of the document besides its own.

    A field that is the name of something is renamed, to leave its own name to the thing: `account="account_path"`.
    """

    def make(of: Class) -> Class:
        annotations = get_annotations(of)
        hints: Mapping[str, Any] = get_type_hints(document, include_extras=True)
        for key, hint in hints.items():
            name = renamed.get(key, f"{key}_" if iskeyword(key) else key)
            if name not in vars(of):
                known = _type(hint, _of_document)
                annotations[name] = known | None if get_origin(hint) is NotRequired else known
                if name != key:
                    reading = _reading(key, annotations[name])
                    setattr(of, name, strawberry.field(resolver=reading, name=camel(name.rstrip("_"))))
        of.__annotations__ = annotations
        made: Class = strawberry.type(of, description=_said(of.__doc__ or document.__doc__))
        _objects[document] = made
        return made

    return make


def field_of(of: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a function the resolver of a field of that type, which its first paragraph describes."""
    return lambda resolver: strawberry.field(resolver=resolver, graphql_type=of, description=_first_of(resolver))


def mutation_of(of: Any) -> Callable[[Callable[..., Any]], Any]:
    """Do as `field_of` does, for a mutation."""
    return lambda resolver: strawberry.mutation(resolver=resolver, graphql_type=of, description=_first_of(resolver))


def subscription_of(of: Any) -> Callable[[Callable[..., Any]], Any]:
    """Do as `field_of` does, for a subscription."""
    return lambda resolver: strawberry.subscription(resolver=resolver, graphql_type=of, description=_first_of(resolver))


def _first_of(resolver: Callable[..., Any]) -> str:
    return " ".join(_said(resolver.__doc__).split("\n\n")[0].split())


def _reading(key: str, of: Any) -> Callable[[Any], Any]:
    def resolve(root: Any) -> Any:
        return root.get(key)

    resolve.__annotations__["return"] = of
    return resolve


def read_member(document: Mapping[str, Any], name: str) -> Any:
    """Return what a document says under a name: how fields are resolved that have no resolver of their own."""
    return document.get(name)


def _of_document(hint: Any) -> Any:
    assert is_typeddict(hint), hint
    if hint not in _objects:
        shown(hint)(type(hint.__name__.removesuffix("Document").lstrip("_"), (), {"__doc__": hint.__doc__}))
    return _objects[hint]


def taken(form: type[Form]) -> Any:
    """Return the input that a form is filled in by; what may be left out there may be left out here."""
    if form not in _inputs:
        members: dict[str, Any] = {"__annotations__": {}, "form": form}
        for name, field in form.model_fields.items():
            of = _type(field.annotation, taken)
            default = {} if field.is_required() else {"default": strawberry.UNSET}
            members["__annotations__"][name] = of if field.is_required() else of | None
            members[name] = strawberry.field(name=camel(field.alias or name), description=field.description, **default)
        name = f"{form.__name__.removesuffix('In')}Input"
        _inputs[form] = strawberry.input(type(name, (), members), name=name, description=_said(form.__doc__))
    return _inputs[form]


def sent(value: Any) -> Any:
    """Return the JSON that REST would have been sent, of an input that was filled in."""
    if isinstance(value, list):
        return [sent(each) for each in value]
    form = getattr(type(value), "form", None)
    if form is None:
        return value
    filled = ((field.alias or name, getattr(value, name)) for name, field in form.model_fields.items())
    return {name: sent(each) for name, each in filled if each is not strawberry.UNSET}


def _type(hint: Any, of_class: Callable[[Any], Any]) -> Any:
    """Return the type of a value in GraphQL, of that which it has in Python."""
    plain: dict[Any, Any] = {str: str, bool: bool, int: Long}
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in plain:
        return plain[hint]
    if origin in (typing.Annotated, NotRequired, Required):
        return _type(arguments[0], of_class)
    if origin in (typing.Union, types.UnionType):
        (of,) = [each for each in arguments if each is not types.NoneType]
        return _type(of, of_class) | None
    if origin is Literal:
        return str
    if origin is list:
        return list[_type(arguments[0], of_class)]  # type: ignore[misc]  # it is made while the program runs
    if origin in (dict, Mapping):
        return Json if arguments[1] is Any else Metadata
    if hint is datetime:
        return str  # which the form reads
    return of_class(hint)


def camel(name: str) -> str:
    """Return a name as GraphQL has it."""
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


def _said(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").strip().splitlines())
