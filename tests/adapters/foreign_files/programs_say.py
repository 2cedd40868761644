"""What hledger, ledger and beancount say of the journals in `files/`: kept, so that tests need none of them.

`python -m tests.adapters.foreign_files.programs_say` asks the installed ones anew.
"""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Final

from tests.books.other_programs import Balances, ask

FILES: Final = Path(__file__).with_name("files")
# By file: the program, and the format.
ASKED: Final = {
    "household.journal": "hledger",
    "german.journal": "hledger",
    "ledger_style.journal": "ledger",
    "beancount_style.beancount": "bean-check",
}
_LEDGER_LINE: Final = "%(quantity(amount))\t%(commodity(amount))\t%(account)\n"


def said_by_program(name: str) -> Balances:
    """What the installed program says of a file: balances by account and commodity, as it calls them."""
    text = (FILES / name).read_text("utf-8")
    match ASKED[name]:
        case "hledger":
            said = ask(
                "hledger",
                text,
                ["-f", "{file}", "--infer-equity", "balance", "--flat", "-N", "--layout=bare", "-O", "csv"],
            )
            rows = [(row[0], row[1], row[2].replace(",", ".")) for row in csv.reader(io.StringIO(said))][1:]
        case "ledger":
            said = ask("ledger", text, ["-f", "{file}", "register", "--format", _LEDGER_LINE])
            rows = [(account, code, amount) for amount, code, account in map(_cells, said.splitlines())]
        case _:
            ask("bean-check", text, ["{file}"])
            said = ask("bean-query", text, ["-q", "-f", "csv", "{file}", "SELECT account, currency, str(number)"])
            cells = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(said))][1:]
            # It says `Decimal('12.50')`.
            rows = [(account, code, amount[9:-2]) for account, code, amount in cells]
    balances: Balances = {}
    for account, code, amount in rows:
        balances[account, code] = balances.get((account, code), Decimal(0)) + Decimal(amount)
    return {key: balance for key, balance in balances.items() if balance}


def kept(name: str) -> Balances:
    """What the program said when it was asked last."""
    rows = csv.reader(io.StringIO(_answer(name).read_text("utf-8")))
    return {(account, code): Decimal(amount) for account, code, amount in rows}


def _cells(line: str) -> list[str]:
    return line.split("\t")


def _answer(name: str) -> Path:
    return FILES / f"{name}.csv"


def _keep() -> None:
    for name in ASKED:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([*key, f"{amount:f}"] for key, amount in sorted(said_by_program(name).items()))
        _answer(name).write_text(text.getvalue(), "utf-8")


if __name__ == "__main__":
    _keep()
