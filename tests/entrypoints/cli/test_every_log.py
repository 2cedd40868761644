"""`partita verify` over all logs of an organisation, and whom `partita organisation list` shows nothing."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.entrypoints.cli.conftest import Partita, execute

VALID = " is valid: [0-9]+ events, the last of them with the hash [0-9a-f]{64}\\.\n"


def test_every_ledger_and_the_organisation_s_own_log_are_verified(database: str, partita: Partita) -> None:
    assert partita("ledger", "create", "other").code == 0
    said = partita("verify")
    assert said.code == 0
    lines = f"The organisation's log{VALID}The log of the ledger main{VALID}The log of the ledger other{VALID}"
    assert re.fullmatch(lines, said.out)
    assert re.fullmatch(f"The log{VALID}", partita("verify", "--ledger", "other").out)


def test_whoever_rewrites_which_keys_were_made_is_found(database: str, partita: Partita) -> None:
    assert partita("key", "create", "mine").code == 0
    execute(
        database,
        "UPDATE event_log SET content = replace(convert_from(content, 'UTF8'), 'mine', 'dine')::bytea "
        "WHERE stream_id = organisation_id AND sequence = 3",
    )
    said = partita("verify")
    assert said.code == 1
    assert said.err.startswith("partita: The organisation's log is broken at sequence 3: the hash is not")
    assert re.fullmatch(f"The log of the ledger main{VALID}", said.out)
    assert partita("verify", "--ledger", "main").code == 0


def test_a_ledger_of_which_no_event_is_left_is_not_passed_over(database: str, partita: Partita) -> None:
    execute(database, "DELETE FROM event_log WHERE stream_id <> organisation_id; DELETE FROM ledger_settings")
    said = partita("verify")
    assert said.code == 1
    assert said.err == (
        "partita: The log of the ledger main is broken at sequence 1: the event is missing: the log holds none.\n"
    )


def test_a_time_set_beside_an_event_is_found(database: str, partita: Partita) -> None:
    execute(database, "UPDATE event_log SET recorded_at = '9999-12-31Z' WHERE stream_id = (SELECT id FROM ledgers)")
    said = partita("verify")
    assert said.code == 1
    assert said.err.startswith("partita: The log of the ledger main is broken at sequence 1: its row says that it was")


@pytest.fixture
def bound_user(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user of DATABASE_URL is one that row-level security binds."""
    execute(database, "CREATE ROLE bound_user LOGIN PASSWORD 'secret' NOINHERIT IN ROLE partita_service")
    execute(database, "GRANT SELECT ON organisations TO bound_user")
    url = urlsplit(database)
    monkeypatch.setenv("DATABASE_URL", urlunsplit(url._replace(netloc=f"bound_user:secret@{url.hostname}:{url.port}")))
    yield
    execute(database, "DROP OWNED BY bound_user")
    execute(database, "DROP ROLE bound_user")


@pytest.mark.usefixtures("bound_user")
def test_a_user_that_row_level_security_binds_is_told_so(partita: Partita) -> None:
    said = partita("organisation", "list")
    assert (said.code, said.out) == (0, "")
    assert "row-level security binds it" in said.err
    assert "--organisation" in said.err
    assert said.err.count("\n") == 1


def test_a_user_that_it_does_not_bind_is_told_nothing_more(database: str, partita: Partita) -> None:
    said = partita("organisation", "list")
    assert said.out.endswith("  Books\n")
    assert said.err == ""
