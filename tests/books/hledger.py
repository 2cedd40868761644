"""What hledger says of books: they are written as its journal, and its reports are read as figures.

`python -m tests.books.hledger` writes the company's journal and what the installed hledger says of it anew.
"""

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any, Final

COMPANY: Final = Path(__file__).with_name("company")
LINES: Final = COMPANY / "company.ndjson"
JOURNAL: Final = COMPANY / "company.journal"
SCALES: Final = {"EUR": 2, "CHF": 2, "JPY": 0, "BTC": 8, "POINTS": 0}
# What the default chart says nothing about.
CHART: Final = {"users:*:wallet": "liability", "users:*:loan": "asset"}

_TYPES: Final = {"asset": "A", "liability": "L", "equity": "E", "income": "R", "expense": "X"}
_CSV: Final = ("--layout=bare", "-O", "csv")
_NO_CLOSINGS: Final = "not:tag:closing"

Figures = dict[tuple[str, str], list[Decimal]]  # by account and asset, a figure for each column; nothing of zeros
Sections = dict[str, Figures]  # the name of a section, in small letters; of totals, the account is empty


@dataclass(frozen=True)
class Case:
    """A report as Partita is asked for it, and hledger's arguments for the same."""

    name: str
    path: str
    command: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return COMPANY / "expected" / f"{self.name}.csv"


def _case(name: str, path: str, command: str, **query: str) -> Case:
    arguments = tuple(command.split())
    of_register = arguments[0] == "register"
    query = {key.removesuffix("_"): value for key, value in query.items()}
    return Case(name, path, (*arguments, *(_CSV[1:] if of_register else _CSV)), query)


SHEET, INCOME, TRIAL = "/reports/balance-sheet", "/reports/income-statement", "/reports/trial-balance"
GIRO, WALLET = "/accounts/assets:bank:giro/statement", "/accounts/users:1:wallet/statement"
CASES: Final = [
    _case("balance-sheet", SHEET, "balancesheet"),
    _case("balance-sheet-2021", SHEET, "balancesheet -e 2022-01-01", at="2021-12-31"),
    _case("balance-sheet-with-equity", SHEET, "balancesheetequity"),
    _case("balance-sheet-with-equity-2022", SHEET, "balancesheetequity -e 2023-01-01", at="2022-12-31"),
    _case(
        "balance-sheet-with-equity-2023-06",
        SHEET,
        "balancesheetequity -e 2023-07-01 --depth 2",
        at="2023-06-30",
        depth="2",
    ),
    _case("balance-sheet-depth-1", SHEET, "balancesheetequity --depth 1", depth="1"),
    _case(
        "balance-sheet-2024-beside-2023",
        SHEET,
        "balancesheetequity -b 2023-01-01 -e 2025-01-01 --yearly",
        at="2024-12-31",
        compare_at="2023-12-31",
    ),
    _case("income-statement", INCOME, f"incomestatement {_NO_CLOSINGS}"),
    _case(
        "income-statement-2021",
        INCOME,
        f"incomestatement -b 2021-01-01 -e 2022-01-01 {_NO_CLOSINGS}",
        from_="2021-01-01",
        to="2022-01-01",
    ),
    _case(
        "income-statement-2022",
        INCOME,
        f"incomestatement -b 2022-01-01 -e 2023-01-01 {_NO_CLOSINGS}",
        from_="2022-01-01",
        to="2023-01-01",
    ),
    _case(
        "income-statement-one-day",
        INCOME,
        f"incomestatement -b 2022-12-31 -e 2023-01-01 {_NO_CLOSINGS}",
        from_="2022-12-31",
        to="2023-01-01",
    ),
    _case(
        "income-statement-quarter-depth-2",
        INCOME,
        f"incomestatement -b 2023-04-01 -e 2023-07-01 --depth 2 {_NO_CLOSINGS}",
        from_="2023-04-01",
        to="2023-07-01",
        depth="2",
    ),
    _case(
        "income-statement-2022-beside-2021",
        INCOME,
        f"incomestatement -b 2021-01-01 -e 2023-01-01 --yearly {_NO_CLOSINGS}",
        from_="2022-01-01",
        to="2023-01-01",
        compare_from="2021-01-01",
        compare_to="2022-01-01",
    ),
    _case("trial-balance", TRIAL, "balance --flat"),
    _case("trial-balance-2022-depth-1", TRIAL, "balance --flat -e 2023-01-01 --depth 1", at="2022-12-31", depth="1"),
    _case("trial-balance-2022-depth-3", TRIAL, "balance --flat -e 2023-01-01 --depth 3", at="2022-12-31", depth="3"),
    _case(
        "statement-2022",
        GIRO,
        "register -H -b 2022-01-01 -e 2023-01-01 acct:^assets:bank:giro$ cur:EUR",
        from_="2022-01-01",
        to="2023-01-01",
        asset="EUR",
    ),
    _case("statement-from-the-beginning", WALLET, "register -H acct:^users:1:wallet$ cur:EUR", asset="EUR"),
]
CASES_BY_NAME: Final = {case.name: case for case in CASES}


