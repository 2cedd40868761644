"""Which failures of PostgreSQL mean that it is away, and which that it refused what it was asked."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from application.shared.ports import CommitInDoubt, StoreUnavailable

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


def is_deadlock(error: BaseException) -> bool:
    """Return whether the error says that nothing was done, as two transactions waited for each other."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is not None and is_deadlock(cause)
    return isinstance(error, asyncpg.DeadlockDetectedError)


# What PostgreSQL says to those who may not, or who ask for what is not there.
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


def database_trouble(error: BaseException) -> str | None:
    """Return what to say to whoever runs the server, or None for what is no trouble with the database itself."""
    if isinstance(error, DBAPIError) and error.orig is not None and error.orig.__cause__ is not None:
        return database_trouble(error.orig.__cause__)
    if isinstance(error, StoreUnavailable | CommitInDoubt) or is_away(error):
        return f"The database cannot be reached: {str(error) or type(error).__name__}."
    if isinstance(error, _REFUSED):
        return f"The database refuses: {error}."
    return None


def said(error: BaseException) -> str:
    """Return what the error says, in a line and without the statement that it was raised for."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split()) or type(cause).__name__
