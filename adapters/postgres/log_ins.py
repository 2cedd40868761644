"""What the users of URLs could do beyond the role that servers become: so could whoever learns such a URL."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.engine import SERVICE_ROLE
from adapters.postgres.schema import SchemaNotReady

# Of a database itself, the rest of Partita waits for it longer than this; of a replica, it is done without.
_ANSWER_SECONDS: Final = 2.0
# A role counts as theirs where they can become it.
_LOG_IN: Final = text("""
SELECT session_user AS name, EXISTS (
  SELECT FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER')) AS bypasses,
EXISTS (
  SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND pg_has_role(session_user, relowner, 'MEMBER')) AS owns""")


async def power_of_log_in(connection: AsyncConnection) -> tuple[str, str] | None:
    """Return the user who has logged in, and what is wrong with it; None for one that has no power of its own."""
    row = (await connection.execute(_LOG_IN)).one()
    if row.bypasses:
        see = "whoever learns its password sees and changes all organisations' books"
        return row.name, f"may bypass row-level security: {see}"
    if row.owns:
        return row.name, "owns the tables: whoever learns its password can rewrite the log"
    return None


async def require_bound_log_ins(owner: AsyncEngine, replicas: Sequence[AsyncEngine]) -> None:
    """Return if the users of all URLs are ones that row-level security binds, and that own no table; else raise.

    Servers become another role at log-in, so this is about what someone could do who got hold of a URL. A replica that
    does not answer is left out: it is looked at before it is read from. Raises `SchemaNotReady`.
    """
    async with owner.connect() as connection:
        found = [("DATABASE_URL", await power_of_log_in(connection))]
    found += [("DATABASE_REPLICA_URLS", each) for each in await asyncio.gather(*map(_power_at, replicas))]
    for variable, power in found:
        if power is not None:
            name, wrong = power
            raise SchemaNotReady(
                f"The user {name} of {variable} {wrong}. Let servers log in as one who only may become {SERVICE_ROLE}: "
                f"CREATE ROLE partita_server LOGIN PASSWORD '…'; GRANT {SERVICE_ROLE} TO partita_server; and keep "
                f"{name} for `partita migrate`."
            )


async def _power_at(replica: AsyncEngine) -> tuple[str, str] | None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), replica.connect() as connection:
            return await power_of_log_in(connection)
    except Exception:  # whatever it is, a server can do without it, and says so once it runs
        return None
