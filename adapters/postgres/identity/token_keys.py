"""The keys of access tokens, which all servers of a database share."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.person_tables import token_keys
from adapters.postgres.work import transaction_of_nobody
from application.identity.token_ports import TokenKeyChanges
from domain.identity.token_key import TokenKey


class PostgresTokenKeys:
    """Keeps them in a table of their own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(self) -> Sequence[TokenKey]:
        async with transaction_of_nobody(self._engine) as connection:
            return await _all(connection)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[TokenKeyChanges]:
        async with transaction_of_nobody(self._engine) as connection:
            # Two servers that find no key at the same time make one between them; readers are not held up.
            await connection.execute(text("LOCK TABLE token_keys IN SHARE ROW EXCLUSIVE MODE"))
            yield _Changes(connection)


class _Changes:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[TokenKey]:
        return await _all(self._connection)

    async def keep(self, key: TokenKey) -> None:
        row = {
            "id": key.id,
            "public_key": key.public_key,
            "sealed": key.sealed,
            "created_at": key.created_at,
            "signs_from": key.signs_from,
            "verifies_until": key.verifies_until,
        }
        end = {"verifies_until": key.verifies_until}
        await self._connection.execute(
            upsert(token_keys).values(row).on_conflict_do_update(index_elements=["id"], set_=end)
        )

    async def drop(self, id: str) -> None:
        await self._connection.execute(delete(token_keys).where(token_keys.c.id == id))


async def _all(connection: AsyncConnection) -> Sequence[TokenKey]:
    rows = await connection.execute(select(token_keys).order_by(token_keys.c.created_at, token_keys.c.id))
    return [TokenKey(*row) for row in rows]
