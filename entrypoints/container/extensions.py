"""Extensions: what they add, and what that is given."""

from collections.abc import Mapping
from functools import partial

from dependency_injector import providers
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.extensions.cursors import PostgresHandlerCursors, PostgresOrganisationNumbers
from adapters.postgres.work import PostgresWork
from application.extensions.handling import BoundHandler, EventHandling
from application.extensions.scheduling import BoundJob, ExtensionJobs
from application.ledger.journal import Journal
from application.ledger.readers import LedgerReads
from application.shared.ports import Clock, Ids, Work
from entrypoints.container.access import AccessParts
from entrypoints.extending import ExtensionServices
from entrypoints.extending.loading import Extensions


def services_of(
    extensions: Extensions,
    journal: Journal,
    ledgers: Work[LedgerReads, object],
    engine: AsyncEngine,
    clock: Clock,
    ids: Ids,
) -> dict[str, ExtensionServices]:
    """Return what each extension works with."""
    return {
        name: ExtensionServices(
            name,
            loaded.settings,
            journal,
            ledgers,
            None if (reader := loaded.extension.reader) is None else PostgresWork(engine, reads=reader, changes=_none),
            clock,
            ids,
        )
        for name, loaded in extensions.loaded.items()
    }


def _none(_connection: AsyncConnection, _organisation_id: int) -> None:
    """Change nothing: ledgers change through the journal."""


def bound_handlers(extensions: Extensions, services: Mapping[str, ExtensionServices]) -> list[BoundHandler]:
    """Return all handlers of events, each with what it works with."""
    return [
        BoundHandler(f"{name}:{each.name}", loaded.watch, partial(each.handle, services[name]), each.types)
        for name, loaded in extensions.loaded.items()
        for each in loaded.extension.handlers
    ]


def bound_jobs(extensions: Extensions, services: Mapping[str, ExtensionServices]) -> list[BoundJob]:
    """Return all jobs, each with what it works with."""
    return [
        BoundJob(
            name,
            each.name,
            loaded.watch,
            each.permissions,
            each.period,
            each.time_max,
            partial(each.do, services[name]),
        )
        for name, loaded in extensions.loaded.items()
        for each in loaded.extension.jobs
    ]


class ExtensionParts(AccessParts):
    """What extensions add, with what that is given."""

    extension_services = providers.Singleton(
        services_of,
        AccessParts.extensions,
        AccessParts.journal,
        AccessParts.ledger_work,
        AccessParts.service_engine,
        AccessParts.clock,
        AccessParts.ids,
    )
    organisation_numbers = providers.Singleton(PostgresOrganisationNumbers, AccessParts.service_engine)
    event_handling = providers.Singleton(
        EventHandling,
        providers.Callable(bound_handlers, AccessParts.extensions, extension_services),
        organisation_numbers,
        providers.Singleton(PostgresHandlerCursors, AccessParts.service_engine),
        AccessParts.ids,
        AccessParts.wake_ups,
    )
    bound_jobs = providers.Singleton(bound_jobs, AccessParts.extensions, extension_services)
    extension_jobs = providers.Singleton(ExtensionJobs, bound_jobs)
