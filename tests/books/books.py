"""Books to post, and the balances that another program works out for them."""

import csv
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

Balances = dict[tuple[str, str], Decimal]  # debit-positive, by account and asset; nothing of zero


@dataclass(frozen=True)
class Books:
    """A file of transactions, the scales that its assets need, and its balances."""

    name: str
    transactions: Path
    scales: dict[str, int]
    balances: Balances

    @property
    def count(self) -> int:
        return len(self.transactions.read_text(encoding="utf-8").splitlines())


def shop() -> Books:
    """The books in this folder. Their assets are currencies of ISO 4217, so that none needs to be registered."""
    return Books("shop", HERE / "shop.ndjson", {}, balances_of(HERE / "shop.balances.csv"))


def household(folder: Path) -> Books:
    """The books of a household in a folder beside the repository."""
    scales = json.loads((folder / "household.assets.json").read_text())
    return Books("household", folder / "household.ndjson", scales, balances_of(folder / "household.balances.csv"))


def balances_of(file: Path) -> Balances:
    """What a file of balances says."""
    with file.open(encoding="utf-8", newline="") as stream:
        return {(row["account"], row["asset"]): Decimal(row["balance"]) for row in csv.DictReader(stream)}
