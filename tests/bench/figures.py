"""Figures: what was measured, what it should be, and whether it is."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from tests.bench.machine import Machine

_DECIMALS: Final = {"/s": 0, "ms": 2, "µs": 2, "MB": 1, "ratio": 3}


class Target(Enum):
    """On which side of a figure's limit it should be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, as it was measured, and the limit that the project has set itself, if there is one.

    `facts` say how the value came about.
    """

    section: str
    name: str
    accounts: int | None
    value: float
    unit: str
    target: Target | None = None
    limit: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_reached(self) -> bool | None:
        """Whether the value is where it should be, to the last digit; None where there is no target."""
        if self.target is None or self.limit is None:
            return None
        return self.value >= self.limit if self.target is Target.AT_LEAST else self.value <= self.limit

    @property
    def shown(self) -> str:
        """The value, rounded to the worse side."""
        is_more_worse = self.target is Target.AT_MOST or (self.target is None and self.unit in ("ms", "µs", "MB"))
        rounding = ROUND_CEILING if is_more_worse else ROUND_FLOOR
        decimals = next(places for unit, places in _DECIMALS.items() if self.unit.endswith(unit))
        rounded = Decimal(self.value).quantize(Decimal(1).scaleb(-decimals), rounding)
        return f"{rounded:,}" if self.unit == "ratio" else f"{rounded:,} {self.unit}"

    @property
    def target_shown(self) -> str:
        """What the value should be."""
        return "" if self.target is None else f"{self.target.value} {self.limit:,}"


class Report:
    """All figures of a run."""

    def __init__(self, machine: Machine, conditions: Mapping[str, Any]) -> None:
        self.machine = machine
        self.conditions = conditions
        self.figures: list[Figure] = []

    def find(self, section: str, name: str, accounts: int) -> Figure | None:
        """Return a figure that was measured before, if it was."""
        wanted = (section, name, accounts)
        return next((each for each in self.figures if (each.section, each.name, each.accounts) == wanted), None)

    @property
    def missed(self) -> list[Figure]:
        """The figures that are not where they should be."""
        return [figure for figure in self.figures if figure.is_reached is False]

    def table(self) -> Table:
        """Return the figures as a table."""
        table = Table(title=f"Partita on {self.machine.summary}", title_justify="left")
        for column in ("", "accounts", "measured", "target", "reached"):
            table.add_column(column, justify="right" if column in ("accounts", "measured", "target") else "left")
        section = ""
        for figure in self.figures:
            if figure.section != section:
                section = figure.section
                table.add_section()
                table.add_row(f"[bold]{section}")
            table.add_row(
                f"  {figure.name}",
                "" if figure.accounts is None else f"{figure.accounts:,}",
                figure.shown,
                figure.target_shown,
                {True: "[green]yes", False: "[bold red]no", None: ""}[figure.is_reached],
            )
        return table

    def save(self, file: Path) -> None:
        """Write all figures, unrounded, and how they were measured."""
        document = {
            "machine": dataclasses.asdict(self.machine),
            "conditions": self.conditions,
            "figures": [_document(figure) for figure in self.figures],
        }
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.new")
        draft.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(file)


def _document(figure: Figure) -> dict[str, Any]:
    return {
        "section": figure.section,
        "name": figure.name,
        "accounts": figure.accounts,
        "value": figure.value,
        "unit": figure.unit,
        "target": None if figure.target is None else {"is": figure.target.value, "limit": figure.limit},
        "reached": figure.is_reached,
        "facts": figure.facts,
    }