def company_lines() -> list[dict[str, Any]]:
    """The company's transactions, in the order in which they are posted; a closing one says `kind`."""
    return [json.loads(line) for line in LINES.read_text("utf-8").splitlines()]


def company_type(path: str) -> str:
    """The type of an account of the company's."""
    first, *_, last = path.split(":")
    of_first = {"assets": "asset", "liabilities": "liability", "equity": "equity", "expenses": "expense"}
    return "income" if first == "income" else of_first.get(first) or CHART[f"users:*:{last}"]


def journal(transactions: Iterable[Mapping[str, Any]], types: Mapping[str, str], scales: Mapping[str, int]) -> str:
    """Transactions, by effective time, as a journal that hledger reads; closing ones have the tag `closing`."""
    parts = ["decimal-mark .\n"]
    parts += [f'commodity 1000{"." + "0" * scale} "{code}"\n' for code, scale in sorted(scales.items())]
    parts += [f"account {path}  ; type: {_TYPES[of_type]}\n" for path, of_type in sorted(types.items())]
    for each in transactions:
        description = " ".join(each["description"].replace(";", ",").split())
        tag = "  ; closing:" if each.get("kind") == "closing" else ""
        code = "" if each["reference"] is None else f"({each['reference']}) "
        parts.append(f"\n{each['effective_at'][:10]} {code}{description}{tag}\n")
        for entry in each["entries"]:
            sign = "-" if entry["direction"] == "credit" else ""
            parts.append(f'    {entry["account"]}  {sign}{entry["amount"]} "{entry["asset"]}"\n')
    return "".join(parts)


def installed() -> str | None:
    """Which hledger is installed, if any."""
    return None if which("hledger") is None else _run(["--version"], Path.cwd()).strip()


def ask(text: str, command: Iterable[str]) -> str:
    """What hledger answers about a journal."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "books.journal")
        file.write_text(text, "utf-8")
        return _run(["-f", str(file), *command], Path(folder))


def _run(arguments: list[str], folder: Path) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    done = subprocess.run(["hledger", *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def sections_of(text: str) -> Sections:
    """What a compound report in CSV says (balancesheet, incomestatement)."""
    sections: Sections = {}
    section: Figures = {}
    for account, asset, *figures in list(csv.reader(io.StringIO(text)))[2:]:
        if account.startswith("Net:"):
            _put(sections.setdefault("net", {}), "", asset, figures)
        elif not asset and not any(figures):
            section = sections.setdefault(account.lower(), {})
        else:
            _put(section, "" if account.lower() in ("total", "total:") else account, asset, figures)
    return {name: found for name, found in sections.items() if found}


def balances_of(text: str) -> Figures:
    """What `balance` in CSV says, without its totals."""
    balances: Figures = {}
    for account, asset, balance in list(csv.reader(io.StringIO(text)))[1:]:
        if account.lower() not in ("total", "total:"):
            _put(balances, account, asset, [balance])
    return balances


def register_of(text: str) -> list[tuple[str, Decimal, Decimal]]:
    """What `register` in CSV says: date, amount and running total, debit-positive."""
    rows = csv.DictReader(io.StringIO(text))
    return [(row["date"], _amount(row["amount"]), _amount(row["total"])) for row in rows]


def _put(figures: Figures, account: str, asset: str, cells: Iterable[str]) -> None:
    amounts = [_amount(cell) for cell in cells]
    if any(amounts):
        figures[account, asset] = amounts


def _amount(cell: str) -> Decimal:
    return Decimal(cell.partition(" ")[0] or 0)


def main() -> None:
    """Write the journal and hledger's answers anew."""
    lines = sorted(company_lines(), key=lambda line: str(line["effective_at"]))
    types = {entry["account"]: company_type(entry["account"]) for line in lines for entry in line["entries"]}
    text = journal(lines, types, SCALES)
    JOURNAL.write_text(text, "utf-8")
    _run(["-f", str(JOURNAL), "check"], COMPANY)
    for case in CASES:
        case.file.parent.mkdir(exist_ok=True)
        case.file.write_text(ask(text, case.command), "utf-8")
    commands = "".join(f"| `{case.file.name}` | `hledger {' '.join(case.command)}` |\n" for case in CASES)
    (COMPANY / "expected" / "README.md").write_text(
        f"# What hledger says of the company's books\n\nBy {installed()}, never by Partita itself, of "
        "`company.journal`. `python -m tests.books.hledger` asks it anew.\n\n| file | command |\n|---|---|\n"
        + commands,
        "utf-8",
    )


if __name__ == "__main__":
    main()
