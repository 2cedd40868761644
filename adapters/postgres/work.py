"""Units of work: the only file that begins and commits.

Each is one transaction of one organisation: its number is set for the transaction, and row-level security shows
nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.engine import require_session, settings_in_transactions
from adapters.postgres.failures import failure_of, is_away, is_busy, is_read_only, is_undone, said
from adapters.postgres.replicas import Replica, Replicas
from adapters.postgres.watched import WatchedDriver
from application.ledger.ports import LedgerAddress
from application.shared.ports import CommitInDoubt, StoreBusy, StoreUnavailable
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from domain.ledger.ledger import SequenceNotReached
from domain.shared.access import Permission, Principal
from domain.shared.text import is_storable

_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# asyncpg comes without types.
DriverConnection = Any

Reads = TypeVar("Reads", covariant=True)
Changes = TypeVar("Changes", covariant=True)

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
# The number that no organisation has.
_NO_ORGANISATION: Final = 0


class PostgresWork(Generic[Reads, Changes]):
    """The unit of work on PostgreSQL; what it opens is made by the two factories it is given."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        reads: Callable[[AsyncConnection, int], Reads],
        changes: Callable[[AsyncConnection, int], Changes],
        replicas: Replicas | None = None,
    ) -> None:
        """`replicas` are read from by those who say what they have seen."""
        self._engine = engine
        self._reads = reads
        self._changes = changes
        self._replicas = replicas

    @asynccontextmanager
    async def read(
        self,
        principal: Principal,
        permission: Permission,
        *,
        ledger: str | None = None,
        account: str | None = None,
        concerning: Callable[[Reads], Awaitable[Iterable[str]]] | None = None,
        seen: int | None = None,
    ) -> AsyncIterator[Reads]:
        reach = principal.reach(permission, ledger)
        is_to_be_found = reach.is_limited and account is None and concerning is not None
        if not is_to_be_found:
            reach.require(() if account is None else (account,))
        async with AsyncExitStack() as stack:
            if ledger is None or seen is None or not is_storable(ledger):
                connection = await stack.enter_async_context(tenant_view(self._engine, principal.organisation_id))
            else:
                connection = await self._seen_view(stack, LedgerAddress(principal.organisation_id, ledger), seen)
            reads = self._reads(connection, principal.organisation_id)
            if is_to_be_found and concerning is not None:
                reach.require((), found=await concerning(reads))
            yield reads

    async def _seen_view(self, stack: AsyncExitStack, ledger: LedgerAddress, seen: int) -> AsyncConnection:
        """Return a view that has the ledger's events up to that one, which the stack ends."""
        if self._replicas is not None and (replica := self._replicas.choose(seen)) is not None:
            # Who says nothing sees at least what this process knows to have been written.
            copied = await _view_of_replica(stack, replica, ledger, seen or self._replicas.known_head(ledger))
            if copied is not None:
                return copied
        connection, head = await stack.enter_async_context(ledger_view(self._engine, ledger))
        if head is not None and head < seen:
            raise SequenceNotReached(f"The ledger {ledger.slug!r} ends with the event {head}, and has no {seen}.")
        return connection

    @asynccontextmanager
    async def begin(
        self, principal: Principal, permission: Permission, *, ledger: str | None = None, takes_away: bool = False
    ) -> AsyncIterator[Changes]:
        principal.require(permission, ledger=ledger)
        if not takes_away:
            principal.require_writable(permission)
        async with tenant_transaction(self._engine, principal.organisation_id) as connection:
            yield self._changes(connection, principal.organisation_id)


async def _view_of_replica(
    stack: AsyncExitStack, replica: Replica, ledger: LedgerAddress, needed: int
) -> AsyncConnection | None:
    """Return a view of the replica that has the event, or None if it has not, or cannot be asked."""
    async with AsyncExitStack() as opening:
        try:
            async with asyncio.timeout(REPLICA_SECONDS):
                connection, head = await opening.enter_async_context(ledger_view(replica.engine, ledger))
        except StoreBusy:
            return None
        except (StoreUnavailable, TimeoutError) as error:
            replica.lose(error)
            return None
        if head is None or head < needed:
            return None
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


