"""Pages of what an organisation has, in the order of ids: that is when things were made."""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, FromClause, RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id, stored_id
from application.shared.pagination import ROWS_READ_MAX, PageRequest, Position


async def page_by_id(
    connection: AsyncConnection,
    table: Table,
    column: str,
    organisation_id: int,
    page: PageRequest,
    *,
    prefix: str,
    where: Sequence[ColumnElement[bool]] = (),
    judge: Callable[[FromClause], Sequence[ColumnElement[bool]]] | None = None,
) -> tuple[Sequence[RowMapping], Position | None]:
    """Return an organisation's rows, and the position after which the next page starts; None when this is the last.

    `where` is what an index knows. What none does is said by `judge`: at most 10,000 rows are looked at for those that
    fit it, so that a page of them may be short.
    """
    id = table.c[column]
    in_order = select(table).where(table.c.organisation_id == organisation_id, *where)
    in_order = in_order.order_by(id.desc() if page.is_descending else id)
    if page.after is not None:
        after = stored_id(prefix, str(page.after[0]))
        in_order = in_order.where(id < after if page.is_descending else id > after)
    query = in_order
    if judge is not None:
        looked_at = in_order.limit(ROWS_READ_MAX).subquery()
        place = looked_at.c[column]
        query = select(looked_at).where(*judge(looked_at)).order_by(place.desc() if page.is_descending else place)
    rows = (await connection.execute(query.limit(page.limit + 1))).mappings().all()
    if len(rows) <= page.limit:
        last = None
        if judge is not None:
            last = await connection.scalar(in_order.with_only_columns(id).offset(ROWS_READ_MAX - 1).limit(1))
        return rows, None if last is None else (outward_id(prefix, last),)
    shown = rows[: page.limit]
    return shown, (outward_id(prefix, shown[-1][column]),)
