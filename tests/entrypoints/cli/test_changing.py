"""Accounts, ledgers and periods, changed from the command line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.entrypoints.cli.conftest import Partita

WHY = ("--reason", "Audit.")


@pytest.fixture
def books(database: str, partita: Partita, tmp_path: Path) -> str:
    """A database whose ledger has two sales of January 2026."""
    entries = [
        {"account": account, "direction": side, "amount": "10.00", "asset": "EUR"}
        for account, side in (("assets:bank", "debit"), ("income:sales", "credit"))
    ]
    lines = [
        {"reference": f"sale-{day}", "entries": entries, "effective_at": f"2026-01-{day}T12:00:00Z"} for day in (10, 20)
    ]
    file = tmp_path / "sales.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert partita("import", str(file)).code == 0
    return database


def logged(partita: Partita, count: int) -> list[tuple[str, str, Any]]:
    """The last events of the log: type, actor and data."""
    events = [json.loads(line) for line in partita("export").out.splitlines()]
    return [(each["type"], each["actor"], each["data"]) for each in events[-count:]]


def test_an_account_is_frozen_and_unfrozen_with_a_reason(books: str, partita: Partita) -> None:
    assert partita("account", "freeze", "assets:bank").code == 2
    said = partita("account", "freeze", "assets:bank", "--direction", "debit", *WHY)
    assert (said.code, said.out) == (0, "assets:bank is frozen for debits.\n")
    said = partita("account", "freeze", "assets:bank", "--direction", "debit", *WHY)
    assert (said.code, said.out) == (0, "assets:bank is frozen for debits. Nothing changed.\n")
    said = partita("account", "unfreeze", "assets:bank", *WHY)
    assert said.out == "assets:bank is not frozen for debits and credits.\n"
    data = {"account": "assets:bank", "directions": ["debit"], "reason": "Audit."}
    assert logged(partita, 2) == [
        ("account.frozen", "system:cli", data),
        ("account.unfrozen", "system:cli", data),
    ]
    said = partita("account", "freeze", "assets:none", *WHY)
    assert (said.code, said.err) == (1, "partita: There is no account 'assets:none' in this ledger.\n")


def test_an_account_is_archived_when_it_is_empty_and_restored(books: str, partita: Partita) -> None:
    said = partita("account", "archive", "assets:bank", *WHY)
    assert said.code == 1
    assert "assets:bank has a balance of 20.00 EUR" in said.err
    assert partita("account", "limit", "equity:unused", "EUR").code == 1
    assert partita("period", "close", "2026-02-01", "--result-to", "equity:earnings").code == 0
    said = partita("account", "archive", "income:sales", *WHY)
    assert (said.code, said.out) == (0, "income:sales is archived.\n")
    said = partita("account", "restore", "income:sales", *WHY)
    assert (said.code, said.out) == (0, "income:sales is open.\n")


def test_a_limit_is_set_in_one_asset_and_the_others_stay(books: str, partita: Partita) -> None:
    said = partita("account", "limit", "assets:bank", "EUR", "--minimum", "-5", "--maximum", "1000")
    assert (said.code, said.out) == (0, "The limit of assets:bank in EUR is -5 to 1000.\n")
    said = partita("account", "limit", "assets:bank", "USD", "--minimum", "0")
    assert said.out == "The limit of assets:bank in USD is 0 to no ceiling.\n"
    ((_, _, data),) = logged(partita, 1)
    assert data["limits"] == [
        {"asset": "EUR", "minimum": "-5.00", "maximum": "1000.00"},
        {"asset": "USD", "minimum": "0.00", "maximum": None},
    ]
    assert "none of its own" in partita("account", "limit", "assets:bank", "EUR", "--by-chart").out
    ((_, _, data),) = logged(partita, 1)
    assert [each["asset"] for each in data["limits"]] == ["USD"]
    assert partita("account", "limit", "assets:bank", "EUR", "--by-chart", "--minimum", "1").code == 2
    assert partita("account", "limit", "assets:bank", "EUR", "--minimum", "0.001").code == 1


def test_a_ledger_is_frozen_archived_and_brought_back(books: str, partita: Partita) -> None:
    for command, now in (("freeze", "frozen"), ("unfreeze", "not frozen")):
        assert partita("ledger", command, "main", *WHY).out == f"The ledger main is {now}.\n"
    said = partita("ledger", "archive", "main", *WHY)
    assert said.code == 1
    assert "has a balance of" in said.err
    assert partita("ledger", "create", "berlin", "--time-zone", "Europe/Berlin").code == 0
    assert partita("ledger", "archive", "berlin", *WHY).out == "The ledger berlin is archived.\n"
    said = partita("ledger", "freeze", "berlin", *WHY)
    assert said.err == "partita: The ledger is archived: nothing in it changes until it is restored.\n"
    assert partita("ledger", "restore", "berlin", *WHY).out == "The ledger berlin is open.\n"
    said = partita("ledger", "create", "mars", "--time-zone", "Mars/Olympus")
    assert (said.code, "Mars/Olympus" in said.err) == (1, True)


def test_a_period_is_closed_listed_and_reopened(books: str, partita: Partita) -> None:
    said = partita("period", "close", "2026-02-01", "--result-to", "equity:earnings", "--reason", "January.\nDone.")
    assert said.code == 0
    assert re.fullmatch(r"prd_[0-9a-z]{26}\n", said.out)
    assert len(re.findall(r"closing transaction txn_[0-9a-z]{26}", said.err)) == 1
    id = said.out.strip()
    listed = partita("period", "list").out
    assert re.fullmatch(rf"{id}  the beginning to 2026-02-01  closed \S+Z  January\. Done\.\n", listed)
    again = partita("period", "close", "2026-02-01")
    assert (again.code, "closed up to 2026-02-01 already" in again.err) == (1, True)
    assert partita("period", "close", "yesterday").code == 2
    assert partita("period", "reopen", id, "--reason", "Late.").out == f"{id} is open again.\n"
    assert re.fullmatch(rf"{id}  the beginning to 2026-02-01  reopened \S+Z  Late\.\n", partita("period", "list").out)
