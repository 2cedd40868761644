"""The history of an account: the entries of all its assets, woven into one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    RowMapping,
    Text,
    UnaryExpression,
    cast,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.keyset import Budget, Keyset
from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX, assets_held, unnested
from adapters.postgres.tables import entries
from domain.ledger.account import Account
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.effect import Line
from domain.ledger.transaction import Direction, Entry
from domain.shared.text import is_storable

# What a line is made of; numbers as text, since no float and no rounding may touch them.
HISTORY: Final = (
    entries.c.account_number,
    entries.c.sequence,
    entries.c.position,
    entries.c.is_debit,
    entries.c.asset,
    cast(entries.c.amount, Text).label("amount"),
    cast(entries.c.posted_debits, Text).label("debits"),
    cast(entries.c.posted_credits, Text).label("credits"),
    entries.c.balance_version,
)


def line_of(row: RowMapping, account: Account, asset: Asset) -> Line:
    """Return the line of a row that has the columns of `HISTORY`."""
    direction = Direction.DEBIT if row["is_debit"] else Direction.CREDIT
    entry = Entry(account.path, direction, int(row["amount"]), asset)
    return Line(
        entry, account, Balance(int(row["debits"]), int(row["credits"]), row["balance_version"], row["sequence"])
    )


_PLACE: Final = (entries.c.sequence, entries.c.position)
_PLACE_TYPES: Final = (BigInteger(), Integer())

# Where a line stands in the history of an account: the sequence of its transaction, and its position in there.
Place = tuple[int, int]
FIRST_PLACE: Final[Place] = (1, 0)
LAST_PLACE: Final[Place] = (SEQUENCE_MAX, 2**31 - 1)


def are_between(
    ledger_id: int,
    account_number: int | ColumnElement[int],
    code: ColumnElement[str],
    first: Place,
    last: Place,
) -> list[ColumnElement[bool]]:
    """Return the conditions that a line is of the account and asset, from one place to another, both included.

    The places are compared as rows. As a plain range of sequences they are taken, while the tables have not been
    analysed, for so few rows that the index of entries by transaction looks as good, which reads all of a ledger.
    """
    row = tuple_(*_PLACE)
    return [
        entries.c.ledger_id == ledger_id,
        entries.c.account_number == account_number,
        entries.c.asset == code,
        row >= tuple_(*map(literal, first, _PLACE_TYPES)),
        row <= tuple_(*map(literal, last, _PLACE_TYPES)),
    ]


def order_of_history(*, is_descending: bool) -> list[UnaryExpression[Any]]:
    """Return what to order the lines of one account and asset by."""
    return Keyset(_PLACE, is_descending).order()


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """The entries of one account in some assets, each of which an index has in order."""

    connection: AsyncConnection
    ledger_id: int
    account_number: int
    codes: Sequence[str]

    @staticmethod
    async def of(
        connection: AsyncConnection, ledger_id: int, account_number: int, asset: str | None
    ) -> "AccountHistory":
        """Return the history in one asset, or in all that the account was ever used with."""
        if asset is not None:
            codes = [asset] if is_storable(asset) else []
        else:
            codes = [code for _, code in await assets_held(connection, ledger_id, [account_number])]
        return AccountHistory(connection, ledger_id, account_number, codes)

    async def read(
        self, size: int, budget: Budget, first: Place, last: Place, *, is_descending: bool
    ) -> tuple[list[Place], bool]:
        """Return the places of the lines from `first` to `last` in order, and whether these are all of them.

        Each asset's lines are read up to a size, and woven together as far as all of them are known: those are `size`
        lines at least, if there are so many, and fewer only where more could not be had within the budget.
        """
        if not self.codes:
            return [], True
        size_each = min(size, max(1, budget.rows // len(self.codes)))
        wanted = unnested(self.codes, Text())
        line = (
            select(entries.c.sequence, entries.c.position, wanted.c.item)
            .where(*are_between(self.ledger_id, self.account_number, wanted.c.item, first, last))
            .order_by(*order_of_history(is_descending=is_descending))
            .limit(size_each)
            .lateral("line")
        )
        query = select(line).select_from(wanted.join(line, literal(True)))
        of_assets: dict[str, list[Place]] = {}
        for sequence, place, code in await self.connection.execute(query):
            of_assets.setdefault(code, []).append((sequence, place))
        lines = sorted(chain.from_iterable(of_assets.values()), reverse=is_descending)
        # An account with more assets than a page reads rows still has one line read of each.
        budget.spend(min(len(lines), budget.rows))
        unfinished = [of_asset[-1] for of_asset in of_assets.values() if len(of_asset) == size_each]
        if not unfinished:
            return lines, True
        if is_descending:
            return [line for line in lines if line >= max(unfinished)], False
        return [line for line in lines if line <= min(unfinished)], False
