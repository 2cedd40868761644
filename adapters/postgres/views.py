"""Views: consistent, and read-only; of the database, or of a replica that will do.

Each is of one organisation: its number is set for as long as the view is open, and row-level security shows nothing
else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.failures import failure_of
from adapters.postgres.replicas import Replica, Replicas
from application.ledger.ports import LedgerAddress
from application.shared.ports import Seen, StoreBusy
from domain.ledger.ledger import SequenceNotReached

# The tenant is set, and the ledger's head looked up as this tenant, in one statement: what has a limit of its own is
# not begun before the function that it refers to.
_SET_TENANT_AND_LOOK: Final = text("""
SELECT head.sequence
FROM set_config('app.organisation_id', :organisation, true) AS tenant
LEFT JOIN LATERAL (
    SELECT sequence FROM event_log
    WHERE stream_id = (
        SELECT id FROM ledgers WHERE organisation_id = :number AND slug = :slug AND tenant IS NOT NULL LIMIT 1
    )
    ORDER BY sequence DESC LIMIT 1
) AS head ON true
""")
# A replica that takes longer than this to open a view is done without.
REPLICA_SECONDS: Final = 1.0
# A replica may have taken over an event a little before the database shows it, which first hears of its standbys.
SHOWN_SECONDS: Final = 1.0
_LOOK_AGAIN_SECONDS: Final = 0.05
# The number that no organisation has.
_NO_ORGANISATION: Final = 0


async def seen_view(
    stack: AsyncExitStack, database: AsyncEngine, replicas: Replicas | None, ledger: LedgerAddress, seen: Seen
) -> AsyncConnection:
    """Return a view that has the ledger's events up to what was seen, which the stack ends; say up to where it goes.

    Raises `StoreUnavailable`; `SequenceNotReached` where neither a replica nor the database gets there in time.
    """
    until = monotonic() + SHOWN_SECONDS
    while True:
        if replicas is not None and seen.is_copy_enough:
            # Who says nothing sees at least what this process knows to have been written.
            needed = seen.sequence or replicas.known_head(ledger)
            for replica in replicas.fit(seen.sequence):
                copied = await _view_of_replica(stack, replica, ledger, needed, seen)
                if copied is not None:
                    return copied
        async with AsyncExitStack() as opening:
            connection, head = await opening.enter_async_context(ledger_view(database, ledger))
            if head is None or head >= seen.sequence:
                seen.show(head)
                stack.push_async_exit(opening.pop_all())
                return connection
        if replicas is None or not replicas.all or monotonic() > until:
            raise SequenceNotReached(
                f"The ledger {ledger.slug!r} ends with the event {head}, and has no {seen.sequence}."
            )
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _view_of_replica(
    stack: AsyncExitStack, replica: Replica, ledger: LedgerAddress, needed: int, seen: Seen
) -> AsyncConnection | None:
    """Return a view of the replica that has the event, or None if it has not, or cannot be asked."""
    async with AsyncExitStack() as opening:
        opening.enter_context(replica.read_from())
        try:
            async with asyncio.timeout(REPLICA_SECONDS):
                connection, head = await opening.enter_async_context(ledger_view(replica.engine, ledger))
        except StoreBusy:
            return None
        except Exception as error:  # whatever it is, such as another database: it can be done without
            replica.lose(error)
            return None
        if head is None or head < needed:
            return None
        seen.show(head)
        stack.push_async_exit(opening.pop_all())
        return connection


@asynccontextmanager
async def ledger_view(engine: AsyncEngine, ledger: LedgerAddress) -> AsyncIterator[tuple[AsyncConnection, int | None]]:
    """Do as `tenant_view` does, and give the sequence of the ledger's last event there; None where there is no such."""
    async with _view(engine) as connection:
        values = {"organisation": str(ledger.organisation_id), "number": ledger.organisation_id, "slug": ledger.slug}
        yield connection, await connection.scalar(_SET_TENANT_AND_LOOK, values)


@asynccontextmanager
async def tenant_view(engine: AsyncEngine, organisation_id: int | None) -> AsyncIterator[AsyncConnection]:
    """Open one consistent, read-only view for the organisation; for None, which sees no tenant's rows.

    Raises `StoreUnavailable`.
    """
    async with _view(engine) as connection:
        await set_tenant(connection, organisation_id)
        yield connection


@asynccontextmanager
async def _view(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.connect() as opened:
            yield await opened.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    except Exception as error:
        if (failure := failure_of(error)) is not None:
            raise failure from error
        raise


async def set_tenant(connection: AsyncConnection, organisation_id: int | None) -> None:
    """Have row-level security show the organisation's rows, or no tenant's, until the transaction ends."""
    await set_local(connection, "app.organisation_id", str(organisation_id or _NO_ORGANISATION))


async def set_local(connection: AsyncConnection, name: str, value: str) -> None:
    """Give a setting, which policies may go by, a value until the transaction ends."""
    await connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})
