"""Jobs, and who runs them."""

from typing import Any

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
from application.interchange.report_job import Report, ReportJob
from application.jobs.keeping import JobKeeping
from application.jobs.runner import JobRunner
from application.ledger.report_reader import TrialBalance
from application.ledger.reports import BalanceSheet, IncomeStatement
from domain.jobs.job import JobKind
from domain.ledger.transaction import TransactionDraft
from entrypoints.container.access import AccessParts
from entrypoints.schemas.json_text import parse_line
from entrypoints.schemas.kept_problems import kept_problem
from entrypoints.schemas.turns import json_bytes


def transaction_draft(document: Any, id: str) -> TransactionDraft:
    """Return what a line of an import says. What forms take is imported late, as most commands read none."""
    from entrypoints.schemas import transactions

    return transactions.transaction_draft(document, id)


async def report_as_json(slug: str, report: Report) -> bytes:
    """Return a report as its route gives it."""
    from entrypoints.schemas.report_documents import (
        balance_sheet_document,
        income_statement_document,
        trial_balance_document,
    )

    match report:
        case TrialBalance():
            return await json_bytes(trial_balance_document(slug, report))
        case BalanceSheet():
            return await json_bytes(balance_sheet_document(slug, report))
        case IncomeStatement():
            return await json_bytes(income_statement_document(slug, report))


class JobParts(AccessParts):
    """Jobs, and who runs them."""

    kept_jobs = providers.Singleton(
        PostgresJobs, AccessParts.service_engine, bytes_max=AccessParts.settings.provided.job_bytes_max
    )
    kept_parts = providers.Singleton(PostgresJobParts, AccessParts.service_engine)
    leases = providers.Singleton(PostgresJobLeases, AccessParts.service_engine)
    job_queue = providers.Singleton(ArqQueue, AccessParts.redis_url)
    jobs = providers.Singleton(
        JobKeeping, kept_jobs, kept_jobs, kept_parts, job_queue, AccessParts.clock, AccessParts.ids
    )
    import_job = providers.Singleton(
        ImportJob,
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
    )
