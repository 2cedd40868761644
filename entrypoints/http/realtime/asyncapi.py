"""The AsyncAPI document of the WebSocket: every message that clients and the server send, with its schema."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from entrypoints.container import Services
from entrypoints.http.openapi import PROBLEM_SCHEMA
from entrypoints.http.realtime.examples import EXAMPLES
from entrypoints.http.v1.realtime_documents import (
    AuthenticatedDocument,
    BalancesMessageDocument,
    CloseCode,
    ClosingDocument,
    EventsMessageDocument,
    PongDocument,
    ProblemMessageDocument,
    SubscribedDocument,
    UnsubscribedDocument,
    WelcomeDocument,
)
from entrypoints.schemas.realtime import CLIENT_MESSAGES

router = APIRouter(include_in_schema=False)

_CODES: Final = "\n".join(f"| {int(each)} | {each.meaning} | {each.advice} |" for each in CloseCode)
DESCRIPTION: Final = """
Subscribe to ledgers and never miss, double or reorder an event: each has a sequence in its ledger, and a subscription
to events goes on after the sequence that the client names. Sub-protocol `partita.v1`; messages are JSON objects, one
in each text frame, those of clients up to 64 KiB. A connection has up to 100 subscriptions.

The server closes with these codes, and says why in `closing` before:

| code | meaning | what to do |
|---|---|---|
{codes}

A handshake that is refused is answered over HTTP, with a problem of RFC 9457.
""".replace("{codes}", _CODES)
# What answers each operation of a client.
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "subscribeToEvents": ("subscribed", "problem"),
    "subscribeToBalances": ("subscribed", "problem"),
    "unsubscribe": ("unsubscribed", "problem"),
    "acknowledge": (),
    "authenticate": ("authenticated", "problem"),
    "ping": ("pong",),
}
FROM_SERVER: Final[Mapping[str, type]] = {
    "welcome": WelcomeDocument,
    "subscribed": SubscribedDocument,
    "events": EventsMessageDocument,
    "balances": BalancesMessageDocument,
    "unsubscribed": UnsubscribedDocument,
    "authenticated": AuthenticatedDocument,
    "pong": PongDocument,
    "problem": ProblemMessageDocument,
    "closing": ClosingDocument,
}
# Nobody asks for these.
_UNASKED: Final = {
    "greet": ("Say that all is ready", ("welcome",)),
    "tellEvents": ("Send events, and how far the log was looked at", ("events",)),
    "tellBalances": ("Send balances: all at first, then those that changed", ("balances",)),
    "endSubscription": ("Say why a subscription cannot go on", ("problem",)),
    "sayGoodbye": ("Say why the connection ends, and where to go on", ("closing",)),
}


@router.get("/asyncapi.json")
async def asyncapi(request: Request) -> Response:
    """Return the document."""
    services: Services = request.scope["app"].state.services
    return JSONResponse(asyncapi_document(services.settings.issuer))


def asyncapi_document(own_url: str) -> dict[str, Any]:
    """Return the document of a server that is reached at this URL."""
    scheme, _, rest = own_url.partition("://")
    host, slash, prefix = rest.partition("/")
    server = {
        "host": host,
        "protocol": "wss" if scheme == "https" else "ws",
        "pathname": slash + prefix,
        "description": "This server.",
        "security": [{"$ref": "#/components/securitySchemes/bearer"}, {"$ref": "#/components/securitySchemes/ticket"}],
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Partita, live",
            "version": version("partita"),
            "description": DESCRIPTION.strip(),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"this": server},
        **_protocol(),
    }


@cache
def _protocol() -> dict[str, Any]:
    """Return what is so at every server."""
    return {
        "channels": {"realtime": _channel()},
        "operations": _operations(),
        "components": {
            "messages": {name: _message(name) for name in (*CLIENT_MESSAGES, *FROM_SERVER)},
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (`ptk_…`), or an access token.",
                },
                "ticket": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "For browsers: from `POST /v1/realtime/tickets`, good once, for 30 seconds.",
                },
            },
        },
    }


def _channel() -> dict[str, Any]:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in (*CLIENT_MESSAGES, *FROM_SERVER)}
    ticket = {"type": "string", "description": "A ticket, where no header can be sent."}
    query = {"type": "object", "properties": {"ticket": ticket}}
    protocol = {"type": "string", "const": "partita.v1"}
    headers = {"type": "object", "properties": {"Sec-WebSocket-Protocol": protocol}}
    return {
        "address": "/v1/realtime",
        "title": "Live",
        "description": "One connection, with up to 100 subscriptions.",
        "messages": messages,
        "bindings": {"ws": {"method": "GET", "query": query, "headers": headers, "bindingVersion": "0.1.0"}},
    }


def _operations() -> dict[str, Any]:
    """Return what the server receives and sends."""
    channel = {"$ref": "#/channels/realtime"}
    operations: dict[str, Any] = {}
    for name, form in CLIENT_MESSAGES.items():
        operations[name] = {
            "action": "receive",
            "channel": channel,
            "summary": _summary(form),
            "messages": _of_channel(name),
        }
        if answers := ANSWERS[name]:
            operations[name]["reply"] = {"channel": channel, "messages": _of_channel(*answers)}
    for name, (summary, sent) in _UNASKED.items():
        operations[name] = {
            "action": "send",
            "channel": channel,
            "summary": summary,
            "messages": _of_channel(*sent),
        }
    return operations


def _of_channel(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/realtime/messages/{name}"} for name in names]


def _message(name: str) -> dict[str, Any]:
    shape = _shape(name)
    return {
        "name": name,
        "summary": _summary(shape),
        "payload": {"$ref": f"#/components/schemas/{shape.__name__}"},
        "examples": [{"name": title, "payload": payload} for title, payload in EXAMPLES[name].items()],
    }


def _shape(name: str) -> type:
    return CLIENT_MESSAGES[name] if name in CLIENT_MESSAGES else FROM_SERVER[name]


def _summary(shape: type) -> str:
    return (shape.__doc__ or "").partition("\n")[0].rstrip(".")


def _schemas() -> dict[str, Any]:
    """Return the schemas of all messages: those that the server reads clients' messages by, and those of its own."""
    shapes: list[Any] = [(name, "validation", TypeAdapter(_shape(name))) for name in (*CLIENT_MESSAGES, *FROM_SERVER)]
    _, described = TypeAdapter.json_schemas(shapes, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = described["$defs"]
    schemas["Problem"] = PROBLEM_SCHEMA
    for name in (ProblemMessageDocument.__name__, ClosingDocument.__name__):
        schemas[name]["properties"]["problem"] = {"$ref": "#/components/schemas/Problem"}
    return schemas
