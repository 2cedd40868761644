"""What rows of settings mean to the domain, for those who write to a ledger and for those who read it."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from domain.ledger.account import NEITHER, Account, AccountStatus, AccountType
from domain.ledger.asset import Asset
from domain.ledger.chart import Chart, Rule
from domain.ledger.limit import Limit
from domain.ledger.settings import LedgerSettings
from domain.ledger.transaction import Direction
from domain.shared.patterns import Pattern


def account_of(row: Any) -> Account:
    """Return the account of a row, whatever else the row has."""
    frozen = [
        direction
        for direction, is_frozen in ((Direction.DEBIT, row["frozen_debits"]), (Direction.CREDIT, row["frozen_credits"]))
        if is_frozen
    ]
    return Account(
        number=row["number"],
        path=row["path"],
        type=AccountType(row["type"]),
        status=AccountStatus(row["status"]),
        metadata=row["metadata"],
        version=row["version"],
        limits={code: _limit_of(code, stored) for code, stored in sorted(row["limits"].items())},
        frozen=frozenset(frozen) if frozen else NEITHER,
    )


def settings_of(row: Any) -> LedgerSettings:
    """Return the settings of a row, whatever else the row has."""
    return LedgerSettings(
        name=row["name"],
        time_zone=row["time_zone"],
        metadata=row["metadata"],
        version=row["version"],
        is_frozen=row["is_frozen"],
        is_archived=row["is_archived"],
        closed_until=row["closed_until"],
        closed_until_day=row["closed_until_day"],
    )


def limits_document(limits: Iterable[Limit]) -> dict[str, list[int | str | None]]:
    """Return limits as they are stored: by asset its scale, and the bounds in minor units as text."""
    return {
        limit.asset.code: [
            limit.asset.scale,
            *[None if bound is None else str(bound) for bound in (limit.minimum, limit.maximum)],
        ]
        for limit in limits
    }


def _limit_of(code: str, stored: list[Any]) -> Limit:
    scale, *bounds = stored
    return Limit(Asset(code, scale), *[None if bound is None else int(bound) for bound in bounds])


def chart_document(rules: Iterable[Rule]) -> str:
    """Return the rules of a chart as they are stored."""
    return json.dumps(
        [[rule.pattern.text, rule.type.value, limits_document(rule.limits)] for rule in rules],
        ensure_ascii=False,
        separators=(",", ":"),
    )


@lru_cache(maxsize=256)
def chart_of(document: str, version: int) -> Chart:
    """Return the chart of a document that `chart_document` made."""
    return Chart(tuple(_rule_of(*stored) for stored in json.loads(document)), version)


def _rule_of(pattern: str, of_type: str, limits: Mapping[str, list[Any]] | None = None) -> Rule:
    # What was stored before there were limits has none.
    of_rule = tuple(_limit_of(code, stored) for code, stored in sorted((limits or {}).items()))
    return Rule(Pattern(pattern), AccountType(of_type), of_rule)
