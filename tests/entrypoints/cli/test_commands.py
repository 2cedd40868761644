import json
import os
import re
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import rfc8785

from adapters.security.signer import FileSigner
from entrypoints.cli import ledgers
from tests.entrypoints.cli.conftest import Partita, execute

ROOT = Path(__file__).parents[3]
PARTITA = [sys.executable, "-c", "from entrypoints.cli import start; start()"]


def sale(reference: str | None = None, amount: object = "12.50") -> dict[str, object]:
    sides = (("debit", "assets:bank"), ("credit", "income:sales"))
    entries = [{"account": account, "direction": side, "amount": amount, "asset": "EUR"} for side, account in sides]
    return {"reference": reference, "entries": entries} if reference else {"entries": entries}


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A file of three sales."""
    file = tmp_path / "sales.ndjson"
    file.write_text("".join(json.dumps(sale(f"sale-{number}")) + "\n" for number in (1, 2, 3)))
    return file


def test_migrating_again_changes_nothing(empty_database: str, partita: Partita) -> None:
    for _ in range(2):
        said = partita("migrate")
        assert (said.code, said.out) == (0, "The database is up to date.\n")


@pytest.mark.parametrize("command", [["verify"], ["key", "list"], ["export"], ["rebuild"]])
def test_a_database_that_is_not_migrated_is_told_so(empty_database: str, partita: Partita, command: list[str]) -> None:
    said = partita(*command)
    assert (said.code, said.out) == (1, "")
    assert said.err == "partita: The database has not been migrated: run `partita migrate`.\n"


def test_serving_asks_for_a_migrated_database(empty_database: str, partita: Partita) -> None:
    said = partita("serve", "--port", "0")
    assert said.code == 1
    assert "run `partita migrate`" in said.err


def test_a_key_is_printed_once_and_works_until_it_is_revoked(database: str, partita: Partita) -> None:
    created = partita("key", "create", "till 1")
    assert re.fullmatch(r"ptk_[1-9][0-9]*_[0-9A-Za-z]{38}\n", created.out)
    key_id = re.search(r"key_\w+", created.err)
    assert key_id is not None

    listed = partita("key", "list").out
    assert key_id.group() in listed
    assert "works  never used  scopes=operator  till 1\n" in listed
    assert created.out.strip() not in listed

    assert partita("key", "revoke", key_id.group()).code == 0
    assert "revoked 2" in partita("key", "list").out
    again = partita("key", "revoke", key_id.group())
    assert (again.code, again.err) == (1, f"partita: There is no API key '{key_id.group()}' that still works.\n")


def test_with_several_organisations_a_command_asks_for_which(database: str, partita: Partita) -> None:
    other = partita("organisation", "create", "Others").out.strip()
    said = partita("verify")
    assert said.code == 2
    assert "--organisation" in said.err
    assert f"{other} (Others)" in said.err
    assert "Others" in partita("organisation", "list").out
    # The other one has no ledger yet.
    said = partita("verify", "--ledger", "main", "--organisation", other)
    assert said.err == "partita: Your organisation has no ledger 'main'.\n"
    assert partita("ledger", "create", "main", "--organisation", other).code == 0
    assert partita("verify", "--organisation", other).code == 0
    assert partita("verify", "--organisation", "999").err == "partita: There is no organisation 999.\n"


def test_a_ledger_cannot_be_created_twice(database: str, partita: Partita) -> None:
    said = partita("ledger", "create", "main")
    assert (said.code, said.err) == (1, "partita: Your organisation has a ledger 'main' already.\n")


def test_a_file_is_imported_once_however_often(database: str, partita: Partita, sales: Path) -> None:
    first = partita("import", str(sales))
    assert (first.code, first.out) == (0, "3 posted, 0 already there, 0 refused.\n")
    again = partita("import", str(sales))
    assert (again.code, again.out) == (0, "0 posted, 3 already there, 0 refused.\n")


def test_refused_lines_are_named_with_their_reasons(database: str, partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "mixed.ndjson"
    lines = [sale("a"), sale(), sale("b", 12.5), {**sale("c"), "colour": "red"}, sale("d", "0")]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"reference": "e", "reference": "f"}\n')
    said = partita("import", str(file))
    assert (said.code, said.out) == (1, "1 posted, 0 already there, 5 refused.\n")
    told = said.err.splitlines()
    assert [line.split(": ")[:2] for line in told[:5]] == [
        ["line 2", "validation-failed"],
        ["line 3", "amount-not-a-string"],
        ["line 4", "validation-failed"],
        ["line 5", "validation-failed"],
        ["line 6", "malformed-json"],
    ]
    assert "/colour" in told[2]
    assert told[5] == "partita: 5 lines were refused."


def test_lines_without_reference_get_one_on_request(database: str, partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "plain.ndjson"
    file.write_text((json.dumps(sale()) + "\n") * 2)
    arguments = ("import", str(file), "--reference-prefix", "bank")
    assert partita(*arguments).out == "2 posted, 0 already there, 0 refused.\n"
    assert partita(*arguments).out == "0 posted, 2 already there, 0 refused.\n"


def test_an_import_into_a_ledger_that_is_not_there_fails_at_once(database: str, partita: Partita, sales: Path) -> None:
    said = partita("import", str(sales), "--ledger", "nope")
    assert said.code == 1
    assert "Your organisation has no ledger 'nope'." in said.err


def test_a_server_that_is_not_there_is_named(partita: Partita, sales: Path) -> None:
    said = partita("import", str(sales), "--url", "http://127.0.0.1:1", "--api-key", "ptk_1_x")
    assert said.code == 1
    assert "The server at http://127.0.0.1:1 cannot be reached" in said.err
    assert partita("import", str(sales), "--url", "http://127.0.0.1:1").code == 2


def test_an_exported_log_is_verified_without_the_database(
    database: str, partita: Partita, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partita("import", str(sales))
    exported = partita("export").out
    file = tmp_path / "log.ndjson"
    assert partita("export", "-o", str(file)).out == f"Wrote 7 events to {file}.\n"
    assert file.read_text() == exported
    assert {path.name for path in tmp_path.iterdir()} == {"sales.ndjson", "log.ndjson"}

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    last = json.loads(exported.splitlines()[-1])
    said = partita("verify", str(file))
    assert (said.code, said.out) == (
        0,
        f"The log is valid: 7 events, the last of them with the hash {last['hash']}.\n",
    )
    file.write_text(exported.replace('"12.50"', '"12.51"', 1))
    said = partita("verify", str(file))
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("partita: The log is broken at sequence 5 (line 5): the hash is not")


@pytest.fixture
def checkpoint(tmp_path: Path, database: str, partita: Partita, sales: Path) -> Path:
    """A checkpoint of the ledger with three sales."""
    partita("import", str(sales))
    last = json.loads(partita("export").out.splitlines()[-1])
    signer = FileSigner(tmp_path / "key.pem")
    statement = {
        "ledger": "main",
        "sequence": last["sequence"],
        "hash": last["hash"],
        "recorded_at": last["recorded_at"],
        "signed_at": last["recorded_at"],
        "algorithm": "Ed25519",
        "key_id": signer.key_id,
        "public_key": b64encode(signer.public_key).decode(),
    }
    file = tmp_path / "checkpoint.json"
    signature = b64encode(signer.sign(rfc8785.dumps(statement))).decode()
    file.write_text(json.dumps(statement | {"signature": signature}))
    return file


def test_a_log_that_was_cut_off_is_told_by_a_saved_checkpoint(
    database: str, partita: Partita, checkpoint: Path, tmp_path: Path
) -> None:
    said = partita("verify", "--checkpoint", str(checkpoint))
    assert said.code == 0
    assert "It holds what the key" in said.out
    log = tmp_path / "log.ndjson"
    partita("export", "-o", str(log))
    assert partita("verify", str(log), "--checkpoint", str(checkpoint)).code == 0

    execute(database, "DELETE FROM event_log WHERE sequence >= 6 AND stream_id = (SELECT id FROM ledgers)")
    assert partita("verify").code == 0
    said = partita("verify", "--checkpoint", str(checkpoint))
    assert said.code == 1
    assert said.err.startswith("partita: The log is broken at sequence 6: the log ends before it, but a checkpoint")
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines()[:5]))
    said = partita("verify", str(log), "--checkpoint", str(checkpoint))
    assert said.err.startswith("partita: The log is broken at sequence 6 (line 6): the log ends before it")


def test_a_checkpoint_that_was_changed_or_is_of_another_ledger_is_refused(
    database: str, partita: Partita, checkpoint: Path
) -> None:
    partita("ledger", "create", "other")
    said = partita("verify", "--ledger", "other", "--checkpoint", str(checkpoint))
    assert (said.code, said.err) == (1, "partita: The checkpoint is of the ledger 'main', not of 'other'.\n")
    document = json.loads(checkpoint.read_text())
    checkpoint.write_text(json.dumps(document | {"sequence": 3}))
    said = partita("verify", "--checkpoint", str(checkpoint))
    assert said.code == 1
    assert "it was changed after it was signed" in said.err
    checkpoint.write_text("{")
    assert "is not JSON" in partita("verify", "--checkpoint", str(checkpoint)).err


def test_projections_that_were_tampered_with_are_found_and_replaced(
    database: str, partita: Partita, sales: Path
) -> None:
    partita("import", str(sales))
    assert partita("rebuild").out == "The projections are what the 7 events say.\n"
    execute(database, "UPDATE entries SET amount = 1 WHERE balance_version = 2")
    said = partita("rebuild")
    assert said.code == 1
    assert said.out.startswith("entries: 0 rows missing, 0 unexpected, 2 changed; such as account_number ")
    assert said.err == "partita: 2 rows differ from what the 7 events say; --replace puts them right.\n"
    said = partita("rebuild", "--replace")
    assert said.code == 0
    assert said.out.endswith("2 rows were replaced with what the 7 events say.\n")
    assert partita("rebuild").code == 0


def test_a_changed_log_is_found_and_nothing_is_rebuilt_from_it(database: str, partita: Partita, sales: Path) -> None:
    partita("import", str(sales))
    execute(
        database,
        "UPDATE event_log SET content = overlay(content PLACING 'X' FROM 20) WHERE sequence = 4 "
        "AND stream_id = (SELECT id FROM ledgers)",
    )
    for command in (["verify", "--ledger", "main"], ["rebuild"]):
        said = partita(*command)
        assert said.code == 1
        assert said.err.startswith("partita: The log is broken at sequence 4: the hash is not")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["verify", "--bogus"], "No such option: --bogus"),
        (["verify", "no-such-file"], "does not exist"),
        (["import"], "Missing argument"),
        (["import", "no-such-file"], "no-such-file"),
        (["serve", "--port", "70000"], "Invalid value for '--port'"),
        (["verify", "--organisation", "x"], "Invalid value for '--organisation'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(partita: Partita, arguments: list[str], message: str) -> None:
    said = partita(*arguments)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert said.err.startswith("partita: ")
    assert said.err.count("\n") == 1


def test_a_wrong_setting_is_named(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_PORT", "eighty")
    said = partita("serve")
    assert said.code == 2
    assert said.err.startswith("partita: PARTITA_PORT is 'eighty'")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://root@localhost/db", "DATABASE_URL names 'mysql'; Partita runs on PostgreSQL"),
        ("not a url", "DATABASE_URL is not a URL"),
        ("postgresql://nobody:secret@127.0.0.1:1/db", "The database cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_one_line_without_the_password(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    for command in (["verify"], ["migrate"], ["key", "list"], ["rebuild"]):
        said = partita(*command)
        assert said.code == 1
        assert message in said.err
        assert "secret" not in said.err
        assert said.err.count("\n") == 1


def test_a_database_that_is_not_there_is_told(
    partita: Partita, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{postgres_url}_that_is_not_there")
    said = partita("migrate")
    assert said.code == 1
    assert said.err.startswith("partita: The database refuses: database ")


def test_without_any_database_a_command_says_how_to_begin(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PARTITA_DATA_DIR", str(tmp_path / "nothing"))
    said = partita("verify")
    assert said.code == 1
    assert "begin with `partita serve --demo`" in said.err
    assert not (tmp_path / "nothing").exists()


def test_a_bug_is_called_a_bug_and_its_traceback_goes_to_a_file(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("a slip")

    monkeypatch.setenv("PARTITA_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(ledgers, "with_database", stumble)
    said = partita("rebuild")
    assert said.code == 1
    assert said.err.startswith("partita: This is a bug in Partita: KeyError: 'a slip'. Please report it with what was")
    assert str(tmp_path / "errors.log") in said.err
    assert "Traceback" in (tmp_path / "errors.log").read_text()


def test_help_and_version_need_no_database(partita: Partita) -> None:
    assert partita("--version").out.startswith("partita 0.")
    for command in ("serve", "migrate", "import", "export", "verify", "rebuild", "key", "organisation", "ledger"):
        assert command in partita("--help").out
        assert partita(command, "--help").code == 0


def test_a_reader_that_goes_away_ends_an_export_quietly(database: str, partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "many.ndjson"
    file.write_text("".join(json.dumps(sale(f"sale-{number}")) + "\n" for number in range(500)))
    assert partita("import", str(file)).code == 0
    unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*PARTITA, "export"], cwd=ROOT, env=unbuffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) != 0


def test_ctrl_c_ends_a_command_quietly(database: str) -> None:
    process = subprocess.Popen(
        [*PARTITA, "import", "-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    # More than a pipe holds: once it is written, the import is reading.
    line = json.dumps(sale("only one")).encode() + b"\n"
    process.stdin.write(line * 5_000)
    process.stdin.flush()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err.strip() == b""
