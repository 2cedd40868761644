"""Reversals as they come in."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from domain.ledger.posted import ReversalDraft
from entrypoints.schemas.forms import Form, read_form
from entrypoints.schemas.parts import Parts, part_drafts
from entrypoints.schemas.transactions import Metadata

REVERSALS_MAX: Final = 1_000

ID_EXAMPLE: Final = "txn_01kaqz0000e2wvqm1kz1n0v1xw"
REVERSAL_EXAMPLE: JsonDict = {
    "entries": [
        {"account": "assets:bank", "direction": "debit", "amount": "2.50", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "2.50", "asset": "EUR"},
    ],
    "description": "Refund of a part",
}


class PartialReversalIn(Form):
    """What to undo of a transaction: all that is left to reverse, or entries, written as the transaction has them."""

    entries: Parts = Field(default_factory=list)
    effective: Annotated[
        Literal["now", "original"], Field(description="When it takes effect: now, or when the transaction did.")
    ] = "now"
    reference: Annotated[str | None, Field(description="Your own name for the reversal.")] = None
    description: Annotated[str | None, Field(description="`Reversal of` its id, if left out.")] = None
    metadata: Metadata = Field(default_factory=dict)


Force = Annotated[bool, Field(description="Go past the accounts' limits; takes a permission of its own.")]


class ReversalIn(PartialReversalIn):
    """A reversal of a transaction, or of a part of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [REVERSAL_EXAMPLE, {}]})

    force: Force = False


class ReversalOfIn(PartialReversalIn):
    """One of several reversals."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"transaction": ID_EXAMPLE}]})

    transaction: Annotated[str, Field(description="The id of the transaction to reverse.", examples=[ID_EXAMPLE])]


# Each is read by itself, so that a mistake in it is told where it is.
_AnyReversal = Annotated[Any, WithJsonSchema({"$ref": f"#/components/schemas/{ReversalOfIn.__name__}"})]


class ReversalsIn(Form):
    """Transactions to reverse in order, all or none of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reversals": [{"transaction": ID_EXAMPLE}]}]})

    reversals: Annotated[list[_AnyReversal], Field(min_length=1, max_length=REVERSALS_MAX)]
    force: Force = False


def reversal_draft(form: PartialReversalIn, transaction: str, id: str) -> ReversalDraft:
    """Return the draft of a reversal of the transaction of that id, with the id drawn for it (`txn_…`)."""
    return ReversalDraft(
        id=id,
        transaction=transaction,
        entries=part_drafts(form.entries),
        is_at_original_time=form.effective == "original",
        reference=form.reference,
        description=form.description,
        metadata=form.metadata,
    )


def reversal_of(document: Any, id: str) -> ReversalDraft:
    """Return the draft of a reversal that a JSON value describes, with the id drawn for it (`txn_…`).

    Raises `AmountNotAString`, `ValidationFailed`.
    """
    form = read_form(ReversalOfIn, document, what="The reversal")
    return reversal_draft(form, form.transaction, id)
