"""Transactions as they come in."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from domain.ledger.transaction import (
    ALL,
    ENTRIES_MAX,
    BalanceCondition,
    Direction,
    EntryDraft,
    TransactionDraft,
    TransferDraft,
)
from domain.shared.errors import Blame, ValidationFailed
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

TRANSFER_EXAMPLE: JsonDict = {"from": "assets:bank", "to": "assets:till", "amount": "5.00", "asset": "EUR"}

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
    amount: Annotated[
        str | None,
        Field(
            description="In major units, as text; never a number. Or `all`: what is available on the account; or "
            "`rest`: what the other entries in the asset leave open. May be left out beside `up_to`.",
            examples=["100.00"],
        ),
    ] = None
    asset: Annotated[str, Field(description="The asset's code.", examples=["EUR"])]
    up_to: Annotated[str | None, Field(description="What is available, and at most so much.")] = None
    balance_at_least: Annotated[
        str | None, Field(description="Refuse unless the posted balance before this transaction is so much, or more.")
    ] = None
    balance_at_most: Annotated[str | None, Field(description="Refuse unless it is so much, or less.")] = None
    balance_exactly: Annotated[str | None, Field(description="Refuse unless it is just so much.")] = None
    balance_version: Annotated[int | None, Field(ge=0, description="Refuse unless so many entries were posted.")] = None


class BalancedIn(Form):
    """What is posted or held: it has `entries`; or `from`, `to`, `amount` and `asset`."""

    model_config = ConfigDict(populate_by_name=False)

    entries: Annotated[list[EntryIn], Field(max_length=ENTRIES_MAX)] = Field(default_factory=list)
    from_: Annotated[str | None, Field(alias="from", description="The account that a transfer takes from.")] = None
    to: Annotated[str | None, Field(description="The account that a transfer adds to.")] = None
    amount: Annotated[str | None, Field(description="What a transfer moves: an amount, or `all`.")] = None
    asset: Annotated[str | None, Field(description="The code of what a transfer moves.")] = None
    up_to: Annotated[str | None, Field(description="A transfer of what is available, and at most so much.")] = None
    based_on: Annotated[
        int | None,
        Field(ge=1, description="The sequence you decided on: refuse if a balance that this touches changed after it."),
    ] = None
    reference: Annotated[str | None, Field(description="Your own name for it, unique in its ledger.")] = None
    description: str = ""
    metadata: Metadata = Field(default_factory=dict)


class TransactionIn(BalancedIn):
    """A transaction to post: debits equal credits, per asset.

    It has `entries`; or `from`, `to`, `amount` and `asset`, where both accounts have the same normal side.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE, TRANSFER_EXAMPLE]})

    effective_at: Annotated[Time | None, Field(description="When it happened; now, if left out.")] = None


# Each is read by itself, so that one that cannot be read spoils no other.
_AnyTransaction = Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/TransactionIn"})]


class BulkIn(Form):
    """Transactions to post in order; all or none of them if atomic."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"atomic": True, "transactions": [EXAMPLE]}]})

    transactions: Annotated[list[_AnyTransaction], Field(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


_NO_CONDITIONS = (None, None, None, None)
_DIRECTIONS = {direction.value: direction for direction in Direction}


def transaction_draft(document: Any, id: str) -> TransactionDraft:
    """Return the draft, with the id drawn for it (`txn_…`), of a transaction that a JSON value describes.

    Raises `AmountNotAString`, `ValidationFailed`.
    """
    form = read_form(TransactionIn, document, what="The transaction")
    return TransactionDraft(
        id=id,
        entries=entry_drafts(form),
        reference=form.reference,
        description=form.description,
        effective_at=form.effective_at,
        metadata=form.metadata,
        transfer=transfer_draft(form),
        based_on=form.based_on,
    )


def entry_drafts(form: BalancedIn) -> tuple[EntryDraft, ...]:
    """Return the entries that are asked for, none where there is a transfer. Raises `ValidationFailed`."""
    return tuple([_entry_draft(entry, index) for index, entry in enumerate(form.entries)])


def _entry_draft(entry: EntryIn, index: int) -> EntryDraft:
    conditions = (entry.balance_at_least, entry.balance_at_most, entry.balance_exactly, entry.balance_version)
    condition = None if conditions == _NO_CONDITIONS else BalanceCondition(*conditions)
    amount = _amount(entry.amount, entry.up_to, f"/entries/{index}")
    return EntryDraft(entry.account, _DIRECTIONS[entry.direction], amount, entry.asset, entry.up_to, condition)


def _amount(amount: str | None, up_to: str | None, place: str) -> str:
    """Return the amount that is asked for; `up_to` by itself is at most so much of all."""
    if up_to is None:
        if amount is None:
            raise _is_missing(f"{place}/amount")
        return amount
    if amount not in (None, ALL):
        raise ValidationFailed(
            f"{place}/up_to goes with the amount `all`, or with none: not with {amount!a}.", pointer=f"{place}/up_to"
        )
    return ALL


def transfer_draft(form: BalancedIn) -> TransferDraft | None:
    """Return the transfer, if the form has one. Raises `ValidationFailed` for half of one, or one beside entries."""
    if form.from_ is None and form.to is None and form.amount is None and form.asset is None and form.up_to is None:
        if "entries" not in form.model_fields_set:
            raise _is_missing("/entries")
        return None
    if "entries" in form.model_fields_set:
        raise ValidationFailed("There are entries, or from, to, amount and asset; not both.", pointer="/entries")
    if form.from_ is None:
        raise _is_missing("/from")
    if form.to is None:
        raise _is_missing("/to")
    if form.asset is None:
        raise _is_missing("/asset")
    return TransferDraft(form.from_, form.to, _amount(form.amount, form.up_to, ""), form.asset, form.up_to)


def _is_missing(pointer: str) -> ValidationFailed:
    refused = ValidationFailed(f"{pointer} is missing.")
    refused.blames = (Blame(pointer, "is missing"),)
    return refused
