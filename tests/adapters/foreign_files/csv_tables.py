"""Tables of a few rows, and what is read of them."""

from decimal import Decimal
from typing import Any

from tests.adapters.foreign_files.statement_samples import read, transactions

COLUMNS = {"date": "Date", "amount": "Amount", "counterparty": "Name"}


def table(rows: str, *, columns: dict[str, Any] | None = None, **shape: Any) -> list[Any]:
    """Read rows of date, name and amount, whose cells have semicolons between, in EUR if nothing else is said."""
    shape = {"columns": columns or COLUMNS, "currency": "EUR"} | shape
    return read("csv", rows, {"csv": {key: value for key, value in shape.items() if value is not None}})


def rows_of(*amounts: str, day: str = "2026-10-01") -> str:
    """Write a line for each amount."""
    return "Date;Name;Amount\n" + "".join(f"{day};x;{amount}\n" for amount in amounts)


def amounts_of(found: list[Any]) -> list[Decimal]:
    """Return what came in."""
    return [each.entries[0].amount for each in transactions(found)]
