"""The reference in the site of the documentation: what the code says of itself, a page for each of its interfaces."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from graphql import build_schema, is_introspection_type, is_specified_scalar_type, print_type

from entrypoints.http.realtime.asyncapi import asyncapi_document
from tests.docs import tables
from tests.docs.graphql_schema import KEPT

SERVER: Final = "https://ledger.example"
Json = Mapping[str, Any]
_ROUTES: Final = """\
# Routes

What all of them have in common is on [a page of its own](../api.md): headers, problems, lists. Where a body or an
answer has a name, its fields are among the [documents](documents.md). The same for programs:
[openapi.json](openapi.json).
"""
_LIVE: Final = """\
# Live messages

What is sent over `/v1/realtime`. [Live](../realtime.md) says how these go together. The same for programs:
[asyncapi.json](asyncapi.json).
"""
_GRAPHQL: Final = """\
# GraphQL schema

[GraphQL](../graphql.md) says how it is used. The same for programs: [schema.graphql](../schema.graphql).
"""


def openapi() -> Json:
    """Return what a server answers at `/openapi.json`."""
    return tables.described_application().openapi()


def asyncapi() -> Json:
    """Return what a server answers at `/asyncapi.json`."""
    return asyncapi_document(SERVER)


def routes() -> str:
    """Return every route with its parameters, its body and its answer."""
    parts = [_ROUTES]
    of_tag: dict[str, list[str]] = {}
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            of_tag.setdefault(operation["tags"][0], []).append(_route(f"{method.upper()} {path}", operation))
    for tag, found in sorted(of_tag.items()):
        parts += [f"## {tag.replace('-', ' ').capitalize()}\n", *found]
    return "\n".join(parts)


def _route(name: str, operation: Json) -> str:
    parts = [f"### {name}\n", f"**{operation['summary']}.** {operation['description']}\n"]
    parameters = operation.get("parameters", ())
    if parameters:
        rows = [(f"`{each['name']}`", each["in"], _type(each["schema"]), _text(each)) for each in parameters]
        parts.append(_table(("parameter", "in", "type", "meaning"), rows))
    body = operation.get("requestBody", {}).get("content", {})
    parts += [f"Body, as `{kind}`: {_type(each.get('schema', {}))}\n" for kind, each in body.items()]
    for status, answer in operation["responses"].items():
        if status < "400":
            shown = [f"{_type(each['schema'])} as `{kind}`" for kind, each in answer.get("content", {}).items()]
            parts.append(f"Answer {status}: {' or '.join(shown) or 'no body'}\n")
    return "\n".join(parts)


def documents() -> str:
    """Return every document of the HTTP interface, with its fields."""
    schemas = openapi()["components"]["schemas"]
    parts = ["# Documents\n\nThe bodies of requests and answers of the [routes](routes.md).\n"]
    return "\n".join([*parts, *(_document(name, schemas[name]) for name in sorted(schemas))])


def live() -> str:
    """Return every message of the WebSocket."""
    described = asyncapi()
    parts = [_LIVE]
    for action, title in (("receive", "What you send"), ("send", "What the server sends")):
        parts.append(f"## {title}\n")
        named = [each for each in described["operations"].values() if each["action"] == action]
        names = [message["$ref"].rpartition("/")[2] for each in named for message in each["messages"]]
        if action == "send":
            names += [
                name for name in described["components"]["messages"] if name not in names and _answers(described, name)
            ]
        parts += [_message(described, name) for name in names]
    return "\n".join(parts)


def _answers(described: Json, name: str) -> bool:
    replies = [each["reply"]["messages"] for each in described["operations"].values() if "reply" in each]
    return any(each["$ref"].endswith(f"/{name}") for messages in replies for each in messages)


def _message(described: Json, name: str) -> str:
    message = described["components"]["messages"][name]
    schema = described["components"]["schemas"][message["payload"]["$ref"].rpartition("/")[2]]
    examples = "".join(_shown(each["payload"]) for each in message.get("examples", ())[:1])
    return f"### {name}\n\n{message.get('summary', '')}\n\n{_fields(schema, link='')}{examples}"


def _document(name: str, schema: Json) -> str:
    examples = schema.get("examples", ())
    return f"## {name}\n\n{_text(schema)}\n\n{_fields(schema)}{''.join(map(_shown, examples[:1]))}"


def _fields(schema: Json, link: str = "documents.md") -> str:
    if "properties" not in schema:
        return f"{_type(schema, link)}\n"
    required = schema.get("required", ())
    rows = [
        (f"`{name}`", _type(each, link), "" if name in required else "may be left out", _text(each))
        for name, each in schema["properties"].items()
    ]
    return _table(("field", "type", "", "meaning"), rows)


def _shown(example: Any) -> str:
    return f"\n```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```\n"


def _type(schema: Json, link: str = "documents.md") -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}]({link}#{name.lower()})" if link else f"`{name}`"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(each, link) for each in schema[several])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{each}`" for each in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), link)}"
    return str(schema.get("format") or schema.get("type") or "anything")


def _text(described: Json) -> str:
    return " ".join(str(described.get("description", "")).split())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def graphql() -> str:
    """Return every type of GraphQL."""
    types = build_schema(KEPT.read_text("utf-8")).type_map
    own = [types[name] for name in sorted(types)]
    own = [each for each in own if not is_introspection_type(each) and not is_specified_scalar_type(each)]
    return "\n".join([_GRAPHQL, *(f"## {each.name}\n\n```graphql\n{print_type(each)}\n```\n" for each in own)])


def _page(title: str, text: str, table: Callable[[], str]) -> Callable[[], str]:
    return lambda: f"# {title}\n\n{text}\n\n{table()}"


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "routes.md": routes,
    "documents.md": documents,
    "live.md": live,
    "graphql.md": graphql,
    "settings.md": _page(
        "Settings", "Environment variables; [Operations](../operations.md#settings) says more.", tables.environment
    ),
    "problems.md": _page("Problem codes", "What [refusals](../api.md#problems) can say.", tables.problems),
    "permissions.md": _page(
        "Permissions", "[Who may do what](../access.md) says how they are given.", tables.permissions
    ),
    "commands.md": _page("Commands", "[The command line](../cli.md) says how they are used.", tables.commands),
}


def files() -> Iterator[tuple[str, str]]:
    """Yield every file of the reference: its name, and what is in it."""
    for name, page in PAGES.items():
        yield name, page()
    for name, document in (("openapi.json", openapi()), ("asyncapi.json", asyncapi())):
        yield name, json.dumps(document, indent=2, ensure_ascii=False)
