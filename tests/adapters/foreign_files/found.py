"""What a reader finds, gathered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

from adapters.foreign_files.beancount_file import beancount_file
from adapters.foreign_files.journal_file import hledger_file, ledger_file
from application.interchange.found import (
    FailedCheck,
    ForeignFile,
    FoundAccount,
    FoundAsset,
    FoundTransaction,
    Remark,
    Unreadable,
)

READERS: dict[str, Callable[..., ForeignFile]] = {
    "hledger": hledger_file,
    "ledger": ledger_file,
    "beancount": beancount_file,
}


@dataclass
class Gathered:
    """What was found, by kind."""

    assets: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, FoundAccount] = field(default_factory=dict)
    transactions: list[FoundTransaction] = field(default_factory=list)
    failed: list[FailedCheck] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def balances(self) -> dict[tuple[str, str], Decimal]:
        """What the entries add up to, by path and asset; nothing of zero."""
        sums: dict[tuple[str, str], Decimal] = {}
        for transaction in self.transactions:
            for entry in transaction.entries:
                key = (entry.account, entry.asset)
                sums[key] = sums.get(key, Decimal(0)) + entry.amount
        return {key: balance for key, balance in sums.items() if balance}

    @property
    def places(self) -> list[str]:
        """Where something is not understood."""
        return [each.place for each in self.unreadable]


def gather(text: str | bytes, read_as: str = "hledger", **options: Any) -> Gathered:
    """All that is found in a file; of each transaction, its entries balance."""
    content = text.encode() if isinstance(text, str) else text
    gathered = Gathered()
    for each in READERS[read_as](options, "UTC").read(BytesIO(content)):
        match each:
            case FoundAsset():
                gathered.assets[each.code] = each.scale
            case FoundAccount():
                gathered.accounts[each.path] = each
            case FoundTransaction():
                gathered.transactions.append(each)
                left: dict[str, Decimal] = {}
                for entry in each.entries:
                    assert entry.amount
                    left[entry.asset] = left.get(entry.asset, Decimal(0)) + entry.amount
                assert not any(left.values()), each
            case FailedCheck():
                gathered.failed.append(each)
            case Unreadable():
                gathered.unreadable.append(each)
            case Remark():
                gathered.remarks.append(each)
    references = [each.reference for each in gathered.transactions]
    assert len(set(references)) == len(references)
    return gathered
