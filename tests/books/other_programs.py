"""Programs that keep books, and what they say of files: hledger, ledger and beancount, where they can be installed."""

import csv
import io
import os
import re
import subprocess
from collections.abc import Iterable
from decimal import Context, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests import programs

PACKAGES: Final = {"hledger": "hledger", "ledger": "ledger", "bean-check": "beancount"}
_LEDGER_LINE: Final = "%(quantity(amount))\t%(quoted(commodity(amount)))\t%(account)\n"
_OPENED: Final = re.compile(r'^\S+ open (\S+)\n  path: "(.*)"$', re.MULTILINE)
_NAMED: Final = re.compile(r'^\S+ commodity (\S+)\n  code: "(.*)"$', re.MULTILINE)
_EXACTLY: Final = Context(prec=100)

Balances = dict[tuple[str, str], Decimal]  # debit-positive, by account and asset; nothing of zero


def require(program: str) -> None:
    """Install a program where that can be and is needed; skip the test, or fail, where it is not there."""
    programs.require(PACKAGES[program], program)


def ask(program: str, text: str, command: Iterable[str]) -> str:
    """What a program answers about a file, which `{file}` stands for in its arguments. It must not refuse it."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "books")
        file.write_text(text, "utf-8", newline="")
        arguments = [program, *[argument.replace("{file}", str(file)) for argument in command]]
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": folder}
        done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()[-2_000:] + done.stderr.decode()[-2_000:]
    return done.stdout.decode()


def balances_by_hledger(text: str) -> Balances:
    """What hledger adds up, once all assertions hold, and all accounts and commodities are declared."""
    said = ask("hledger", text, ["-f", "{file}", "--strict", "balance", "--flat", "--layout=bare", "-O", "csv"])
    rows = list(csv.reader(io.StringIO(said)))[1:]
    return _summed((account, asset, Decimal(balance)) for account, asset, balance in rows if account != "total")


def balances_by_ledger(text: str) -> Balances:
    """What ledger says of each posting, added up, once all assertions hold."""
    said = ask("ledger", text, ["-f", "{file}", "register", "--format", _LEDGER_LINE])
    rows = [line.split("\t") for line in said.splitlines()]
    return _summed((account, asset.strip('\\"'), Decimal(amount)) for amount, asset, account in rows)


def balances_by_beancount(text: str) -> Balances:
    """What beancount says of each posting, added up, once all assertions hold; by the paths that the file tells."""
    ask("bean-check", text, ["{file}"])
    said = ask("bean-query", text, ["-q", "-f", "csv", "{file}", "SELECT account, currency, str(number)"])
    paths, codes = dict(_OPENED.findall(text)), dict(_NAMED.findall(text))
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(said))][1:]
    # It says `Decimal('12.50')`; a number by itself would be shown in as many digits as are usual.
    return _summed((paths[account], codes[asset], Decimal(amount[9:-2])) for account, asset, amount in rows)


BALANCES_BY: Final = {
    "hledger": balances_by_hledger,
    "ledger": balances_by_ledger,
    "bean-check": balances_by_beancount,
}


def _summed(rows: Iterable[tuple[str, str, Decimal]]) -> Balances:
    balances: Balances = {}
    for account, asset, amount in rows:
        balances[account, asset] = _EXACTLY.add(balances.get((account, asset), Decimal(0)), amount)
    return {key: balance for key, balance in balances.items() if balance}
