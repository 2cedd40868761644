"""Units of work: the only file that begins and commits.

Each is one transaction of one organisation: its number is set for the transaction, and row-level security shows
nothing else.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from time import perf_counter
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.engine import require_session, settings_in_transactions
from adapters.postgres.failures import failure_of, is_away, is_busy, is_read_only, is_undone, said
from adapters.postgres.replicas import Replicas
from adapters.postgres.views import seen_view, set_tenant
from adapters.postgres.views import set_local as set_local  # noqa: PLC0414 # given from here
from adapters.postgres.views import tenant_view as tenant_view  # noqa: PLC0414 # given from here
from adapters.postgres.watched import WatchedDriver
from application.ledger.ports import LedgerAddress
from application.shared.ports import CommitInDoubt, Seen, StoreUnavailable
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from domain.shared.access import Permission, Principal
from domain.shared.text import is_storable

_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# asyncpg comes without types.
DriverConnection = Any

Reads = TypeVar("Reads", covariant=True)
Changes = TypeVar("Changes", covariant=True)


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
        seen: Seen | None = None,
    ) -> AsyncIterator[Reads]:
        reach = principal.reach(permission, ledger)
        is_to_be_found = reach.is_limited and account is None and concerning is not None
        if not is_to_be_found:
            reach.require(() if account is None else (account,))
        async with AsyncExitStack() as stack:
            if ledger is None or seen is None or not is_storable(ledger):
                connection = await stack.enter_async_context(tenant_view(self._engine, principal.organisation_id))
            else:
                address = LedgerAddress(principal.organisation_id, ledger)
                connection = await seen_view(stack, self._engine, self._replicas, address, seen)
            reads = self._reads(connection, principal.organisation_id)
            if is_to_be_found and concerning is not None:
                reach.require((), found=await concerning(reads))
            yield reads

    @asynccontextmanager
    async def begin(
        self, principal: Principal, permission: Permission, *, ledger: str | None = None, takes_away: bool = False
    ) -> AsyncIterator[Changes]:
        principal.require(permission, ledger=ledger)
        if not takes_away:
            principal.require_writable(permission)
        async with tenant_transaction(self._engine, principal.organisation_id) as connection:
            yield self._changes(connection, principal.organisation_id)


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
