"""Which failures of PostgreSQL mean that it is away, and which that it refused what it was asked."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_AWAY = (
    OSError,  # TimeoutError and ConnectionError included
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,  # a full disk and too many connections among them
    asyncpg.ReadOnlySQLTransactionError,  # a primary that became a standby
    asyncpg.InternalClientError,
    PoolTimeout,
)


def is_away(error: BaseException) -> bool:
    """Return whether the error says that the database cannot be used now, whatever is asked of it."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or (cause is not None and is_away(cause))
    if isinstance(error, asyncpg.InterfaceError):
        # Wrong use of the driver has this class too; only the loss of a connection says so.
        return "closed" in str(error) or "connection" in str(error)
    return isinstance(error, _AWAY)
