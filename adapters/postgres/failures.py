"""Which failures of PostgreSQL mean that it is away, and which that it refused what it was asked."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from application.shared.ports import CommitInDoubt, StoreBusy, StoreUnavailable

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


# Nothing was done, whenever it is said: two transactions waited for each other, or would not have come one after the
# other; or a standby could not keep what a statement was reading.
_UNDONE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# The server is well, and others have what is asked for.
_BUSY = (PoolTimeout, asyncpg.LockNotAvailableError, asyncpg.TooManyConnectionsError)


def is_away(error: BaseException) -> bool:
    """Return whether the error says that the database cannot be used now, whatever is asked of it."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = _cause(error)
    if _has_pooler_none_free(cause):
        return True
    if isinstance(cause, asyncpg.InterfaceError):
        # Wrong use of the driver has this class too; only the loss of a connection says so.
        return "closed" in str(cause) or "connection" in str(cause)
    return isinstance(cause, _AWAY)


def is_undone(error: BaseException) -> bool:
    """Return whether the error says that nothing was done, and that the same may go well if it is tried again."""
    return isinstance(_cause(error), _UNDONE)


def is_busy(error: BaseException) -> bool:
    """Return whether the error says that something was waited for long enough: a connection, or a lock."""
    cause = _cause(error)
    return isinstance(cause, _BUSY) or _has_pooler_none_free(cause)


def _has_pooler_none_free(cause: BaseException) -> bool:
    """Return whether PgBouncer had no connection for as long as it lets anyone wait; it closes the one to itself."""
    # The driver tells it as it is, or as the loss of the connection that came of it.
    is_told_so = isinstance(cause, asyncpg.ProtocolViolationError | asyncpg.ConnectionDoesNotExistError)
    return is_told_so and "query_wait_timeout" in str(cause)


def is_read_only(error: BaseException) -> bool:
    """Return whether the error says that this server takes no changes: it was the primary before a fail-over."""
    return isinstance(_cause(error), asyncpg.ReadOnlySQLTransactionError)


def failure_of(error: BaseException) -> StoreUnavailable | None:
    """Return what is to be raised for what happened before COMMIT, or None for what is not the store's doing."""
    if is_busy(error):
        return StoreBusy(said(error))
    return StoreUnavailable(said(error)) if is_away(error) or is_undone(error) else None


def _cause(error: BaseException) -> BaseException:
    """Return what the driver raised."""
    if isinstance(error, DBAPIError) and error.orig is not None and error.orig.__cause__ is not None:
        return error.orig.__cause__
    return error


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
    if isinstance(error, asyncpg.ProtocolViolationError) and "startup parameter" in str(error):
        return f"{error}: with PgBouncer in between, set PARTITA_TRANSACTION_POOLER=true."
    if isinstance(error, StoreUnavailable | CommitInDoubt) or is_away(error):
        return f"The database cannot be reached: {str(error) or type(error).__name__}."
    if isinstance(error, _REFUSED):
        return f"The database refuses: {error}."
    return None


def said(error: BaseException) -> str:
    """Return what the error says, in a line and without the statement that it was raised for."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split()) or type(cause).__name__
