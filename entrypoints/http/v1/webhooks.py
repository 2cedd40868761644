"""Webhooks: make, list, get, change, rotate the secret, delete."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final, NotRequired

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.ledger.events import EVENT_TYPES
from domain.shared.chain import format_time
from domain.shared.errors import Blame, ValidationFailed
from domain.shared.patterns import Pattern
from domain.webhooks.endpoint import URL_LENGTH_MAX, Endpoint, Wanted
from entrypoints.http.dependencies import CallerDependency, IfMatch, Key, StrictRoute, etag
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.v1.access_forms import LedgerPatterns, ledgers_of
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["webhooks"])

WEBHOOKS: Final = ListSpec(sorts=("id", "-id"))

_EXAMPLE: Final[dict[str, Any]] = {
    "url": "https://example.com/hooks/partita",
    "description": "The warehouse",
    "ledgers": ["main"],
    "types": ["transaction.posted"],
    "ordered": True,
}
_Url = Annotated[
    str,
    Described(
        description="Where events go: https, and an address of the public internet, unless whoever runs the server "
        "allows others.",
        max_length=URL_LENGTH_MAX,
    ),
]
_Description = Annotated[str, Described(description="What it is for.")]
_Types = Annotated[
    list[str],
    Described(description=f"Types of events; none is all. Of {', '.join(EVENT_TYPES)}.", max_length=len(EVENT_TYPES)),
]
_Account = Annotated[
    str | None,
    Described(description="A path or a pattern: only events that name such an account.", examples=["users:*:**"]),
]
_Ordered = Annotated[
    bool,
    Described(
        description="Whether events of one ledger come one after the other: the next one once one was taken, or has "
        "been given up after three days."
    ),
]


class WebhookIn(Form):
    """A webhook to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    url: _Url
    description: _Description = ""
    ledgers: LedgerPatterns = None
    types: _Types = Described(default_factory=list)
    account: _Account = None
    ordered: _Ordered = False


class WebhookPatch(Form):
    """What is to be otherwise of a webhook; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "The old warehouse", "ordered": False}]})

    # Defaults by a function are not published: what is left out stays, and has no other value by that.
    url: _Url = Described(default_factory=str)
    description: _Description = Described(default_factory=str)
    ledgers: LedgerPatterns = Described(default_factory=lambda: None)
    types: _Types = Described(default_factory=list)
    account: _Account = Described(default_factory=lambda: None)
    ordered: _Ordered = Described(default_factory=bool)


class WebhookSecretRotationIn(Form):
    """How the secret of a webhook is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: Annotated[
        int,
        Described(description="For how long what is sent is signed with the old one, too.", ge=0, le=90 * 86_400),
    ] = 86_400


_PLAIN_ROTATION: Final = WebhookSecretRotationIn()


class WebhookDocument(TypedDict):
    """A webhook; `secret` itself stands only in the answers to its making and its rotation.

    While it is paused, `paused_at` says since when, and `pause_reason` why: `asked`, `gone` (it has answered 410), or
    `failing` (it took nothing for three days). Since `failing_since`, nothing has got through.
    """

    id: str
    url: str
    description: str
    ledgers: list[str] | None
    types: list[str]
    account: str | None
    ordered: bool
    version: int
    created_at: str
    paused_at: str | None
    pause_reason: str | None
    failing_since: str | None
    secret: NotRequired[str]


def webhook_document(endpoint: Endpoint) -> WebhookDocument:
    """Return a webhook as it is shown."""
    wanted, pause = endpoint.wanted, endpoint.pause
    return {
        "id": endpoint.id,
        "url": wanted.url,
        "description": wanted.description,
        "ledgers": None if wanted.ledgers is None else [pattern.text for pattern in wanted.ledgers],
        "types": list(wanted.types),
        "account": None if wanted.account is None else wanted.account.text,
        "ordered": wanted.ordered,
        "version": endpoint.version,
        "created_at": format_time(endpoint.created_at),
        "paused_at": None if pause is None else format_time(pause.since),
        "pause_reason": None if pause is None else pause.reason.value,
        "failing_since": None if endpoint.failing_since is None else format_time(endpoint.failing_since),
    }


