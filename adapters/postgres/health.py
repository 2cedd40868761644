"""Whether PostgreSQL can be written to, and is the database that this version needs."""

import asyncio
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.failures import is_away
from adapters.postgres.schema import SchemaNotReady, require_ready

TIMEOUT_SECONDS: Final = 3.0
_WRITABLE: Final = text("SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::boolean")


class PostgresHealth:
    """Asks the database what a server relies on."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def trouble(self) -> str | None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await require_ready(self._engine)
                async with self._engine.connect() as connection:
                    is_standby, is_closed = (await connection.execute(_WRITABLE)).one()
                    if is_standby:
                        return "The database is a standby, which nothing can be written to."
                    if is_closed:
                        return "The database lets nothing be written: default_transaction_read_only is on."
        except SchemaNotReady as error:
            return str(error)
        except Exception as error:
            if is_away(error):
                return "The database does not answer."
            raise
        return None

    async def close(self) -> None:
        await self._engine.dispose()
