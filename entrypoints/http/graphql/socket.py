"""`/graphql` over a WebSocket: subscriptions, by the protocol graphql-transport-ws."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

from graphql import GraphQLFormattedError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage
from typing_extensions import override

from application.ledger.relay import CERTAIN_SECONDS, CHECK_SECONDS
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, NotAuthenticated, Overloaded, PermissionDenied
from entrypoints.container import Services
from entrypoints.http.credentials import counted, credential_of, principal_now, redeem_ticket
from entrypoints.http.dependencies import Caller, bearer, require_known_parameters
from entrypoints.http.graphql.asking import Asking, error_of
from entrypoints.http.graphql.endpoint import PATH
from entrypoints.http.graphql.schema import schema
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.problems import problem_response, refusal_of, status_of
from entrypoints.http.reading import address_of, user_agent_of
from entrypoints.http.realtime.leaving import UnknownSubprotocol
from entrypoints.http.refused import LOGGED_STATUSES
from entrypoints.http.sharing import require_known_origin

CONNECTIONS_MAX: Final = 10_000
CONNECTIONS_OF_ORGANISATION_MAX: Final = 4_000
SUBSCRIPTIONS_MAX: Final = 100
INIT_SECONDS_MAX: Final = 10
# A client that takes nothing for so long is let go.
SEND_SECONDS_MAX: Final = 20.0
# As protocol and clients have it: who is told so does not come again with the same credential.
_NOT_AUTHENTICATED: Final = 4401
# What fits in the frame that closes a connection.
_REASON_BYTES_MAX: Final = 123


class _BoundedAdapter(ASGIWebSocketAdapter):
    """Waits for a client that does not read for 20 seconds, and not for ever."""

    @override
    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await super().send_json(message)
        except (TimeoutError, OSError) as error:
            raise WebSocketDisconnected from error

    @override
    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore"))


class _Handler(BaseGraphQLTransportWSHandler[Asking, None]):
    """Counts each operation as a request like any other, and asks who is connected, also where nothing is followed."""

    @override
    async def handle(self) -> None:
        watching = asyncio.create_task(self._watch(), name="graphql")
        try:
            await super().handle()
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    @override
    async def handle_message(self, message: Any) -> None:
        if not _is_message(message):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_message(message)

    @override
    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        name, asking = message["id"], self.context
        # What breaks the protocol ends the connection, and is no operation.
        if self.connection_acknowledged and name not in self.operations:
            assert asking.count is not None
            try:
                await asking.count()
            except (DomainError, StoreUnavailable) as failure:
                refusal = refusal_of(failure, asking.who.request_id)
                if status_of(refusal) in LOGGED_STATUSES:
                    asking.who.log_refusal(refusal, "an operation over a WebSocket", "")
                if isinstance(failure, NotAuthenticated):
                    await self._let_go(failure)
                else:
                    await self.send_message({"id": name, "type": "error", "payload": [_error(refusal, asking)]})
                return
        await super().handle_subscribe(message)

    async def _watch(self) -> None:
        """Let the client go once its credential holds no more."""
        lasting = self.context.lasting
        assert lasting is not None
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await lasting.now(CERTAIN_SECONDS)
            except StoreUnavailable:
                continue
            except (NotAuthenticated, PermissionDenied) as refusal:
                await self._let_go(refusal)
                return

    async def _let_go(self, refusal: DomainError) -> None:
        for name in tuple(self.operations):
            await self.cleanup_operation(name)
        with suppress(OSError, RuntimeError):  # the client has gone meanwhile
            await self.websocket.close(_NOT_AUTHENTICATED, refusal.code)


def _is_message(message: Any) -> bool:
    """Whether it is shaped as all messages are; what else they lack, the library notices."""
    if not isinstance(message, dict) or not isinstance(message.get("id", ""), str):
        return False
    if message.get("type") != "subscribe":
        return True
    payload = message.get("payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return False
    return isinstance(payload.get("variables"), dict | None) and isinstance(payload.get("operationName"), str | None)


def _error(refusal: DomainError, asking: Asking) -> GraphQLFormattedError:
    error = error_of(refusal, asking.who)
    return {"message": error["message"], "extensions": error["extensions"]}


class _Sockets(GraphQL[Asking, None]):
    """All connections of this process."""

    websocket_adapter_class = _BoundedAdapter
    graphql_transport_ws_handler_class = _Handler

    def __init__(self) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS_MAX),
            max_subscriptions_per_connection=SUBSCRIPTIONS_MAX,
            # Which pages may connect, is decided before.
            allowed_origins=("*",),
        )
        self._of_organisations: Counter[int] = Counter()

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first: list[Message] = [await receive()]
        assert first[0]["type"] == "websocket.connect", "a client connects first"
        socket = WebSocket(scope, receive, send)

        async def again() -> Message:
            return first.pop() if first else await receive()

        try:
            organisation_id = await self._admit(socket)
        except (DomainError, StoreUnavailable) as failure:
            await problem_response(refusal_of(failure, scope["state"]["request_id"]), socket)(scope, receive, send)
            return
        self._of_organisations[organisation_id] += 1
        try:
            await super().__call__(scope, again, send)
        except OSError:  # the client has gone
            return
        finally:
            self._of_organisations[organisation_id] -= 1
            self._of_organisations += Counter()  # keeps those that have any

    async def _admit(self, socket: WebSocket) -> int:
        """Find who connects, and return of which organisation. Raises what keeps it out, as `/v1/realtime` does."""
        services: Services = socket.scope["app"].state.services
        require_known_parameters(socket, ("ticket",))
        require_known_origin(socket, services.settings.cors_origins)
        await redeem_ticket(socket)
        principal = (await bearer(socket)).coming_from(address_of(socket), user_agent_of(socket))
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in socket.scope["subprotocols"]:
            raise UnknownSubprotocol(f"Offer the sub-protocol {GRAPHQL_TRANSPORT_WS_PROTOCOL}: no other is known here.")
        if self._of_organisations.total() >= CONNECTIONS_MAX:
            raise Overloaded(f"{CONNECTIONS_MAX:,} connections are open.")
        if self._of_organisations[principal.organisation_id] >= CONNECTIONS_OF_ORGANISATION_MAX:
            raise Overloaded(f"Your organisation has {CONNECTIONS_OF_ORGANISATION_MAX:,} connections to this server.")
        who = Caller(principal, socket.scope["state"]["request_id"], services)
        lasting = LastingPrincipal(principal, principal_now(socket))
        count = partial(counted, socket, credential_of(socket))
        socket.scope["state"]["asking"] = Asking(who, lasting=lasting, count=count)
        return principal.organisation_id

    @override
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Asking:
        asking: Asking = request.scope["state"]["asking"]
        return asking


route: Final = WebSocketRoute(PATH, _Sockets())
