"""Which organisations there are: for the owner of the database, from outside of all of them."""

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.tables import organisations
from adapters.postgres.work import tenant_view
from application.identity.ports import OrganisationView

_SHOWN = (organisations.c.id, organisations.c.name, organisations.c.created_at)


class PostgresDirectory:
    """Looks organisations up.

    An owner that row-level security binds as well, as it does unless it is a superuser, sees none in a listing, and
    each one that it knows the number of.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        """Take the owner's engine."""
        self._engine = engine

    async def organisations(self, limit: int) -> Sequence[OrganisationView]:
        query = select(*_SHOWN).order_by(organisations.c.id).limit(limit)
        async with tenant_view(self._engine, None) as connection:
            return [OrganisationView(*row) for row in await connection.execute(query)]

    async def shows_all(self) -> bool:
        async with tenant_view(self._engine, None) as connection:
            is_bound: bool = await connection.scalar(text("SELECT row_security_active('organisations')"))
        return not is_bound

    async def organisation(self, id: int) -> OrganisationView | None:
        query = select(*_SHOWN).where(organisations.c.id == id)
        async with tenant_view(self._engine, id) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else OrganisationView(*row)
