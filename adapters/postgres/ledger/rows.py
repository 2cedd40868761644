"""What rows of settings mean to the domain, for those who write to a ledger and for those who read it."""

import json
from functools import lru_cache
from typing import Any

from domain.ledger.account import Account, AccountStatus, AccountType
from domain.ledger.chart import Chart, Pattern, Rule


def account_of(row: Any) -> Account:
    """Return the account of a row, whatever else the row has."""
    return Account(
        number=row["number"],
        path=row["path"],
        type=AccountType(row["type"]),
        status=AccountStatus(row["status"]),
        metadata=row["metadata"],
        version=row["version"],
    )


@lru_cache(maxsize=256)
def chart_of(document: str, version: int) -> Chart:
    """Return the chart of a document that `chart_document` made."""
    rules = (Rule(Pattern(pattern), AccountType(of_type)) for pattern, of_type in json.loads(document))
    return Chart(tuple(rules), version)
