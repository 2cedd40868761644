"""The port that reads many things by their names at once, for whoever follows links between them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from application.ledger.spans import AsOf
from application.ledger.views import AccountView, AssetBalance, TransactionView
from domain.ledger.account import Account


class BatchReader(Protocol):
    """Reads what is named, in as many statements whether that is one thing or a hundred.

    What there is not is left out of the answer. Each raises `LedgerNotFound`.
    """

    async def accounts(self, slug: str, paths: Sequence[str]) -> Mapping[str, AccountView]:
        """Return the accounts by path."""
        ...

    async def below(self, slug: str, paths: Sequence[str], *, limit: int) -> Mapping[str, Sequence[AccountView]]:
        """Return, for each path, the first accounts by path that lie below it, so many at most; archived ones, too."""
        ...

    async def balances(
        self, slug: str, paths: Sequence[str], *, as_of: AsOf
    ) -> Mapping[str, tuple[Account, Sequence[AssetBalance]]]:
        """Return the accounts and their balances by path, each as `AccountReader.balances` does."""
        ...

    async def transactions(self, slug: str, ids: Sequence[str]) -> Mapping[str, TransactionView]:
        """Return the transactions by id."""
        ...
