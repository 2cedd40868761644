"""Transactions as they come in."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from domain.ledger.transaction import ENTRIES_MAX, Direction, EntryDraft, TransactionDraft
from entrypoints.schemas.forms import Form, Time, read_form

BULK_MAX = 1_000

EXAMPLE: JsonDict = {
    "reference": "order-1001",
    "description": "Order 1001",
    "effective_at": "2026-11-24T10:00:00Z",
    "entries": [
        {"account": "assets:bank", "direction": "debit", "amount": "100.00", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "84.03", "asset": "EUR"},
        {"account": "liabilities:vat", "direction": "credit", "amount": "15.97", "asset": "EUR"},
    ],
    "metadata": {"order": "1001"},
}

Metadata = Annotated[
    dict[str, str],
    Field(description="A flat map, text to text: up to 64 keys of 64 characters, values up to 1,000 characters."),
]
MetadataChanges = Annotated[
    dict[str, str | None],
    Field(description="Laid over the metadata there are; a key given null is taken out."),
]


class EntryIn(Form):
    """One debit or credit."""

    account: Annotated[str, Field(description="The account's path.", examples=["assets:bank"])]
    direction: Literal["debit", "credit"]
    amount: Annotated[str, Field(description="In major units, as text; never a number.", examples=["100.00"])]
    asset: Annotated[str, Field(description="The asset's code.", examples=["EUR"])]


class TransactionIn(Form):
    """A transaction to post: debits equal credits, per asset."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    entries: Annotated[list[EntryIn], Field(max_length=ENTRIES_MAX)]
    reference: Annotated[str | None, Field(description="Your own name for it, unique in its ledger.")] = None
    description: str = ""
    effective_at: Annotated[Time | None, Field(description="When it happened; now, if left out.")] = None
    metadata: Metadata = Field(default_factory=dict)


# Each is read by itself, so that one that cannot be read spoils no other.
_AnyTransaction = Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/TransactionIn"})]


class BulkIn(Form):
    """Transactions to post in order; all or none of them if atomic."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"atomic": True, "transactions": [EXAMPLE]}]})

    transactions: Annotated[list[_AnyTransaction], Field(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


_DIRECTIONS = {direction.value: direction for direction in Direction}


def transaction_draft(document: Any, id: str) -> TransactionDraft:
    """Return the draft, with the id drawn for it (`txn_…`), of a transaction that a JSON value describes.

    Raises `AmountNotAString`, `ValidationFailed`.
    """
    form = read_form(TransactionIn, document, what="The transaction")
    return TransactionDraft(
        id=id,
        entries=tuple(
            [
                EntryDraft(entry.account, _DIRECTIONS[entry.direction], entry.amount, entry.asset)
                for entry in form.entries
            ]
        ),
        reference=form.reference,
        description=form.description,
        effective_at=form.effective_at,
        metadata=form.metadata,
    )