@router.post(
    "/webhooks", status_code=201, summary="Make a webhook", responses=described_problems(400, 401, 403, 409, 422)
)
async def post_webhook(body: WebhookIn, key: Key, who: CallerDependency, response: Response) -> WebhookDocument:
    """Have events sent to a URL from now on. Whoever does so must be able to see all of them.

    This answer alone shows the secret that they are signed with.
    """
    wanted = _changed(Wanted(""), body.model_dump())
    made, secret = await who.services.webhooks.keeping.create(who.principal, wanted, request_id=who.request_id, key=key)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return _shown_once(made, secret, response)


@router.get(
    "/webhooks",
    summary="List webhooks",
    openapi_extra=described_list(WEBHOOKS),
    responses=described_problems(400, 401, 403),
)
async def list_webhooks(who: CallerDependency, request: Request, response: Response) -> ListDocument[WebhookDocument]:
    """Return a page of the organisation's webhooks, oldest first."""
    query = WEBHOOKS.read(request, who)
    page = await who.services.webhooks.keeping.list(who.principal, query.page)
    return query.document(page, webhook_document, response)


@router.get("/webhooks/{id}", summary="Get a webhook", responses=described_problems(401, 403, 404))
async def get_webhook(id: str, who: CallerDependency, response: Response) -> WebhookDocument:
    """Return one webhook, without its secret."""
    return shown(await who.services.webhooks.keeping.get(who.principal, id), response)


@router.patch(
    "/webhooks/{id}", summary="Change a webhook", responses=described_problems(400, 401, 403, 404, 412, 422, 428)
)
async def patch_webhook(
    id: str, body: WebhookPatch, version: IfMatch, who: CallerDependency, response: Response
) -> WebhookDocument:
    """Change what is named. Of ledgers that it was not about before, it gets the events from now on."""
    given = body.model_dump(include=body.model_fields_set)
    changed = await who.services.webhooks.keeping.change(
        who.principal, id, lambda wanted: _changed(wanted, given), version=version, request_id=who.request_id
    )
    return shown(changed, response)


@router.post(
    "/webhooks/{id}/rotate-secret",
    summary="Give a webhook another secret",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def rotate_webhook_secret(
    id: str, key: Key, who: CallerDependency, response: Response, rotation: WebhookSecretRotationIn = _PLAIN_ROTATION
) -> WebhookDocument:
    """Make another secret, which this answer alone shows. Until the overlap ends, what is sent has both signatures."""
    changed, secret = await who.services.webhooks.keeping.rotate_secret(
        who.principal,
        id,
        request_id=who.request_id,
        overlap=timedelta(seconds=rotation.overlap_seconds),
        key=key,
    )
    return _shown_once(changed, secret, response)


@router.delete(
    "/webhooks/{id}",
    status_code=204,
    summary="Delete a webhook",
    responses=described_problems(401, 403, 404, 412, 428),
)
async def delete_webhook(id: str, version: IfMatch, who: CallerDependency) -> None:
    """Have nothing more sent, not even what waits, and forget the secret."""
    await who.services.webhooks.keeping.delete(who.principal, id, version=version, request_id=who.request_id)


def shown(endpoint: Endpoint, response: Response) -> WebhookDocument:
    """Return a webhook as it is shown, and set the header that names its version."""
    response.headers["ETag"] = etag(endpoint.version)
    return webhook_document(endpoint)


def _shown_once(endpoint: Endpoint, secret: str | None, response: Response) -> WebhookDocument:
    document = shown(endpoint, response)
    if secret is None:
        response.headers["Idempotency-Replayed"] = "true"
        return document
    response.headers["Cache-Control"] = "no-store"
    return {**document, "secret": secret}


def _changed(wanted: Wanted, given: dict[str, Any]) -> Wanted:
    """Return what is wanted, with what a request gives in its place. Raises `ValidationFailed`."""
    values = dict(given)
    if "ledgers" in values:
        values["ledgers"] = ledgers_of(values["ledgers"])
    if "types" in values:
        values["types"] = tuple(values["types"])
    if values.get("account") is not None:
        values["account"] = _pattern(values["account"])
    return replace(wanted, **values)


def _pattern(text: str) -> Pattern:
    try:
        return Pattern(text)
    except ValidationFailed as refused:
        refused.blames = (Blame("/account", refused.detail),)
        raise
