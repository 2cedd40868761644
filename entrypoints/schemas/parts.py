"""Parts of what has entries, as they come in: which of them are to be captured, or reversed."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from domain.ledger.transaction import ENTRIES_MAX, Direction, EntryDraft
from entrypoints.schemas.forms import Form


class PartIn(Form):
    """So much of one side of it: of an account, a direction and an asset that it has."""

    account: Annotated[str, Field(description="The account's path.", examples=["users:42:wallet"])]
    direction: Literal["debit", "credit"]
    amount: Annotated[str, Field(description="In major units, as text; never a number.", examples=["4.50"])]
    asset: Annotated[str, Field(description="The asset's code.", examples=["EUR"])]


Parts = Annotated[
    list[PartIn],
    Field(min_length=1, max_length=ENTRIES_MAX, description="Which part, in balance; if left out, all that is left."),
]


def part_drafts(parts: Sequence[PartIn]) -> tuple[EntryDraft, ...]:
    """Return the entries that say which part is asked for."""
    return tuple([EntryDraft(part.account, Direction(part.direction), part.amount, part.asset) for part in parts])
