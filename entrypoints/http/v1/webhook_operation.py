"""Webhooks at work: what was sent, and pausing, resuming, replaying and trying them."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.shared.chain import format_time
from domain.webhooks.delivery import Delivery, DeliveryState
from entrypoints.http.dependencies import CallerDependency, Key, StrictRoute
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListSpec
from entrypoints.http.v1.webhooks import WebhookDocument, shown
from entrypoints.schemas.forms import SEQUENCE_MAX, Form

router = APIRouter(route_class=StrictRoute, tags=["webhooks"])

_STATES: Final = tuple(state.value for state in DeliveryState)
DELIVERIES: Final = ListSpec(
    sorts=("-id", "id"),
    fields=(Field("state", ("", "in"), f"What became of it: {', '.join(_STATES)}.", known=_STATES),),
)


class PauseIn(Form):
    """A webhook is to be paused or resumed: an empty object, or no body at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


_PLAIN: Final = PauseIn()


class ReplayIn(Form):
    """From where on the events of a ledger are to be sent again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ledger": "main", "after": 0}]})

    ledger: Annotated[str, Described(description="The ledger's slug.")]
    after: Annotated[
        int, Described(description="The sequence of the last event that is not to be sent.", ge=0, le=SEQUENCE_MAX)
    ]


class DeliveryDocument(TypedDict):
    """An event on its way to a webhook, and what became of it: `pending`, `delivered` or `failed`.

    `due_at` says when it is tried next. `status` is that of the last answer, and `error` what went wrong.
    """

    id: str
    ledger: str
    sequence: int
    event: str
    type: str
    state: str
    attempts: int
    created_at: str
    due_at: str | None
    finished_at: str | None
    status: int | None
    error: str | None


class PingDocument(TypedDict):
    """What came of sending an event of type `partita.ping`, whose id this is."""

    id: str
    delivered: bool
    status: int | None
    error: str | None


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Return a delivery as it is shown."""
    return {
        "id": delivery.id,
        "ledger": delivery.ledger,
        "sequence": delivery.sequence,
        "event": delivery.event,
        "type": delivery.type,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "created_at": format_time(delivery.created_at),
        "due_at": None if delivery.due_at is None else format_time(delivery.due_at),
        "finished_at": None if delivery.finished_at is None else format_time(delivery.finished_at),
        "status": delivery.status,
        "error": delivery.error,
    }


@router.get(
    "/webhooks/{id}/deliveries",
    summary="List what was sent to a webhook",
    openapi_extra=described_list(DELIVERIES),
    responses=described_problems(400, 401, 403, 404),
)
async def list_deliveries(
    id: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[DeliveryDocument]:
    """Return a page of what was and is to be sent, newest first, for 30 days."""
    query = DELIVERIES.read(request, who)
    states = [DeliveryState(state) for state in query.values("state")]
    page = await who.services.webhooks.operation.deliveries(who.principal, id, query.page, states)
    return query.document(page, delivery_document, response)


@router.post(
    "/webhooks/{id}/pause", summary="Pause a webhook", responses=described_problems(400, 401, 403, 404, 409, 422)
)
async def pause_webhook(
    id: str, key: Key, who: CallerDependency, response: Response, _: PauseIn = _PLAIN
) -> WebhookDocument:
    """Have nothing sent until it is resumed. Events wait in the log."""
    paused = await who.services.webhooks.operation.pause(who.principal, id, request_id=who.request_id, key=key)
    return shown(paused, response)


@router.post(
    "/webhooks/{id}/resume", summary="Resume a webhook", responses=described_problems(400, 401, 403, 404, 409, 422)
)
async def resume_webhook(
    id: str, key: Key, who: CallerDependency, response: Response, _: PauseIn = _PLAIN
) -> WebhookDocument:
    """Have events sent again, from where it was; what waits is tried at once."""
    resumed = await who.services.webhooks.operation.resume(who.principal, id, request_id=who.request_id, key=key)
    return shown(resumed, response)


@router.post(
    "/webhooks/{id}/replay",
    summary="Send events to a webhook again",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def replay_webhook(
    id: str, body: ReplayIn, key: Key, who: CallerDependency, response: Response
) -> WebhookDocument:
    """Have the events of a ledger after a sequence sent, whether they were before or not. Each keeps its id.

    They are those that the webhook gets as it is set now, also from before it was made.
    """
    replayed = await who.services.webhooks.operation.replay(
        who.principal, id, body.ledger, body.after, request_id=who.request_id, key=key
    )
    return shown(replayed, response)


@router.post("/webhooks/{id}/test", summary="Try a webhook out", responses=described_problems(401, 403, 404, 503))
async def test_webhook(id: str, who: CallerDependency) -> PingDocument:
    """Send an event of type `partita.ping`, once, also to one that is paused, and say what came of it."""
    ping = await who.services.webhooks.operation.ping(who.principal, id)
    return {
        "id": ping.id,
        "delivered": ping.answer.is_delivered,
        "status": ping.answer.status,
        "error": ping.answer.error,
    }
