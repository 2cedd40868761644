"""What those who run the server are shown of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dependency_injector import providers
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from adapters.postgres.backlog import PostgresBacklog
from adapters.postgres.replicas import Replicas
from application.ledger.journal import Journal
from application.ledger.relay import Relay
from application.shared.ports import Health
from application.shared.remembered_health import RememberedHealth
from application.shared.telemetry import Gauges, Metrics
from entrypoints.container.background import BackgroundParts
from entrypoints.ready_made import Lifecycle

if TYPE_CHECKING:
    from adapters.telemetry.figures import Figures


class ProcessGauges:
    """What is so in this process: what waits, who follows, and which connections are used."""

    def __init__(
        self,
        journal: Journal,
        relay: Relay,
        replicas: Replicas,
        pools: Mapping[str, AsyncEngine],
        parts: Mapping[str, Health],
    ) -> None:
        self._journal = journal
        self._relay = relay
        self._replicas = replicas
        self._pools = {**pools, **{f"replica {each.name}": each.engine for each in replicas.all}}
        self._parts = parts

    async def read(self) -> Mapping[tuple[str, str], float]:
        """Return all of it."""
        waiting, ledgers = self._journal.waiting
        subscribers, lag_seconds = self._relay.followed
        found: dict[tuple[str, str], float] = {
            ("journal_waiting", ""): waiting,
            ("journal_ledgers", ""): ledgers,
            ("stream_subscribers", ""): subscribers,
            ("relay_lag_seconds", ""): lag_seconds,
            ("wake_ups_heard", ""): float(self._relay.are_wake_ups_heard),
        }
        for name, engine in self._pools.items():
            pool = engine.sync_engine.pool
            assert isinstance(pool, QueuePool), "engines have pools of a size"
            found["pool_connections", name] = pool.size()
            found["pool_connections_used", name] = pool.checkedout()
        for name, (lag, is_fit) in self._replicas.lags().items():
            found["replica_fit", name] = float(is_fit)
            if lag is not None:
                found["replica_lag_seconds", name] = lag
        for name, part in self._parts.items():
            found["up", name] = float(await part.trouble() is None)
        return found


def metrics(figures: "Figures | None", *gauges: Gauges) -> Metrics | None:
    """Return all figures, if they are on."""
    if figures is not None:
        figures.show(gauges)
    return figures


class WatchedParts(BackgroundParts):
    """What those who run the server are shown of it."""

    lifecycle = providers.Singleton(Lifecycle)
    watched_database = providers.Singleton(RememberedHealth, BackgroundParts.database_health)
    watched_redis = providers.Singleton(RememberedHealth, BackgroundParts.redis_health)
    metrics = providers.Singleton(
        metrics,
        BackgroundParts.figures,
        providers.Singleton(
            ProcessGauges,
            BackgroundParts.journal,
            BackgroundParts.relay,
            BackgroundParts.replicas,
            providers.Dict(journal=BackgroundParts.journal_engine, service=BackgroundParts.service_engine),
            providers.Dict(database=watched_database, redis=watched_redis),
        ),
        providers.Singleton(PostgresBacklog, BackgroundParts.service_engine),
    )
