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
from adapters.redis.wake_ups import RedisWakeUps
from adapters.security.sealing import ChaChaSealing
from application.ledger.expiry import Expiry
from application.ledger.journal import Journal
from application.ledger.relay import Relay
from application.shared.answers import Answers
from entrypoints.container.foundations import Foundations


class LedgerParts(Foundations):
    """What keeps ledgers, and what tells of them."""

    database_health = providers.Singleton(PostgresHealth, Foundations.service_engine)
    redis_health = providers.Singleton(RedisHealth, Foundations.redis_url)
    ledger_work = providers.Singleton(
        PostgresWork, Foundations.service_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges
    )
    wake_ups = providers.Singleton(RedisWakeUps, Foundations.channels)
    relay = providers.Singleton(Relay, ledger_work, wake_ups)
    cache = providers.Singleton(RedisCache, Foundations.redis_url, telemetry=Foundations.telemetry)
    answers = providers.Singleton(
        Answers,
        cache,
        providers.Singleton(ChaChaSealing, Foundations.signer.provided.derive.call("answers kept in Redis")),
        Foundations.signer.provided.derive.call("names of answers"),
        version("partita"),
    )
    books = providers.Singleton(
        PostgresBooks,
        Foundations.journal_engine,
        snapshots=Foundations.service_engine,
        telemetry=Foundations.telemetry,
    )
    journal = providers.Singleton(
        Journal,
        books,
        Foundations.clock,
        Foundations.ids,
        committed=relay.provided.committed,
        telemetry=Foundations.telemetry,
        policies=Foundations.extensions.provided.policies.call(Foundations.settings.provided.required_extensions),
    )
    expiry = providers.Singleton(
        Expiry,
        providers.Singleton(PostgresAgenda, Foundations.service_engine),
        journal,
        Foundations.clock,
        Foundations.ids,
    )
