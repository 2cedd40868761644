"""Why something is done, as a body or a query says it."""

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict
from pydantic import Field as Described

from entrypoints.schemas.forms import Form

DESCRIPTION: Final = "Why, for those who read the log: up to 1,000 characters."

Reason = Annotated[str, Described(description=DESCRIPTION, examples=["Asked for by the customer."])]
ReasonOfDeletion = Annotated[str, Query(description=DESCRIPTION)]


class ReasonIn(Form):
    """Why it is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Asked for by the customer."}]})

    reason: Reason
