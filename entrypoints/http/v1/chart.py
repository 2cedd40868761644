"""The chart of a ledger: its rules by path pattern."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.set_chart import RuleDraft, SetChart
from domain.ledger.account import AccountType
from domain.ledger.chart import RULES_MAX, Chart
from domain.shared.access import Permission
from domain.shared.errors import Blame, ValidationFailed
from domain.shared.patterns import Pattern
from entrypoints.http.dependencies import Caller, CallerDependency, DryRun, IfMatch, StrictRoute, etag
from entrypoints.http.openapi import MAY_BE_KNOWN, described_problems
from entrypoints.http.v1.limits import LimitDocument, limit_documents
from entrypoints.schemas.forms import Form
from entrypoints.schemas.limits import Limits, limit_drafts

router = APIRouter(route_class=StrictRoute, tags=["chart"])

AccountTypeName = Literal["asset", "expense", "liability", "equity", "income"]


class RuleIn(Form):
    """Accounts whose path fits the pattern are opened with this type, and have these limits where they set none."""

    pattern: Annotated[str, Described(description="`*` is one segment, `**` any number.", examples=["users:*:wallet"])]
    type: AccountTypeName
    limits: Limits = Described(default_factory=list)


class ChartIn(Form):
    """A whole chart: the first rule that matches wins, and the default chart comes last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rules": [
                        {
                            "pattern": "users:*:wallet",
                            "type": "liability",
                            "limits": [{"asset": "EUR", "minimum": "0"}],
                        }
                    ]
                }
            ]
        }
    )

    rules: Annotated[list[RuleIn], Described(max_length=RULES_MAX)]


class RuleDocument(TypedDict):
    """A rule of a chart."""

    pattern: str
    type: str
    limits: list[LimitDocument]


class ChartDocument(TypedDict):
    """The rules of a ledger, without the default chart that comes after them."""

    rules: list[RuleDocument]
    version: int


def chart_document(chart: Chart) -> ChartDocument:
    """Return a chart as it is shown."""
    rules: list[RuleDocument] = [
        {"pattern": rule.pattern.text, "type": rule.type.value, "limits": limit_documents(rule.limits)}
        for rule in chart.rules
    ]
    return {"rules": rules, "version": chart.version}


@router.get(
    "/ledgers/{ledger}/chart", summary="Get the chart", responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN}
)
async def get_chart(ledger: str, who: CallerDependency, response: Response) -> ChartDocument:
    """Return the ledger's rules."""
    return await _stored(ledger, who, response, Permission.LEDGERS_READ)


async def _stored(ledger: str, who: Caller, response: Response, permission: Permission) -> ChartDocument:
    async with who.read(permission, ledger) as reads:
        chart = await reads.ledgers.chart(ledger)
    response.headers["ETag"] = etag(chart.version)
    return chart_document(chart)


@router.put(
    "/ledgers/{ledger}/chart",
    summary="Set the chart",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def put_chart(
    ledger: str,
    chart: ChartIn,
    version: IfMatch,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> ChartDocument:
    """Replace the ledger's rules. Accounts that are open keep their types."""
    rules = tuple(
        RuleDraft(
            _pattern(rule.pattern, pointer=f"/rules/{index}/pattern"),
            AccountType(rule.type),
            limit_drafts(rule.limits),
        )
        for index, rule in enumerate(chart.rules)
    )
    outcome = await who.do(ledger, SetChart(rules, version), response, dry_run=dry_run)
    if outcome.book is not None:
        return chart_document(outcome.book.chart)
    # Who may set the chart may see what came of it.
    return await _stored(ledger, who, response, SetChart.permission)


def _pattern(text: str, *, pointer: str) -> Pattern:
    try:
        return Pattern(text)
    except ValidationFailed as refusal:
        refusal.blames = (Blame(pointer, refusal.detail),)
        raise
