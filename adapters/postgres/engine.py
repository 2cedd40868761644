"""Engines: pools of connections to PostgreSQL, as the role that row-level security binds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.postgres.watched import watched
from application.shared.telemetry import UNWATCHED, Telemetry

SERVICE_ROLE: Final = "partita_service"
_VARIABLE: Final = "DATABASE_URL"

# A holder of a ledger's head that sleeps in its transaction is ended, so that it cannot stop the ledger.
_SERVICE_SETTINGS: Final = {
    "role": SERVICE_ROLE,
    "application_name": "partita",
    "idle_in_transaction_session_timeout": "5000",
    # Who waits for a lock for longer is told so, on a connection that stays: that is no server that does not answer.
    "lock_timeout": "10000",
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
# What a client has given up, or one that is gone has left behind, the server ends by itself so much later.
_ABANDONED_SECONDS: Final = 5
# How long someone waits for a connection while others have them all.
POOL_WAIT_SECONDS: Final = 10.0
# A report that is made in the background, for which nobody holds a connection open.
PATIENT_STATEMENT_SECONDS: Final = 1_800
# How a connection is encrypted and the server's certificate checked, as URLs of PostgreSQL say it; the driver reads
# these words in nothing but a URL.
_TLS_WORDS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword")
_TLS_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OWNER_SETTINGS: Final = {"application_name": "partita maintenance", "jit": "off", "timezone": "UTC"}
_IN_TRANSACTIONS: Final = "settings_in_transactions"


class BadDatabaseUrl(ValueError):
    """The setting is not the URL of a PostgreSQL database."""


def journal_engine(
    database_url: str, *, pool_size: int, telemetry: Telemetry = UNWATCHED, is_pooled: bool = False
) -> AsyncEngine:
    """Return the pool that groups commit through.

    With `is_pooled`, a pooler stands between that gives a connection for a transaction only: each transaction says its
    settings, and no statement is prepared for the next one.
    """
    settings = _SERVICE_SETTINGS | JOURNAL_PLANS
    limits: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": POOL_WAIT_SECONDS}
    return watched(_engine(database_url, settings, JOURNAL_STATEMENT_SECONDS, is_pooled=is_pooled, **limits), telemetry)


def service_engine(
    database_url: str,
    *,
    pool_size: int,
    statement_seconds: float = SERVICE_STATEMENT_SECONDS,
    wait_seconds: float | None = None,
    telemetry: Telemetry = UNWATCHED,
    is_pooled: bool = False,
    variable: str = _VARIABLE,
) -> AsyncEngine:
    """Return the pool for reads and for changes outside of ledgers; a dead connection is noticed and replaced."""
    # What is read follows an index, too, however the tables have grown since they were last analysed: a page of a
    # million transactions took 300 ms instead of 7 right after they had been imported.
    settings = _SERVICE_SETTINGS | JOURNAL_PLANS | {"plan_cache_mode": "force_custom_plan"}
    waiting = {"max_overflow": 0, "pool_timeout": wait_seconds or POOL_WAIT_SECONDS}
    limits: dict[str, Any] = {"pool_size": pool_size, "pool_pre_ping": True, **waiting}
    engine = _engine(database_url, settings, statement_seconds, is_pooled=is_pooled, variable=variable, **limits)
    return watched(engine, telemetry)


def owner_engine(database_url: str, *, is_pooled: bool = False) -> AsyncEngine:
    """Return connections as the user of the URL, who owns the schema: for migrations and rebuilding only."""
    return _engine(database_url, _OWNER_SETTINGS, None, is_pooled=is_pooled, pool_size=2)


def settings_in_transactions(engine: AsyncEngine) -> str:
    """Return what a transaction that is begun on the driver must say first; "" where connections have said it."""
    settings: Mapping[str, str] = engine.get_execution_options().get(_IN_TRANSACTIONS, {})
    return "".join([f"; SET LOCAL {name} = '{value}'" for name, value in settings.items()])


def require_session(engine: AsyncEngine, what: str) -> None:
    """Return if its connections stay the same from one transaction to the next. Raises `BadDatabaseUrl`."""
    if _IN_TRANSACTIONS in engine.get_execution_options():
        raise BadDatabaseUrl(
            f"{what} takes a connection to PostgreSQL itself: have DATABASE_URL lead past the pooler, and leave "
            "PARTITA_TRANSACTION_POOLER out"
        )


def host_of(database_url: str) -> str:
    """Return the host and port of a URL that an engine was made of, and no secret of it."""
    url = make_url(database_url)
    hosts = url.query.get("host", ())
    named = ",".join((hosts,) if isinstance(hosts, str) else hosts)
    return named or f"{url.host or 'localhost'}:{url.port or 5432}"


def _engine(
    database_url: str,
    server_settings: dict[str, str],
    statement_seconds: float | None,
    *,
    is_pooled: bool,
    variable: str = _VARIABLE,
    **pool: Any,
) -> AsyncEngine:
    url, of_tls = _checked(database_url, variable)
    if statement_seconds is not None:
        abandoned_ms = int((statement_seconds + _ABANDONED_SECONDS) * 1000)
        server_settings = server_settings | {"statement_timeout": str(abandoned_ms)}
    connecting: dict[str, Any] = {"timeout": CONNECT_SECONDS, "command_timeout": statement_seconds}
    if of_tls:
        connecting["dsn"] = f"postgresql:///?{urlencode(of_tls)}"
    if is_pooled:
        # A statement without a name is parsed again wherever it is run.
        connecting |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        connecting["prepared_statement_name_func"] = str
    else:
        connecting["server_settings"] = server_settings
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg").difference_update_query(_TLS_WORDS),
        # What a request carried is nobody else's to read in a log.
        hide_parameters=True,
        connect_args=connecting,
        **pool,
    )
    if is_pooled:
        engine.update_execution_options(**{_IN_TRANSACTIONS: server_settings})
        _say_in_transactions(engine, server_settings)
    return engine


def _say_in_transactions(engine: AsyncEngine, settings: Mapping[str, str]) -> None:
    said = ", ".join([f"set_config('{name}', '{value}', true)" for name, value in settings.items()])

    def begun(connection: Connection) -> None:
        connection.execute(text(f"SELECT {said}"))

    event.listen(engine.sync_engine, "begin", begun)


def _checked(database_url: str, variable: str) -> tuple[URL, dict[str, str]]:
    """Return the URL, and what it says of encryption. Raises `BadDatabaseUrl`, which names the variable."""
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        looks = "it looks like postgresql://user:password@host/name"
        raise BadDatabaseUrl(f"{variable} is not a URL; {looks}") from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise BadDatabaseUrl(f"{variable} names {url.get_backend_name()!r}; Partita runs on PostgreSQL")
    of_tls = {word: str(url.query[word]) for word in _TLS_WORDS if word in url.query}
    if of_tls.get("sslmode", "prefer") not in _TLS_MODES:
        raise BadDatabaseUrl(f"{variable} has sslmode={of_tls['sslmode']}; there are {', '.join(_TLS_MODES)}")
    if "sslrootcert" in of_tls and not Path(of_tls["sslrootcert"]).is_file():
        raise BadDatabaseUrl(f"{variable} has sslrootcert={of_tls['sslrootcert']}, and there is no such file")
    if of_tls.get("sslmode", "").startswith("verify") and "sslrootcert" not in of_tls:
        raise BadDatabaseUrl(f"{variable} has sslmode={of_tls['sslmode']}; name the authorities: &sslrootcert=FILE")
    return url, of_tls
