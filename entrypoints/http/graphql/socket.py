"""`/graphql` over a WebSocket: subscriptions, by the protocol graphql-transport-ws."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from typing_extensions import override

from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, Overloaded
from entrypoints.container import Services
from entrypoints.http.credentials import principal_now, redeem_ticket
from entrypoints.http.dependencies import Caller, bearer, require_known_parameters
from entrypoints.http.graphql.asking import Asking
from entrypoints.http.graphql.endpoint import PATH
from entrypoints.http.graphql.schema import schema
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.problems import problem_response, refusal_of
from entrypoints.http.reading import address_of, user_agent_of
from entrypoints.http.realtime.leaving import UnknownSubprotocol
from entrypoints.http.sharing import require_known_origin

CONNECTIONS_MAX: Final = 10_000
SUBSCRIPTIONS_MAX: Final = 100
INIT_SECONDS_MAX: Final = 10
# A client that takes nothing for so long is let go.
SEND_SECONDS_MAX: Final = 20.0
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


class _Sockets(GraphQL[Asking, None]):
    """All connections of this process."""

    websocket_adapter_class = _BoundedAdapter

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
        self._connections = 0

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first: list[Message] = [await receive()]
        assert first[0]["type"] == "websocket.connect", "a client connects first"
        socket = WebSocket(scope, receive, send)

        async def again() -> Message:
            return first.pop() if first else await receive()

        try:
            await self._admit(socket)
        except (DomainError, StoreUnavailable) as failure:
            await problem_response(refusal_of(failure, scope["state"]["request_id"]), socket)(scope, receive, send)
            return
        self._connections += 1
        try:
            await super().__call__(scope, again, send)
        except OSError:  # the client has gone
            return
        finally:
            self._connections -= 1

    async def _admit(self, socket: WebSocket) -> None:
        """Find who connects. Raises what keeps it out, as `/v1/realtime` does."""
        services: Services = socket.scope["app"].state.services
        require_known_parameters(socket, ("ticket",))
        require_known_origin(socket, services.settings.cors_origins)
        await redeem_ticket(socket)
        principal = (await bearer(socket)).coming_from(address_of(socket), user_agent_of(socket))
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in socket.scope["subprotocols"]:
            raise UnknownSubprotocol(f"Offer the sub-protocol {GRAPHQL_TRANSPORT_WS_PROTOCOL}: no other is known here.")
        if self._connections >= CONNECTIONS_MAX:
            raise Overloaded(f"{CONNECTIONS_MAX:,} connections are open.")
        who = Caller(principal, socket.scope["state"]["request_id"], services)
        lasting = LastingPrincipal(principal, principal_now(socket))
        socket.scope["state"]["asking"] = Asking(who, lasting=lasting)

    @override
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Asking:
        asking: Asking = request.scope["state"]["asking"]
        return asking


route: Final = WebSocketRoute(PATH, _Sockets())
