"""`partita report …` and `partita account statement`."""

import json
from pathlib import Path

import pytest

from tests.entrypoints.cli.conftest import Partita


def sale(reference: str, amount: str, effective_at: str, **others: str) -> str:
    sides = (("debit", "assets:bank"), ("credit", "income:sales:web"))
    entries = [{"account": account, "direction": side, "amount": amount, "asset": "EUR"} for side, account in sides]
    return json.dumps({"reference": reference, "effective_at": effective_at, "entries": entries} | others) + "\n"


@pytest.fixture
def books(database: str, partita: Partita, tmp_path: Path) -> str:
    """A sale in 2024 and one in 2025."""
    file = tmp_path / "sales.ndjson"
    file.write_text(
        sale("first", "10.00", "2024-06-01T12:00:00Z", description="[red]=1\x1b[2J")
        + sale("second", "5.00", "2025-01-01T00:00:00Z")
    )
    assert partita("import", str(file)).code == 0
    return database


def test_a_report_is_shown_as_tables(books: str, partita: Partita) -> None:
    said = partita("report", "balance-sheet", "--at", "2025-12-31", "--compare-at", "2024-12-31")
    assert said.code == 0, said.err
    for words in (
        "Balance sheet",
        "Ledger: main",
        "Effective: before 2026-01-01",
        "Compared with: before 2025-01-01",
        "As of sequence: 6",
        "Time zone: UTC",
        "EUR compared",
        "Result not closed yet",
    ):
        assert words in said.out
    (bank,) = [line for line in said.out.splitlines() if "assets:bank" in line]
    assert bank.split() == ["assets:bank", "│", "15.00", "│", "10.00"]


def test_a_report_is_written_as_csv(books: str, partita: Partita) -> None:
    said = partita("report", "income-statement", "--from", "2025-01-01", "--compare-to", "2025-01-01", "--csv")
    assert said.out == (
        "section,row,account,asset,amount,compared\r\n"
        "income,account,income:sales:web,EUR,5.00,10.00\r\n"
        "income,total,,EUR,5.00,10.00\r\n"
        "net,total,,EUR,5.00,10.00\r\n"
    )
    said = partita("report", "trial-balance", "--depth", "1", "--at", "2024-12-31T00:00:00Z", "--csv")
    assert said.out.splitlines()[1:] == ["assets,asset,EUR,10.00,0.00,10.00", "income,income,EUR,0.00,10.00,-10.00"]
    said = partita("report", "balance-sheet", "--as-of-sequence", "5", "--csv")
    assert "assets,total,,EUR,10.00," in said.out
    for command in ("trial-balance", "balance-sheet", "income-statement"):
        assert partita("report", command).code == 0


def test_a_statement_is_shown_and_its_text_changes_nothing_about_the_terminal(books: str, partita: Partita) -> None:
    said = partita("account", "statement", "assets:bank", "--to", "2025-01-01")
    assert said.code == 0, said.err
    assert "Statement of assets:bank" in said.out
    (entry,) = [line for line in said.out.splitlines() if "2024-06-01 12:00:00" in line]
    assert [cell.strip() for cell in entry.split("│")] == [
        *("2024-06-01 12:00:00", "5", "first", "[red]=1\ufffd[2J", "10.00", "", "10.00")
    ]
    assert "\x1b" not in said.out
    said = partita("account", "statement", "assets:bank", "--from", "2025-01-01", "--asset", "EUR", "--csv")
    assert [line.split(",")[1] for line in said.out.splitlines()] == ["row", "opening", "entry", "closing"]


def test_what_cannot_be_shown_is_told(books: str, partita: Partita) -> None:
    for command, code, message in (
        ("report balance-sheet --at yesterday", 2, "--at must be a time of RFC 3339"),
        ("report balance-sheet --compare-at 2025-02-30", 2, "--compare-at must be a date that exists"),
        ("report income-statement --from 2025-01-02 --to 2025-01-01", 2, "--from is later than --to"),
        ("report trial-balance --depth 0", 2, "--depth"),
        ("report trial-balance --ledger other", 1, "no ledger 'other'"),
        ("account statement assets:none", 1, "There is no account 'assets:none'"),
    ):
        said = partita(*command.split())
        assert (said.code, said.out) == (code, ""), command
        assert message in said.err
