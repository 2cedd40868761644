"""`/v1/realtime`: the handshake, and those who are connected."""

import asyncio
from collections import Counter
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field as Described
from starlette.requests import Request
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from typing_extensions import TypedDict

from application.ledger.relay import Relay
from application.shared.ports import StoreUnavailable
from domain.shared.chain import format_time
from domain.shared.errors import DomainError, Overloaded
from entrypoints.container import Services
from entrypoints.http.credentials import credential_of, redeem_ticket
from entrypoints.http.dependencies import CallerDependency, StrictRoute, bearer, require_known_parameters
from entrypoints.http.openapi import described_problems
from entrypoints.http.problems import UpgradeRequired, problem_response, refusal_of
from entrypoints.http.reading import address_of, user_agent_of
from entrypoints.http.realtime.client import Client, Principals
from entrypoints.http.realtime.connection import PROTOCOL, Connection
from entrypoints.http.realtime.leaving import UnknownSubprotocol
from entrypoints.http.sharing import require_known_origin

router = APIRouter(route_class=StrictRoute, tags=["realtime"])

PATH: Final = "/v1/realtime"
CONNECTIONS_MAX: Final = 50_000
CONNECTIONS_OF_ORGANISATION_MAX: Final = 20_000
LOOK_SECONDS: Final = 1.0


class Realtime:
    """All connections of this process, from `start` to `stop`."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._of_organisations: Counter[int] = Counter()
        self._principals = Principals()
        self._looking: asyncio.Task[None] | None = None

    def start(self, relay: Relay) -> None:
        """Begin to look after those who are connected, on the running loop, until the relay ends."""
        relay.at_end(self.end)
        self._looking = asyncio.create_task(self._look_on(), name="realtime")

    async def stop(self) -> None:
        """Look after nobody more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def end(self) -> None:
        """Have all of them go elsewhere."""
        for connection in self._connections:
            connection.end()

    async def serve(self, socket: WebSocket, receive: Receive, send: Send) -> None:
        """Shake hands with a client, and serve it to its end.

        Raises what keeps it out: `UnknownParameter`, `OriginNotAllowed`, `NotAuthenticated`, `PermissionDenied`,
        `RateLimited`, `UnknownSubprotocol`, `Overloaded`, `StoreUnavailable`.
        """
        services: Services = socket.scope["app"].state.services
        require_known_parameters(socket, ("ticket",))
        require_known_origin(socket, services.settings.cors_origins)
        await redeem_ticket(socket)
        admitted = (await bearer(socket)).coming_from(address_of(socket), user_agent_of(socket))
        offered: list[str] = socket.scope["subprotocols"]
        if offered and PROTOCOL not in offered:
            raise UnknownSubprotocol(f"None of the sub-protocols that were offered is known. There is {PROTOCOL}.")
        if len(self._connections) >= CONNECTIONS_MAX:
            raise Overloaded(f"{CONNECTIONS_MAX:,} connections are open.")
        if self._of_organisations[admitted.organisation_id] >= CONNECTIONS_OF_ORGANISATION_MAX:
            raise Overloaded(f"Your organisation has {CONNECTIONS_OF_ORGANISATION_MAX:,} connections to this server.")
        client = Client(socket, credential_of(socket), admitted, self._principals)
        connection = Connection(client, receive, send)
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL if offered else None})
        self._connections.add(connection)
        self._of_organisations[admitted.organisation_id] += 1
        if services.relay.is_ending:  # since it shook hands
            connection.end()
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
            self._of_organisations[admitted.organisation_id] -= 1
            self._of_organisations += Counter()  # keeps those that have any

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = loop.time()
            for connection in tuple(self._connections):
                connection.look(now)


class _Endpoint:
    """What the route leads to. It takes what the server has to say itself, as Starlette's own socket costs time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert message["type"] == "websocket.connect", "a client connects first"
        socket = WebSocket(scope, receive, send)
        realtime: Realtime = scope["app"].state.realtime
        try:
            await realtime.serve(socket, receive, send)
        except OSError:  # the client has gone already
            return
        except (DomainError, StoreUnavailable) as failure:
            await problem_response(refusal_of(failure, scope["state"]["request_id"]), socket)(scope, receive, send)


route: Final = WebSocketRoute(PATH, _Endpoint())


class TicketDocument(TypedDict):
    """A ticket, and until when it can be used."""

    ticket: Annotated[str, Described(examples=["ptt_1_…"])]
    expires_at: str


@router.get("/realtime", include_in_schema=False)
async def get_realtime() -> None:
    """Tell who asks for it as for a page what it is."""
    raise UpgradeRequired("This is a WebSocket. Ask for it with a client of WebSockets.")


@router.post(
    "/realtime/tickets", status_code=201, summary="Get a ticket", responses=described_problems(401, 403, 429, 503)
)
async def post_ticket(request: Request, who: CallerDependency) -> TicketDocument:
    """Get a ticket for a WebSocket or a stream of events, where a browser can send no header.

    It stands for the credential that this request shows, once, for 30 seconds: add it to the URL as `?ticket=`.
    """
    text, expires_at = await who.services.tickets.issue(who.principal, credential_of(request))
    return {"ticket": text, "expires_at": format_time(expires_at)}
