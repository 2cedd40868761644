"""Holds, captures and releases as they come in."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft, Resolution
from domain.shared.errors import ValidationFailed
from entrypoints.schemas.forms import Form, Time, read_form
from entrypoints.schemas.parts import Parts, part_drafts
from entrypoints.schemas.transactions import BalancedIn, Metadata, entry_drafts, transfer_draft

RESOLUTIONS_MAX: Final = 1_000

HOLD_EXAMPLE: JsonDict = {
    "reference": "authorisation-7",
    "description": "Hotel, two nights",
    "expires_at": "2099-12-01T00:00:00Z",
    "entries": [
        {"account": "liabilities:card", "direction": "debit", "amount": "200.00", "asset": "EUR"},
        {"account": "liabilities:hotel", "direction": "credit", "amount": "200.00", "asset": "EUR"},
    ],
}
CAPTURE_EXAMPLE: JsonDict = {
    "entries": [
        {"account": "liabilities:card", "direction": "debit", "amount": "120.00", "asset": "EUR"},
        {"account": "liabilities:hotel", "direction": "credit", "amount": "120.00", "asset": "EUR"},
    ],
    "final": True,
}
RELEASE_EXAMPLE: JsonDict = {"reason": "The guest did not come"}
ID_EXAMPLE: Final = "hold_01kaqz0000e2wvqm1kz1n0v1xw"


class HoldIn(BalancedIn):
    """A transaction to reserve without posting it; it takes effect when it is captured."""

    model_config = ConfigDict(json_schema_extra={"examples": [HOLD_EXAMPLE]})

    expires_at: Annotated[
        Time | None, Field(description="When what is left of it becomes free again by itself; never, if left out.")
    ] = None


class CaptureIn(Form):
    """What to post of a hold: all that is left, or some entries of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [CAPTURE_EXAMPLE, {}]})

    entries: Parts = Field(default_factory=list)
    final: Annotated[bool, Field(description="Release what this leaves.")] = False
    effective_at: Annotated[Time | None, Field(description="When it happened; now, if left out.")] = None
    reference: Annotated[str | None, Field(description="Your own name for the transaction.")] = None
    description: Annotated[str | None, Field(description="The hold's, if left out.")] = None
    metadata: Metadata = Field(default_factory=dict)


class ReleaseIn(Form):
    """Why a hold is released."""

    model_config = ConfigDict(json_schema_extra={"examples": [RELEASE_EXAMPLE, {}]})

    reason: str = ""


class CaptureResolutionIn(CaptureIn):
    """One of several resolutions: a capture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hold": ID_EXAMPLE, "action": "capture"}]})

    hold: Annotated[str, Field(description="The hold's id.", examples=[ID_EXAMPLE])]
    action: Literal["capture"]


class ReleaseResolutionIn(ReleaseIn):
    """One of several resolutions: a release."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hold": ID_EXAMPLE, "action": "release"}]})

    hold: Annotated[str, Field(description="The hold's id.", examples=[ID_EXAMPLE])]
    action: Literal["release"]


_FORMS: Final[dict[str, type[CaptureResolutionIn | ReleaseResolutionIn]]] = {
    "capture": CaptureResolutionIn,
    "release": ReleaseResolutionIn,
}
# Each is read by itself, as the form that its action asks for.
_AnyResolution = Annotated[
    Any, WithJsonSchema({"oneOf": [{"$ref": f"#/components/schemas/{form.__name__}"} for form in _FORMS.values()]})
]


class ResolutionsIn(Form):
    """Holds to capture and to release in order, all or none of them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"resolutions": [{"hold": ID_EXAMPLE, "action": "release"}]}]}
    )

    resolutions: Annotated[list[_AnyResolution], Field(min_length=1, max_length=RESOLUTIONS_MAX)]


def hold_draft(form: HoldIn, id: str) -> HoldDraft:
    """Return the draft, with the id drawn for it (`hold_…`). Raises `ValidationFailed`."""
    return HoldDraft(
        id=id,
        entries=entry_drafts(form),
        expires_at=form.expires_at,
        reference=form.reference,
        description=form.description,
        metadata=form.metadata,
        transfer=transfer_draft(form),
        based_on=form.based_on,
    )


def capture_draft(form: CaptureIn, hold: str, id: str) -> CaptureDraft:
    """Return the draft of a capture from the hold of that id, with the id drawn for its transaction (`txn_…`)."""
    return CaptureDraft(
        id=id,
        hold=hold,
        entries=part_drafts(form.entries),
        is_final=form.final,
        effective_at=form.effective_at,
        reference=form.reference,
        description=form.description,
        metadata=form.metadata,
    )


def resolution_draft(document: Any, id: str) -> Resolution:
    """Return the draft of a capture or a release that a JSON value describes; the id is for a capture's transaction.

    Raises `AmountNotAString`, `ValidationFailed`.
    """
    action = document.get("action", "capture") if isinstance(document, dict) else "capture"
    of_action = _FORMS.get(action) if isinstance(action, str) else None
    if of_action is None:
        raise ValidationFailed("The action is capture or release.", pointer="/action")
    form: CaptureResolutionIn | ReleaseResolutionIn = read_form(of_action, document, what="The resolution")
    if isinstance(form, CaptureResolutionIn):
        return capture_draft(form, form.hold, id)
    return ReleaseDraft(form.hold, form.reason)
