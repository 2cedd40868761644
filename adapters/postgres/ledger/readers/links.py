"""Links between transactions and holds, as what is selected beside a row: look-ups by index, never joins."""

from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, Table, func, select
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.readers.filters import equals
from adapters.postgres.tables import transactions

# Something can be captured or reversed in any number of parts; a list filtered by it shows all of them.
LINKS_SHOWN_MAX: Final = 20


def id_at(table: Table, ledger_id: int | ColumnElement[int], sequence: ColumnElement[int | None]) -> ScalarSelect[Any]:
    """Select the id of the hold, or the transaction, at a sequence."""
    of = table.alias()
    at = select(of.c.id).where(of.c.ledger_id == ledger_id, *equals(of.c.sequence, sequence))
    return at.order_by(of.c.sequence).limit(1).scalar_subquery()


def ids_linked(link: str, ledger_id: int | ColumnElement[int], sequence: ColumnElement[int]) -> ColumnElement[Any]:
    """Select the ids of the first transactions whose column `link` names a sequence."""
    of = transactions.alias()
    linked = (
        select(of.c.id)
        .where(of.c.ledger_id == ledger_id, of.c[link].is_not(None), *equals(of.c[link], sequence))
        .order_by(of.c[link], of.c.sequence)
        .limit(LINKS_SHOWN_MAX)
    )
    return func.array(linked.scalar_subquery(), type_=ARRAY(UUID(as_uuid=True)))


async def sequence_of(connection: AsyncConnection, table: Table, ledger_id: int, prefix: str, id: str) -> int | None:
    """Return the sequence of the hold, or the transaction, of that outward id, if there is one."""
    stored = stored_id(prefix, id)
    if stored is None:
        return None
    query = select(table.c.sequence).where(table.c.ledger_id == ledger_id, *equals(table.c.id, stored))
    sequence: int | None = await connection.scalar(query.order_by(table.c.id).limit(1))
    return sequence
