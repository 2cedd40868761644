"""Replicas, and who tells them what was written."""

from collections.abc import Callable, Sequence

from dependency_injector import providers
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import BadDatabaseUrl, host_of, service_engine
from adapters.postgres.replicas import ANSWER_SECONDS, Replica, Replicas
from adapters.redis.wake_ups import RedisWakeUps
from application.ledger.ports import Applied, LedgerAddress
from application.shared.telemetry import Telemetry
from entrypoints.container.foundations import Foundations
from entrypoints.settings import Settings

_VARIABLE = "DATABASE_REPLICA_URLS"
# Whoever finds all connections to a replica taken goes to the database itself, and waits there.
_WAIT_SECONDS = 0.25
# So does whoever is not answered by it in this time: it may be paused, and will not be waited for as the database is.
STATEMENT_SECONDS = 10.0

Committed = Callable[[LedgerAddress, Sequence[Applied]], None]


def replicas(database_url: str, settings: Settings, wake_ups: RedisWakeUps, telemetry: Telemetry) -> Replicas:
    """Return the replicas of the settings, which hear of what other servers write. Raises `BadDatabaseUrl`."""
    is_pooled = settings.transaction_pooler

    def watch(url: str, variable: str) -> AsyncEngine:
        return service_engine(
            url, pool_size=1, statement_seconds=ANSWER_SECONDS, is_pooled=is_pooled, variable=variable
        )

    def replica(url: str) -> Replica:
        engine = service_engine(
            url,
            pool_size=settings.pool_size,
            statement_seconds=STATEMENT_SECONDS,
            wait_seconds=_WAIT_SECONDS,
            telemetry=telemetry,
            is_pooled=is_pooled,
            variable=_VARIABLE,
        )
        return Replica(host_of(url), engine, watch(url, _VARIABLE), must_be_bound=settings.is_production)

    made = [replica(url) for url in settings.replica_urls]
    names = [each.name for each in made]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadDatabaseUrl(f"{_VARIABLE} names {twice[0]} twice; each replica is named once")
    database = watch(database_url, "DATABASE_URL") if made else None
    found = Replicas(made, database, staleness_seconds=settings.replica_staleness_seconds)
    wake_ups.listen(found.heard)
    return found


def telling(*committed: Committed) -> Committed:
    """Return what tells all of these of the events of a group."""

    def tell(ledger: LedgerAddress, applied: Sequence[Applied]) -> None:
        for each in committed:
            each(ledger, applied)

    return tell


class ReplicaParts(Foundations):
    """What can be read instead of the database itself."""

    wake_ups = providers.Singleton(RedisWakeUps, Foundations.channels)
    replicas = providers.Singleton(
        replicas, Foundations.database_url, Foundations.settings, wake_ups, Foundations.telemetry
    )
    replica_watches = providers.Callable(lambda replicas: [each.watch for each in replicas.all], replicas)
