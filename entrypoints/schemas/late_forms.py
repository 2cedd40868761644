"""What needs forms, without them: they take long to be imported, and most commands read none."""

from typing import Any

from application.interchange.report_job import Report
from application.ledger.report_reader import TrialBalance
from application.ledger.reports import BalanceSheet, IncomeStatement
from domain.ledger.transaction import TransactionDraft
from entrypoints.schemas.turns import json_bytes


def transaction_draft(document: Any, id: str) -> TransactionDraft:
    """Return what a line of an import says."""
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
