"""What keeps ledgers."""

from importlib.metadata import version

from dependency_injector import providers

from adapters.postgres.health import PostgresHealth
from adapters.postgres.ledger.agenda import PostgresAgenda
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.work import PostgresWork
from adapters.redis.cache import RedisCache
from adapters.redis.health import RedisHealth
from adapters.security.sealing import ChaChaSealing
from application.ledger.expiry import Expiry
from application.ledger.journal import Journal
from application.ledger.relay import Relay
from application.shared.answers import Answers
from entrypoints.container.replicas import ReplicaParts, telling


class LedgerParts(ReplicaParts):
    """What keeps ledgers, and what tells of them."""

    database_health = providers.Singleton(PostgresHealth, ReplicaParts.service_engine)
    redis_health = providers.Singleton(RedisHealth, ReplicaParts.redis_url)
    ledger_work = providers.Singleton(
        PostgresWork,
        ReplicaParts.service_engine,
        reads=PostgresLedgerReads,
        changes=PostgresLedgerChanges,
        replicas=ReplicaParts.replicas,
    )
    relay = providers.Singleton(Relay, ledger_work, ReplicaParts.wake_ups)
    cache = providers.Singleton(RedisCache, ReplicaParts.redis_url, telemetry=ReplicaParts.telemetry)
    answers = providers.Singleton(
        Answers,
        cache,
        providers.Singleton(ChaChaSealing, ReplicaParts.signer.provided.derive.call("answers kept in Redis")),
        ReplicaParts.signer.provided.derive.call("names of answers"),
        version("partita"),
    )
    books = providers.Singleton(
        PostgresBooks,
        ReplicaParts.journal_engine,
        snapshots=ReplicaParts.service_engine,
        telemetry=ReplicaParts.telemetry,
    )
    policies = ReplicaParts.extensions.provided.policies.call(ReplicaParts.settings.provided.required_extensions)
    journal = providers.Singleton(
        Journal,
        books,
        ReplicaParts.clock,
        ReplicaParts.ids,
        committed=providers.Callable(telling, relay.provided.committed, ReplicaParts.replicas.provided.committed),
        telemetry=ReplicaParts.telemetry,
        policies=policies,
    )
    expiry = providers.Singleton(
        Expiry,
        providers.Singleton(PostgresAgenda, ReplicaParts.service_engine),
        journal,
        ReplicaParts.clock,
        ReplicaParts.ids,
    )
