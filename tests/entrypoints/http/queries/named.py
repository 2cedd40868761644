"""What reads more rows than a page shows, with the reason for each; and what cannot be asked here."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.entrypoints.http.queries.plans import Plan, Scan

# A page of fifty transactions with two entries each, and what may follow it.
ROWS_MAX: Final = 102
# What a page reads at most, whatever it looks for.
BOUND: Final = 10_000


class More(NamedTuple):
    """What may read more rows of some tables, and up to how many; None where all of them are what was asked for."""

    what: str
    tables: tuple[str, ...]
    rows_max: int | None
    reason: str


_LOG = ("event_log",)
_COUNTED = ("ledgers", "members", "log_sizes", "files")
MORE: Final = (
    More(r"[Rr]eports?\b|/reports/|^jobs$", ("accounts", "entries"), None, "a report has a line for each account"),
    More(r"\?ledger$", ("jobs",), BOUND, "decision 21: filters that no index knows"),
    More(r"\?account$|^relay$", _LOG, BOUND, "decision 21; whoever follows reads on from where it was"),
    More(r"/export$|/verification$", _LOG, None, "the log as a whole"),
    More(
        r"GET /v1/audit-log", ("event_log", "ledgers", "request_origins"), BOUND, "decision 40: merged without an index"
    ),
    More(r"(GET|PATCH) /v1/organisations|^storage$", _COUNTED, None, "how much of a quota is used is counted"),
    More(r"^storage$", _LOG, 50_000, "the bytes of what is new in the logs are added up"),
    More(r"/realtime/tickets$", ("tickets",), BOUND, "tickets that wait are counted: there can be 10,000"),
    More(
        r"DELETE /v1/ledgers/{ledger}(\?dry_run)?$",
        ("accounts", "entries", "hold_entries", "held_totals"),
        None,
        "a ledger is archived when each balance is nought",
    ),
    More(r"DELETE /v1/roles", ("members",), None, "whoever has the role loses it"),
    More(r"(POST|PATCH) /v1/webhooks|^webhooks$", ("ledgers",), None, "a webhook has a cursor for each ledger"),
    More(r"/resume$", ("webhook_deliveries",), BOUND, "all that waits is due at once"),
    More(r"^webhooks$", ("webhook_deliveries",), BOUND, "what waits in one ledger for one webhook: 10,000 at most"),
    More(r"^webhooks$", _LOG, 500, "what is new is looked through in windows"),
    More(r"^duties$", ("invitations", "webhook_endpoints"), None, "what is over is removed"),
    More(r"^duties$", ("webhook_deliveries",), 1_000, "what is over is removed, a thousand at a time"),
)
# Where files are kept in a folder, clients cannot take them to and from the store themselves.
NOT_ASKED: Final = {
    "GET /v1/ledgers/{ledger}/attachments/{id}/link",
    "POST /v1/ledgers/{ledger}/uploads",
}


def allowed(what: str, scan: Scan) -> int | None:
    """Return up to how many rows a step may look at; None for any number."""
    return next((each.rows_max for each in MORE if _is_of(each, what, scan)), ROWS_MAX)


def unused(done: dict[str, list[list[Plan]]]) -> Sequence[More]:
    """Return what is named without need."""
    large = [
        (what, scan)
        for what, times in done.items()
        for plans in times
        for plan in plans
        for scan in plan.scans
        if scan.rows > ROWS_MAX
    ]
    return [each for each in MORE if not any(_is_of(each, what, scan) for what, scan in large)]


def _is_of(more: More, what: str, scan: Scan) -> bool:
    return scan.table in more.tables and re.search(more.what, what) is not None
