"""The composition root: the only place that knows which adapter stands behind which port."""

from dataclasses import dataclass

from adapters.postgres.ledger.readers import PostgresLedgerReads
from dependency_injector import containers, providers

from adapters.postgres.engine import journal_engine, service_engine
from adapters.postgres.health import PostgresHealth
from adapters.postgres.identity.organisations import PostgresIdentity, PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.work import PostgresWork
from adapters.redis.health import RedisHealth
from adapters.security.secrets import SystemSecrets
from adapters.security.signer import FileSigner
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.identity.api_keys import ApiKeys
from application.identity.authenticate import Authenticate
from application.identity.ports import Organisations
from application.ledger.journal import Journal
from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.ports import Clock, Health, Ids, Signer, Work
from entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """All that an entrypoint may use, ready-made."""

    settings: Settings
    clock: Clock
    ids: Ids
    journal: Journal
    ledgers: Work[LedgerReads, LedgerChanges]
    organisations: Organisations
    api_keys: ApiKeys
    authenticate: Authenticate
    signer: Signer
    cursor_key: bytes
    database_health: Health
    redis_health: Health


class Container(containers.DeclarativeContainer):
    """Everything a server is made of, each thing once."""

    settings = providers.Dependency(instance_of=Settings)
    database_url = providers.Dependency(instance_of=str)
    redis_url = providers.Dependency(instance_of=str)

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TypeIds)
    secrets = providers.Singleton(SystemSecrets)
    signer = providers.Singleton(FileSigner, settings.provided.signing_key_path)

    journal_engine = providers.Singleton(journal_engine, database_url, pool_size=settings.provided.pool_size)
    service_engine = providers.Singleton(service_engine, database_url, pool_size=settings.provided.pool_size)
    database_health = providers.Singleton(PostgresHealth, service_engine)
    redis_health = providers.Singleton(RedisHealth, redis_url)

    books = providers.Singleton(PostgresBooks, journal_engine)
    journal = providers.Singleton(Journal, books, clock, ids)
    ledger_work = providers.Singleton(
        PostgresWork, service_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges
    )
    identity_work = providers.Singleton(PostgresWork, service_engine, reads=PostgresIdentity, changes=PostgresIdentity)
    organisations = providers.Singleton(PostgresOrganisations, service_engine)
    api_keys = providers.Singleton(ApiKeys, identity_work, clock, ids, secrets)
    authenticate = providers.Singleton(Authenticate, organisations)

    services = providers.Singleton(
        Services,
        settings=settings,
        clock=clock,
        ids=ids,
        journal=journal,
        ledgers=ledger_work,
        organisations=organisations,
        api_keys=api_keys,
        authenticate=authenticate,
        signer=signer,
        cursor_key=signer.provided.derive.call("cursors"),
        database_health=database_health,
        redis_health=redis_health,
    )
