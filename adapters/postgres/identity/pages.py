"""Pages of what an organisation has, in the order of ids: that is when things were made."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id, stored_id
from application.shared.pagination import PageRequest, Position


async def page_by_id(
    connection: AsyncConnection,
    table: Table,
    column: str,
    organisation_id: int,
    page: PageRequest,
    *,
    prefix: str,
    where: Sequence[ColumnElement[bool]] = (),
) -> tuple[Sequence[RowMapping], Position | None]:
    """Return an organisation's rows, and the position after which the next page starts; None when this is the last."""
    query = select(table).where(table.c.organisation_id == organisation_id, *where).limit(page.limit + 1)
    id = table.c[column]
    query = query.order_by(id.desc() if page.is_descending else id)
    if page.after is not None:
        after = stored_id(prefix, str(page.after[0]))
        query = query.where(id < after if page.is_descending else id > after)
    rows = (await connection.execute(query)).mappings().all()
    if len(rows) <= page.limit:
        return rows, None
    shown = rows[: page.limit]
    return shown, (outward_id(prefix, shown[-1][column]),)
