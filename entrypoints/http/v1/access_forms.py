"""How requests say what someone may do, and where: assignments of roles, patterns of ledgers and accounts."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from pydantic import ConfigDict
from pydantic import Field as Described
from typing_extensions import TypedDict

from domain.identity.member import ASSIGNMENTS_MAX
from domain.identity.role import PATTERNS_MAX, Assignment
from domain.shared.access import LedgerPattern
from domain.shared.patterns import Pattern
from entrypoints.schemas.forms import Form, read_each

Made = TypeVar("Made")

LedgerPatterns = Annotated[
    list[str] | None,
    Described(
        description="Which ledgers, by slug, or by how slugs begin; all, if left out.",
        max_length=PATTERNS_MAX,
        examples=[["main", "eu-*"]],
    ),
]
AccountPatterns = Annotated[
    list[str] | None,
    Described(
        description="Which accounts, by pattern; all, if left out.", max_length=PATTERNS_MAX, examples=[["users:*:**"]]
    ),
]


class AssignmentIn(Form):
    """A role, and where someone has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "accountant", "ledgers": ["eu-*"]}]})

    role: Annotated[str, Described(description="A built-in role, or one of the organisation's own, by name.")]
    ledgers: LedgerPatterns = None
    accounts: AccountPatterns = None


Assignments = Annotated[
    list[AssignmentIn],
    Described(description="The roles, and where: they add up.", min_length=1, max_length=ASSIGNMENTS_MAX),
]


class AssignmentDocument(TypedDict):
    """A role, and the ledgers and accounts that it is limited to; null is without a limit."""

    role: str
    ledgers: list[str] | None
    accounts: list[str] | None


def assignment_documents(assignments: Sequence[Assignment]) -> list[AssignmentDocument]:
    """Return assignments as they are shown."""
    return [
        {
            "role": each.role,
            "ledgers": None if each.ledgers is None else [pattern.text for pattern in each.ledgers],
            "accounts": None if each.accounts is None else [pattern.text for pattern in each.accounts],
        }
        for each in assignments
    ]


def assignments_of(assignments: Sequence[AssignmentIn]) -> tuple[Assignment, ...]:
    """Return the assignments that a request gives. Raises `ValidationFailed` for patterns that are none."""
    return read_each(
        assignments,
        lambda each: Assignment(each.role, ledgers_of(each.ledgers), accounts_of(each.accounts)),
        of="assignments",
    )


def ledgers_of(texts: Sequence[str] | None) -> tuple[LedgerPattern, ...] | None:
    """Return the patterns of ledgers that a request gives, if any. Raises `ValidationFailed`."""
    return _patterns(texts, LedgerPattern, "ledgers")


def accounts_of(texts: Sequence[str] | None) -> tuple[Pattern, ...] | None:
    """Return the patterns of accounts that a request gives, if any. Raises `ValidationFailed`."""
    return _patterns(texts, Pattern, "accounts")


def _patterns(texts: Sequence[str] | None, form: Callable[[str], Made], of: str) -> tuple[Made, ...] | None:
    return None if texts is None else read_each(texts, form, of=of)
