"""Settings, connections, the clock: what all else stands on."""

from dependency_injector import containers, providers

from adapters.postgres.engine import PATIENT_STATEMENT_SECONDS, journal_engine, owner_engine, service_engine
from adapters.redis.channels import RedisChannels
from adapters.security.secrets import SystemSecrets
from adapters.security.signer import FileSigner
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from entrypoints.settings import Settings


class Foundations(containers.DeclarativeContainer):
    """What all else stands on, each thing once."""

    settings = providers.Dependency(instance_of=Settings)
    database_url = providers.Dependency(instance_of=str)
    redis_url = providers.Dependency(instance_of=str)
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TypeIds)
    secrets = providers.Singleton(SystemSecrets)
    signer = providers.Singleton(FileSigner, settings.provided.signing_key_path)
    journal_engine = providers.Singleton(journal_engine, database_url, pool_size=settings.provided.pool_size)
    service_engine = providers.Singleton(service_engine, database_url, pool_size=settings.provided.pool_size)
    patient_engine = providers.Singleton(
        service_engine, database_url, pool_size=2, statement_seconds=PATIENT_STATEMENT_SECONDS
    )
    owner_engine = providers.Singleton(owner_engine, database_url)
    channels = providers.Singleton(RedisChannels, redis_url)
