"""Engines: pools of connections to PostgreSQL, as the role that row-level security binds."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.postgres.watched import watched
from application.shared.telemetry import UNWATCHED, Telemetry

SERVICE_ROLE: Final = "partita_service"

# A holder of a ledger's head that sleeps in its transaction is ended, so that it cannot stop the ledger.
_SERVICE_SETTINGS: Final = {
    "role": SERVICE_ROLE,
    "application_name": "partita",
    "idle_in_transaction_session_timeout": "5000",
    "jit": "off",
    "timezone": "UTC",
}
# Every statement of the journal is an insert, or a look-up by key in the order of an index. Its plan is made once,
# often while the tables are empty, when any plan looks as good; this leaves only the one that stays good as they grow.
# (Without it, a head found by bitmap and sort took 32 ms at 130,000 events instead of 0.1 ms.)
JOURNAL_PLANS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
# A server that does not answer (a paused one, a lost route) is taken for one that is away. Reports may take a while.
CONNECT_SECONDS: Final = 5
JOURNAL_STATEMENT_SECONDS: Final = 15
SERVICE_STATEMENT_SECONDS: Final = 60
# A report that is made in the background, for which nobody holds a connection open.
PATIENT_STATEMENT_SECONDS: Final = 1_800
# How a connection is encrypted and the server's certificate checked, as URLs of PostgreSQL say it; the driver reads
# these words in nothing but a URL.
_TLS_WORDS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword")
_TLS_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OWNER_SETTINGS: Final = {"application_name": "partita maintenance", "jit": "off", "timezone": "UTC"}


class BadDatabaseUrl(ValueError):
    """The setting is not the URL of a PostgreSQL database."""


def journal_engine(database_url: str, *, pool_size: int, telemetry: Telemetry = UNWATCHED) -> AsyncEngine:
    """Return the pool that groups commit through."""
    settings = _SERVICE_SETTINGS | JOURNAL_PLANS
    limits = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 10}
    return watched(_engine(database_url, settings, JOURNAL_STATEMENT_SECONDS, **limits), telemetry)


def service_engine(
    database_url: str,
    *,
    pool_size: int,
    statement_seconds: float = SERVICE_STATEMENT_SECONDS,
    telemetry: Telemetry = UNWATCHED,
) -> AsyncEngine:
    """Return the pool for reads and for changes outside of ledgers; a dead connection is noticed and replaced."""
    # What is read follows an index, too, however the tables have grown since they were last analysed: a page of a
    # million transactions took 300 ms instead of 7 right after they had been imported.
    settings = _SERVICE_SETTINGS | JOURNAL_PLANS | {"plan_cache_mode": "force_custom_plan"}
    limits = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 10, "pool_pre_ping": True}
    return watched(_engine(database_url, settings, statement_seconds, **limits), telemetry)


def owner_engine(database_url: str) -> AsyncEngine:
    """Return connections as the user of the URL, who owns the schema: for migrations and rebuilding only."""
    return _engine(database_url, _OWNER_SETTINGS, None, pool_size=2)


def _engine(
    database_url: str, server_settings: dict[str, str], statement_seconds: float | None, **pool: Any
) -> AsyncEngine:
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise BadDatabaseUrl("DATABASE_URL is not a URL; it looks like postgresql://user:password@host/name") from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise BadDatabaseUrl(f"DATABASE_URL names {url.get_backend_name()!r}; Partita runs on PostgreSQL")
    of_tls = {word: str(url.query[word]) for word in _TLS_WORDS if word in url.query}
    if of_tls.get("sslmode", "prefer") not in _TLS_MODES:
        raise BadDatabaseUrl(f"DATABASE_URL has sslmode={of_tls['sslmode']}; there are {', '.join(_TLS_MODES)}")
    if "sslrootcert" in of_tls and not Path(of_tls["sslrootcert"]).is_file():
        raise BadDatabaseUrl(f"DATABASE_URL has sslrootcert={of_tls['sslrootcert']}, and there is no such file")
    if of_tls.get("sslmode", "").startswith("verify") and "sslrootcert" not in of_tls:
        raise BadDatabaseUrl(f"DATABASE_URL has sslmode={of_tls['sslmode']}; name the authorities: &sslrootcert=FILE")
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg").difference_update_query(_TLS_WORDS),
        # What a request carried is nobody else's to read in a log.
        hide_parameters=True,
        connect_args={
            "server_settings": server_settings,
            "timeout": CONNECT_SECONDS,
            "command_timeout": statement_seconds,
            **({"dsn": f"postgresql:///?{urlencode(of_tls)}"} if of_tls else {}),
        },
        **pool,
    )
