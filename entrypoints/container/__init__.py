"""The composition root: the only place that knows which adapter stands behind which port.

Each module adds its part to the ones before it, which it inherits.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version

from dependency_injector import providers

from adapters.embedded import EmbeddedServersError, ServerUrls, chosen_servers
from adapters.http_client.bulk_destination import BulkDestination, UnusableServer
from adapters.postgres.engine import BadDatabaseUrl
from adapters.postgres.failures import database_trouble
from adapters.postgres.identity.directory import PostgresDirectory
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.postgres.log_ins import require_bound_log_ins
from adapters.postgres.schema import SchemaNotReady, require_ready, upgrade
from adapters.security.signer import SigningKeyUnusable, is_signed
from application.identity.admission import Admission, Attempts
from application.identity.refusal_log import RefusalLog
from application.interchange.import_transactions import Destination
from application.ledger.verification import Verifications
from application.shared.ports import SignatureCheck
from entrypoints.container.access import AccessParts
from entrypoints.container.background import BackgroundParts
from entrypoints.container.foreign_files import ForeignFileParts
from entrypoints.container.watching import WatchedParts
from entrypoints.ready_made import Maintenance as Maintenance  # given from here
from entrypoints.ready_made import Services as Services  # given from here
from entrypoints.schemas.hidden import without_secrets
from entrypoints.settings import Settings


class Container(ForeignFileParts):
    """Everything a server is made of, each thing once."""

    services = providers.Singleton(
        Services,
        settings=AccessParts.settings,
        clock=AccessParts.clock,
        ids=AccessParts.ids,
        journal=AccessParts.journal,
        runners=BackgroundParts.runners,
        jobs=BackgroundParts.jobs,
        extensions=BackgroundParts.extensions,
        extension_services=BackgroundParts.extension_services,
        ledgers=AccessParts.ledger_work,
        answers=AccessParts.answers,
        verifications=providers.Singleton(Verifications, AccessParts.ledger_work),
        organisations=AccessParts.organisations,
        api_keys=AccessParts.api_keys,
        oauth=AccessParts.oauth,
        key_uses=AccessParts.key_uses,
        member_keeping=AccessParts.member_keeping,
        inviting=AccessParts.inviting,
        role_keeping=AccessParts.role_keeping,
        organisation_keeping=AccessParts.organisation_keeping,
        authenticate=AccessParts.authenticate,
        relay=AccessParts.relay,
        tickets=AccessParts.tickets,
        refusals=providers.Singleton(RefusalLog),
        admission=providers.Singleton(Admission, AccessParts.authenticate, AccessParts.limits, AccessParts.counting),
        attempts=providers.Singleton(
            Attempts, AccessParts.limits, AccessParts.counting, AccessParts.signer.provided.derive.call("attempts")
        ),
        counting=AccessParts.counting,
        token_keys=AccessParts.token_keys,
        persons=AccessParts.persons,
        webhooks=BackgroundParts.webhooks,
        attachments=BackgroundParts.attachments,
        importing=ForeignFileParts.importing,
        signer=AccessParts.signer,
        cursor_key=AccessParts.signer.provided.derive.call("cursors"),
        database_health=WatchedParts.watched_database,
        redis_health=WatchedParts.watched_redis,
        replica_health=WatchedParts.replicas,
        telemetry=AccessParts.telemetry,
        metrics=WatchedParts.metrics,
        lifecycle=WatchedParts.lifecycle,
    )
    maintenance = providers.Singleton(
        Maintenance,
        directory=providers.Singleton(PostgresDirectory, AccessParts.owner_engine),
        rebuilding=providers.Singleton(PostgresRebuilding, AccessParts.owner_engine),
        migrate=providers.Callable(partial, upgrade, AccessParts.owner_engine),
        require_migrated=providers.Callable(partial, require_ready, AccessParts.service_engine),
        require_bound_log_ins=providers.Callable(
            partial, require_bound_log_ins, AccessParts.owner_engine, AccessParts.replica_watches
        ),
    )


@asynccontextmanager
async def opened(settings: Settings, urls: ServerUrls) -> AsyncIterator[Container]:
    """Open what a server or a command needs, when it needs it; close all of it afterwards."""
    container = Container(settings=settings, database_url=urls.database_url, redis_url=urls.redis_url)
    try:
        yield container
    finally:
        traces = container.traces()
        if traces is not None:
            # What it has not handed over yet may take a while, where the collector is away.
            await asyncio.to_thread(traces.close)
        await container.job_queue().close()
        for engine in (
            container.journal_engine(),
            container.service_engine(),
            container.patient_engine(),
            container.owner_engine(),
        ):
            await engine.dispose()
        await container.replicas().close()
        await container.redis_health().close()
        await container.wake_ups().close()
        await container.channels().close()
        await container.permits().close()
        await container.webhook_post().close()
        await container.cache().close()


@contextmanager
def servers(settings: Settings, *, shared: bool = True) -> Iterator[ServerUrls]:
    """Give the servers of the settings, or else start those in the data folder for as long as they are needed.

    With `shared`, those that another process runs in the data folder will do. Only from the main thread.
    Raises what `failure_text` knows.
    """
    database_url, redis_url = (
        None if url is None else url.get_secret_value() for url in (settings.database_url, settings.redis_url)
    )
    with chosen_servers(settings.data_dir, database_url, redis_url, shared=shared) as urls:
        yield urls


@asynccontextmanager
async def remote_ledger(url: str, slug: str, api_key: str) -> AsyncIterator[Destination]:
    """Open a ledger of a running server, for transactions to go to."""
    destination = BulkDestination(url, slug, api_key)
    try:
        yield destination
    finally:
        await destination.close()


def report_errors(settings: Settings) -> None:
    """Have errors reported to Sentry, if that is on, once the log is being written."""
    if settings.sentry_dsn is not None:
        # Imported late, as few servers have it.
        from adapters.telemetry.errors import report_errors as report

        report(settings.sentry_dsn.get_secret_value(), release=version("partita"), hide=without_secrets)


check_signature: SignatureCheck = is_signed


def failure_text(error: Exception) -> str | None:
    """Return what to say of a failure of what Partita stands on, or None for one that is a bug of ours."""
    if isinstance(error, EmbeddedServersError | BadDatabaseUrl | SchemaNotReady | SigningKeyUnusable | UnusableServer):
        return str(error)
    return database_trouble(error)
