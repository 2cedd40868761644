"""`partita audit-log` and `partita organisation erase-origins`."""

import csv
import io
import json

from tests.entrypoints.cli.conftest import Partita


def test_the_audit_log_is_written_as_lines_of_json_and_as_csv(database: str, partita: Partita) -> None:
    assert partita("ledger", "create", "other").code == 0
    said = partita("audit-log")
    assert (said.code, said.err) == (0, "")
    entries = [json.loads(line) for line in said.out.splitlines()]
    assert [entry["type"] for entry in entries[:2]] == ["ledger.created", "ledger.added"]
    for entry in entries[:2]:
        assert (entry["actor"], entry["credential"], entry["address"]) == ("system:cli", "system:cli", None)
    rows = list(csv.DictReader(io.StringIO(partita("audit-log", "--csv").out, newline="")))
    assert [row["id"] for row in rows] == [entry["id"] for entry in entries]

    def ids(*options: str) -> list[str]:
        return [json.loads(line)["id"] for line in partita("audit-log", *options).out.splitlines()]

    assert ids("--ledger", "other") == [entries[0]["id"]]
    assert ids("--type", "ledger.added", "--type", "ledger.created", "--since", entries[1]["at"]) == [
        entry["id"] for entry in entries if entry["type"].startswith("ledger.") and entry["at"] >= entries[1]["at"]
    ]
    assert ids("--until", entries[-1]["at"]) == []
    assert ids("--actor", "usr_nobody") == []
    said = partita("audit-log", "--since", "yesterday")
    assert (said.code, said.out) == (2, "")
    assert "--since must be a time of RFC 3339" in said.err


def test_where_someone_acted_from_is_erased(database: str, partita: Partita) -> None:
    assert partita("key", "create", "mine").code == 0
    said = partita("organisation", "erase-origins", "system:cli")
    assert said.out == "Erased where system:cli acted from.\n"
    entries = [json.loads(line) for line in partita("audit-log").out.splitlines()]
    # The erasing itself came from somewhere, too.
    assert [entry["credential"] for entry in entries if entry["actor"] == "system:cli"][:2] == ["system:cli", None]
    assert entries[0]["type"] == "origins.erased"
    said = partita("organisation", "erase-origins", "usr_nobody")
    assert said.out == "Nothing is known of where usr_nobody acted from.\n"
    assert partita("verify").code == 0
