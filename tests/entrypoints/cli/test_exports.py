"""Exports in all formats, and a ledger that is moved, on the command line."""

import json
from pathlib import Path

import pytest

from tests.entrypoints.cli.conftest import Partita

SALE = {
    "reference": "sale-1",
    "entries": [
        {"account": "assets:bank", "direction": "debit", "amount": "12.50", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "12.50", "asset": "EUR"},
    ],
}


@pytest.fixture
def used(database: str, partita: Partita, tmp_path: Path) -> str:
    """A database in which the ledger `main` has two sales and 6 events."""
    file = tmp_path / "sales.ndjson"
    file.write_text("".join(json.dumps(SALE | {"reference": f"sale-{number}"}) + "\n" for number in (1, 2)))
    assert partita("import", str(file)).code == 0
    return database


def test_a_ledger_is_exported_for_other_programs(used: str, partita: Partita, tmp_path: Path) -> None:
    assert '    assets:bank  0 "EUR" = 25.00 "EUR"\n' in partita("export", "--format", "hledger").out
    early = partita("export", "--format", "beancount", "--sequence", "5").out
    assert "balance Assets:Bank  12.50 ~ 0 EUR\n" in early
    file = tmp_path / "main.csv"
    assert partita("export", "--format", "csv", "-o", str(file)).out == f"Wrote 6 events to {file}.\n"
    assert file.read_text().count("assets:bank,EUR,12.50,,") == 2
    assert partita("export", "--sequence", "7").err == (
        "partita: The ledger main has the sequences 1 to 6, and not 7.\n"
    )
    assert partita("export", "--format", "xml").code == 2


def test_a_ledger_moves_with_its_log(used: str, partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "main.ndjson"
    partita("export", "-o", str(file))
    last = json.loads(file.read_text().splitlines()[-1])
    created = partita("organisation", "create", "Others")
    number = created.out.strip()
    there = ("--organisation", number)
    said = partita("ledger", "import-log", str(file), *there)
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"Made the ledger main in the organisation {number} of 6 events, the last with the hash {last['hash']}.\n"
    )
    assert partita("export", *there).out == file.read_text()
    said = partita("verify", "--ledger", "main", *there)
    assert said.out == f"The log is valid: 6 events, the last of them with the hash {last['hash']}.\n"
    assert partita("rebuild", *there).out == "The projections are what the 6 events say.\n"
    newest = json.loads(partita("audit-log", "--type", "ledger.imported", *there).out)
    assert newest["data"] == {"hash": last["hash"], "sequence": 6, "slug": "main"}

    again = partita("ledger", "import-log", str(file), *there)
    assert (again.code, again.err) == (1, "partita: Your organisation has a ledger 'main' already.\n")


def test_a_log_that_was_changed_is_not_imported(used: str, partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "main.ndjson"
    file.write_text(partita("export").out.replace('"12.50"', '"12.51"', 1))
    said = partita("ledger", "import-log", str(file), "--ledger", "moved")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("partita: The log is broken at sequence 5: the hash is not that of")
    assert said.err.endswith(" (line 5).\n")
    assert partita("verify", "--ledger", "moved").err == "partita: Your organisation has no ledger 'moved'.\n"