@asynccontextmanager
async def tenant_transaction(engine: AsyncEngine, organisation_id: int) -> AsyncIterator[AsyncConnection]:
    """Open a transaction for the organisation; commit on a clean exit. Raises `StoreUnavailable`, `CommitInDoubt`."""
    async with transaction_of_nobody(engine) as connection:
        await set_tenant(connection, organisation_id)
        yield connection


@asynccontextmanager
async def transaction_of_nobody(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Do as `tenant_transaction` does without an organisation: no tenant's rows are seen in it.

    After a deadlock, as when the database is away, nothing was done, and it can be tried again. A server that turns out
    to take no changes, because another one has taken its place, is left for whoever has its name now.
    """
    is_committing = False
    try:
        async with engine.connect() as connection:
            yield connection
            is_committing = True
            await connection.commit()
            is_committing = False
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        if is_read_only(error):
            await engine.dispose()
        if is_committing and not is_undone(error):
            raise CommitInDoubt(said(error)) from error
        raise failure from error


async def set_tenant(connection: AsyncConnection, organisation_id: int | None) -> None:
    """Have row-level security show the organisation's rows, or no tenant's, until the transaction ends."""
    await set_local(connection, "app.organisation_id", str(organisation_id or _NO_ORGANISATION))


async def set_local(connection: AsyncConnection, name: str, value: str) -> None:
    """Give a setting, which policies may go by, a value until the transaction ends."""
    await connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})


@asynccontextmanager
async def driver_transaction(
    engine: AsyncEngine, organisation_id: int, *, is_snapshot: bool = False, telemetry: Telemetry = UNWATCHED
) -> AsyncIterator[DriverConnection]:
    """Do as `tenant_transaction` does on the driver's own connection, which the journal's statements are written for.

    A snapshot is one consistent view that changes nothing.
    """
    is_committing = False
    try:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            try:
                # In one message, which takes no parameters: `d` writes a whole number, or nothing at all.
                begin = (_BEGIN_SNAPSHOT if is_snapshot else "BEGIN") + settings_in_transactions(engine)
                watched = WatchedDriver(driver, telemetry) if telemetry.takes_steps else driver
                await watched.execute(f"{begin}; SET LOCAL app.organisation_id = '{organisation_id:d}'")
                yield watched
                is_committing = True
                began = perf_counter()
                await driver.execute("COMMIT")
                is_committing = False
                if not is_snapshot:
                    telemetry.ended(Kind.COMMIT, "postgresql COMMIT", perf_counter() - began)
            except BaseException as error:
                if is_away(error) or is_committing or not isinstance(error, Exception):
                    await connection.invalidate()
                else:
                    with suppress(Exception):
                        await driver.execute("ROLLBACK")
                raise
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        if not (is_busy(error) or is_undone(error)):
            # Its neighbours in the pool are most likely gone too.
            await engine.dispose()
        if is_committing and not is_undone(error):
            raise CommitInDoubt(said(error)) from error
        raise failure from error


@asynccontextmanager
async def owner_session(
    engine: AsyncEngine, organisation_id: int, settings: Mapping[str, str]
) -> AsyncIterator[DriverConnection]:
    """Open a connection of the owner's, outside of any transaction, for the organisation; nothing else will use it.

    Each statement stands alone; `session_transaction` holds several together. Raises `StoreUnavailable`, and
    `BadDatabaseUrl` behind a pooler.
    """
    require_session(engine, "Rebuilding")
    try:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            try:
                for name, value in ({"app.organisation_id": str(organisation_id)} | dict(settings)).items():
                    await driver.fetchval("SELECT set_config($1, $2, false)", name, value)
                yield driver
            finally:
                # Its settings and temporary tables end with it.
                await connection.invalidate()
    except Exception as error:
        if is_away(error):
            raise StoreUnavailable(said(error)) from error
        raise


def session_transaction(driver: DriverConnection, *, is_snapshot: bool = False) -> AbstractAsyncContextManager[None]:
    """Open a transaction in an owner's session; commit on a clean exit. A snapshot is one consistent view."""
    transaction: AbstractAsyncContextManager[None] = driver.transaction(
        isolation="repeatable_read" if is_snapshot else "read_committed"
    )
    return transaction
