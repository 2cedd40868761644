"""Account statements."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from application.interchange.report_rows import statement_rows
from application.interchange.report_tables import statement_facts, statement_tables
from application.ledger.readers import LedgerReads
from application.ledger.statement import account_statement
from domain.shared.access import Permission
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.openapi import MAY_BE_KNOWN, described_problems
from entrypoints.http.time_travel import IntervalDependency, KnowledgeDependency, zone_for, zone_of
from entrypoints.http.v1.as_of_head import Asked, kept_report
from entrypoints.http.v1.formats import DESCRIBED_FORMATS, Shown, accepted_format
from entrypoints.http.v1.printed_page import Page
from entrypoints.schemas.report_documents import StatementDocument, statement_document

router = APIRouter(route_class=StrictRoute, tags=["accounts"])


@router.get(
    "/ledgers/{ledger}/accounts/{path}/statement",
    summary="Get an account's statement",
    response_model=StatementDocument,
    responses={**described_problems(401, 403, 404, 406, 422), **MAY_BE_KNOWN, **DESCRIBED_FORMATS},
)
async def get_statement(
    ledger: str,
    path: str,
    who: CallerDependency,
    request: Request,
    asked: IntervalDependency,
    knowledge: KnowledgeDependency,
    asset: Annotated[str | None, Query(description="Only this asset.")] = None,
) -> Response:
    """Return, for each asset, the opening balance of a span, its entries with running balance, and the closing balance.

    Entries come by effective time. There may be 50,000 of them: more are refused as `statement-too-long`. It can be had
    as JSON, as CSV, and as a page to print.
    """
    chosen = accepted_format(request)
    async with who.read(Permission.ACCOUNTS_READ, ledger, account=path) as reads:
        interval = asked.interval(await zone_for(reads, ledger, asked.start, asked.end))
        view = await knowledge.as_of(reads, ledger)
        head = await reads.ledgers.head(ledger, up_to=view.sequence)

    async def make(reads: LedgerReads) -> Shown:
        statement = await account_statement(reads, ledger, path, interval=interval, asset=asset, sequence=head.sequence)
        zone = await zone_of(reads, ledger)
        return Shown(
            statement_document(ledger, statement),
            statement_rows(statement),
            Page(
                f"Statement of {statement.account.path}",
                statement_facts(ledger, statement, zone),
                statement_tables(statement, zone),
            ),
        )

    what = ("statement", interval, asset)
    return await kept_report(request, who, chosen, Asked(ledger, Permission.ACCOUNTS_READ, head, what, path), make)
