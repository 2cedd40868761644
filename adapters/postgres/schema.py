"""The schema's version: bringing it up to date, and asking whether it is."""

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import SERVICE_ROLE, require_session

# Any number will do, as long as all who migrate a database take the same lock.
_MIGRATION_LOCK = 7_061_727
_LOCK_SECONDS: Final = 10
_TURN_SECONDS: Final = 0.1
# Revisions are numbers of four digits, so they are in the order of their texts. The oldest one whose servers can work
# with the schema as it is now is noted beside it, because those servers cannot know.
_OLDEST_SERVER = "SELECT obj_description(to_regclass('public.alembic_version'), 'pg_class')"


class SchemaNotReady(Exception):
    """The database is not one that the service can run on; the message says why and what to do."""


def _config() -> Config:
    spec = find_spec("migrations")
    assert spec is not None
    assert spec.origin is not None
    config = Config()
    config.set_main_option("script_location", str(Path(spec.origin).parent).replace("%", "%%"))
    return config


def newest_revision() -> str:
    """Return the revision that this version of Partita runs on."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


async def upgrade(owner: AsyncEngine) -> None:
    """Bring the schema up to date; whoever does so at the same time waits its turn, and finds nothing left to do.

    Raises `SchemaNotReady` where a newer version of Partita has been here, or where a lock cannot be had;
    `BadDatabaseUrl` behind a pooler.
    """
    require_session(owner, "Migrating")
    # The lock is a connection's, not a transaction's: a migration may have to commit on its way, and one that builds
    # an index beside running servers waits for all transactions that are open. For the same reason it is tried again
    # and again: a statement that waits is a transaction that is open.
    async with owner.connect() as opened:
        guard = await opened.execution_options(isolation_level="AUTOCOMMIT")
        while not await guard.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK}):  # noqa: ASYNC110 # another process has it
            await asyncio.sleep(_TURN_SECONDS)
        try:
            async with owner.connect() as connection:
                await connection.run_sync(_upgrade)
        except DBAPIError as error:
            if isinstance(getattr(error.orig, "__cause__", None), asyncpg.LockNotAvailableError):
                raise SchemaNotReady(
                    f"Something else holds a lock that the migration needs, for {_LOCK_SECONDS} seconds now (a dump, a "
                    "long report): try again later."
                ) from error
            raise
        finally:
            await guard.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _MIGRATION_LOCK})


def _upgrade(connection: Connection) -> None:
    config, newest = _config(), newest_revision()
    # Whoever waits for a lock has all others wait behind it.
    with connection.begin():
        connection.execute(text(f"SET lock_timeout = '{_LOCK_SECONDS}s'"))
    try:
        revision = _revision(connection)
        if revision is not None and revision > newest:
            raise SchemaNotReady(
                f"The database is at revision {revision}, which is newer than this version of Partita, of {newest}: "
                "run a newer version."
            )
        connection.rollback()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    finally:
        connection.rollback()
        with connection.begin():
            connection.execute(text("RESET lock_timeout"))


async def require_ready(service: AsyncEngine) -> None:
    """Return if the schema will do and row-level security binds the service; else raise `SchemaNotReady`.

    A schema will do that is up to date, or newer and says that this version can still work with it.
    """
    try:
        async with service.connect() as connection:
            bypasses = await connection.scalar(
                text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            )
            revision = await connection.run_sync(_revision)
            oldest = await connection.scalar(text(_OLDEST_SERVER))
    except DBAPIError as error:
        if not (isinstance(error, ProgrammingError) or _has_no_role(error)):
            raise
        raise SchemaNotReady("The database has not been migrated: run `partita migrate`.") from error
    if revision is None:
        raise SchemaNotReady("The database has not been migrated: run `partita migrate`.")
    newest = newest_revision()
    if revision < newest:
        raise SchemaNotReady(
            f"The database is at revision {revision}, and this version of Partita needs {newest}: "
            "run `partita migrate`."
        )
    if revision > newest and (oldest is None or oldest > newest):
        raise SchemaNotReady(
            f"The database is at revision {revision}, with which only versions of Partita from revision "
            f"{oldest or revision} on can work, and this one is of {newest}: run a newer version."
        )
    if bypasses:
        raise SchemaNotReady(f"The role {SERVICE_ROLE} may bypass row-level security: take that attribute away.")


def _has_no_role(error: DBAPIError) -> bool:
    # The role to become stands in the settings of each connection.
    return error.orig is not None and isinstance(error.orig.__cause__, asyncpg.InvalidParameterValueError)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
