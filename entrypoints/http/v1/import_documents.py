"""Imports as they are asked for, and what a preview shows."""

from typing import Annotated, Any, Final

from fastapi import Query
from typing_extensions import TypedDict

from application.interchange.found import FailedCheck, Remark, Unreadable
from application.interchange.importing import Prepared
from application.interchange.listed import LISTED_MAX, Listed
from application.interchange.rehearsal import Expected

FormatName = Annotated[
    str | None,
    Query(
        alias="format",
        max_length=40,
        description="What the file is, where its `Content-Type` does not say it: `hledger`, `ledger`, `beancount`, …; "
        "see the guide to imports for all of them.",
    ),
]
OptionsText = Annotated[
    str | None,
    Query(
        alias="options",
        max_length=16_384,
        description='What is to be known of the file, as a JSON object: `{"types": {"Vermögen": "asset"}}`.',
    ),
]

PREVIEW_EXAMPLE: Final[dict[str, Any]] = {
    "clear": True,
    "transactions": {"found": 2, "posted": 1, "already_there": 1},
    "already_there": {"total": 1, "first": [{"place": "line 1", "transaction": "txn_01kc1v7b2efswr8a1jtpb3e5hc"}]},
    "accounts": {"total": 1, "first": [{"path": "expenses:food", "type": "expense"}]},
    "assets": {"total": 1, "first": [{"code": "EUR", "scale": 2}]},
    "refused": {"total": 0, "first": []},
    "unreadable": {"total": 0, "first": []},
    "failed_checks": {"total": 0, "first": []},
    "remarks": {"total": 0, "first": []},
}


class CountsDocument(TypedDict):
    """How many transactions the file has; how many of them would be posted, and how many are there already."""

    found: int
    posted: int
    already_there: int


class OpenedDocument(TypedDict):
    """An account that would be opened."""

    path: str
    type: str


class RegisteredDocument(TypedDict):
    """An asset that would be registered."""

    code: str
    scale: int


class PlacedDocument(TypedDict):
    """Something in the file: its place, and what is to be said of it."""

    place: str
    detail: str


class IsThereDocument(TypedDict):
    """A transaction that is there already: where it stands in the file, and its id."""

    place: str
    transaction: str


class RefusedDocument(PlacedDocument):
    """What the ledger would refuse, and the code of the problem."""

    code: str


class IsThereList(TypedDict):
    """How many transactions are there already, and the first of them."""

    total: int
    first: list[IsThereDocument]


class OpenedList(TypedDict):
    """How many accounts, and the first of them."""

    total: int
    first: list[OpenedDocument]


class RegisteredList(TypedDict):
    """How many assets, and the first of them."""

    total: int
    first: list[RegisteredDocument]


class RefusedList(TypedDict):
    """How many refusals, and the first of them."""

    total: int
    first: list[RefusedDocument]


class PlacedList(TypedDict):
    """How many, and the first of them."""

    total: int
    first: list[PlacedDocument]


class PreviewDocument(TypedDict):
    """What an import would do now; of each list, the first 100.

    It is `clear` where all of the file is understood and bears itself out; otherwise nothing of it is posted, unless
    that is asked for with `partial=true`. `refused` is what the ledger would refuse, one by one.
    """

    clear: bool
    transactions: CountsDocument
    already_there: IsThereList
    accounts: OpenedList
    assets: RegisteredList
    refused: RefusedList
    unreadable: PlacedList
    failed_checks: PlacedList
    remarks: PlacedList


assert LISTED_MAX == 100, "the descriptions here say so"


def preview_document(prepared: Prepared, expected: Expected) -> PreviewDocument:
    """Return a preview as it is shown."""
    read = prepared.read
    return {
        "clear": read.is_clear,
        "transactions": {
            "found": read.transactions,
            "posted": expected.posted,
            "already_there": expected.already_there.total,
        },
        "already_there": {
            "total": expected.already_there.total,
            "first": [{"place": each.place, "transaction": each.transaction} for each in expected.already_there.first],
        },
        "accounts": {
            "total": expected.opened.total,
            "first": [{"path": each.account, "type": each.account_type.value} for each in expected.opened.first],
        },
        "assets": {
            "total": expected.registered.total,
            "first": [{"code": each.code, "scale": each.scale} for each in expected.registered.first],
        },
        "refused": {
            "total": expected.refused.total,
            "first": [
                {"place": each.place, "detail": each.detail, "code": each.code} for each in expected.refused.first
            ],
        },
        "unreadable": _placed(read.unreadable),
        "failed_checks": _placed(read.failed_checks),
        "remarks": _placed(read.remarks),
    }


def _placed(listed: Listed[Unreadable] | Listed[FailedCheck] | Listed[Remark]) -> PlacedList:
    first: list[PlacedDocument] = [{"place": each.place, "detail": each.detail} for each in listed.first]
    return {"total": listed.total, "first": first}
