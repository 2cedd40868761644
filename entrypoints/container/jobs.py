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
from entrypoints.container.extensions import ExtensionParts
from entrypoints.schemas.json_text import parse_line
from entrypoints.schemas.kept_problems import kept_problem
from entrypoints.schemas.late_forms import report_as_json, transaction_draft


class JobParts(ExtensionParts):
    """Jobs, and who runs them."""

    kept_jobs = providers.Singleton(
        PostgresJobs, ExtensionParts.service_engine, bytes_max=ExtensionParts.settings.provided.job_bytes_max
    )
    kept_parts = providers.Singleton(PostgresJobParts, ExtensionParts.service_engine)
    leases = providers.Singleton(PostgresJobLeases, ExtensionParts.service_engine)
    job_queue = providers.Singleton(ArqQueue, ExtensionParts.redis_url, telemetry=ExtensionParts.telemetry)
    jobs = providers.Singleton(
        JobKeeping, kept_jobs, kept_jobs, kept_parts, job_queue, ExtensionParts.clock, ExtensionParts.ids
    )
    import_job = providers.Singleton(
        ImportJob,
        ExtensionParts.books,
        ExtensionParts.journal,
        ExtensionParts.ids,
        providers.Object(parse_line),
        providers.Object(transaction_draft),
        providers.Object(kept_problem),
        ExtensionParts.policies,
    )
    report_job = providers.Singleton(
        ReportJob,
        providers.Singleton(
            PostgresWork, ExtensionParts.patient_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges
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
            ExtensionParts.identity_work,
            ExtensionParts.standings,
            ExtensionParts.allowances,
            ExtensionParts.clock,
        ),
        providers.Dict(
            {JobKind.IMPORT: import_job, JobKind.REPORT: report_job, JobKind.EXTENSION: ExtensionParts.extension_jobs}
        ),
        providers.Object(kept_problem),
        ExtensionParts.clock,
        ExtensionParts.ids,
        telemetry=ExtensionParts.telemetry,
    )
