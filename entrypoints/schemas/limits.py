"""Limits as they come in."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import ConfigDict, Field

from domain.ledger.limit import LimitDraft
from domain.ledger.limiting import LIMITS_MAX
from entrypoints.schemas.forms import Form


class LimitIn(Form):
    """A floor, a ceiling, both, or (with neither) none, where the chart gives a limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"asset": "EUR", "minimum": "0"}]})

    asset: Annotated[str, Field(description="The asset's code.", examples=["EUR"])]
    minimum: Annotated[
        str | None,
        Field(description="What is posted, less what holds may take, may not fall below this; it may be below zero."),
    ] = None
    maximum: Annotated[
        str | None,
        Field(description="What is posted, with what holds may bring, may not rise above this."),
    ] = None


Limits = Annotated[
    list[LimitIn],
    Field(max_length=LIMITS_MAX, description="By asset, on the account's normal side, in major units as text."),
]


def limit_drafts(limits: Sequence[LimitIn]) -> tuple[LimitDraft, ...]:
    """Return the limits as a command takes them."""
    return tuple(LimitDraft(limit.asset, limit.minimum, limit.maximum) for limit in limits)
