"""Jobs, and who runs them."""

from dependency_injector import providers

from adapters.arq.queue import ArqQueue
from adapters.postgres.jobs.jobs import PostgresJobs
from adapters.postgres.jobs.leases import PostgresJobLeases
from adapters.postgres.jobs.parts import PostgresJobParts
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.work import PostgresWork
from application.identity.authority import CurrentAuthority
from application.interchange.import_job import ImportJob
from application.interchange.report_job import ReportJob
from application.jobs.keeping import JobKeeping
from application.jobs.runner import JobRunner
from domain.jobs.job import JobKind
from entrypoints.container.access import AccessParts
from entrypoints.schemas.json_text import parse_line
from entrypoints.schemas.kept_problems import kept_problem
from entrypoints.schemas.late_forms import report_as_json, transaction_draft


class JobParts(AccessParts):
    """Jobs, and who runs them."""

    kept_jobs = providers.Singleton(
        PostgresJobs, AccessParts.service_engine, bytes_max=AccessParts.settings.provided.job_bytes_max
    )
    kept_parts = providers.Singleton(PostgresJobParts, AccessParts.service_engine)
    leases = providers.Singleton(PostgresJobLeases, AccessParts.service_engine)
    job_queue = providers.Singleton(ArqQueue, AccessParts.redis_url, telemetry=AccessParts.telemetry)
    jobs = providers.Singleton(
        JobKeeping, kept_jobs, kept_jobs, kept_parts, job_queue, AccessParts.clock, AccessParts.ids
    )
    import_job = providers.Singleton(
        ImportJob,
        AccessParts.books,
        AccessParts.journal,
        AccessParts.ids,
        providers.Object(parse_line),
        providers.Object(transaction_draft),
        providers.Object(kept_problem),
    )
    report_job = providers.Singleton(
        ReportJob,
        providers.Singleton(
            PostgresWork, AccessParts.patient_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges
        ),
        providers.Object(report_as_json),
    )
    job_runner = providers.Singleton(
        JobRunner,
        kept_jobs,
        kept_parts,
        leases,
        providers.Singleton(
            CurrentAuthority,
            AccessParts.identity_work,
            AccessParts.standings,
            AccessParts.allowances,
            AccessParts.clock,
        ),
        providers.Dict({JobKind.IMPORT: import_job, JobKind.REPORT: report_job}),
        providers.Object(kept_problem),
        AccessParts.clock,
        AccessParts.ids,
        telemetry=AccessParts.telemetry,
    )
