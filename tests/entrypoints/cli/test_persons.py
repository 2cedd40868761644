"""Persons, as who runs the server sees, logs out and erases them."""

import json

import pytest

from adapters.postgres.ids import stored_id
from adapters.system.ids import TypeIds
from tests.entrypoints.cli.conftest import Partita, execute

EMAIL = "ada@example.com"


@pytest.fixture
def ada(database: str, partita: Partita) -> str:
    """The id of a person who is the only owner of the organisation `Books`, and is logged in at two places."""
    person = TypeIds().new("usr")
    stored = stored_id("usr", person)
    execute(
        database,
        "INSERT INTO persons (id, email, password_hash, email_verified_at, created_at) "
        "VALUES ($1, $2, 'x', now(), now()), (gen_random_uuid(), 'bob@example.com', NULL, NULL, now())",
        stored,
        EMAIL,
    )
    owner = json.dumps([{"role": "owner"}])
    number = int(partita("organisation", "list").out.split()[0])
    execute(database, "INSERT INTO members VALUES ($1, $2, $3, now(), 1)", number, stored, owner)
    for agent in ("first/1", "second/2\x1b[31m"):
        execute(
            database,
            "INSERT INTO sessions (id, person_id, created_at, last_used_at, expires_at, address, user_agent) VALUES "
            "(gen_random_uuid(), $1, now(), now(), now() + interval '1 day', '192.0.2.1', $2)",
            stored,
            agent,
        )
    return person


@pytest.mark.parametrize("by_id", [False, True])
def test_a_person_is_shown_and_logged_out(database: str, partita: Partita, ada: str, by_id: bool) -> None:
    named = ada if by_id else " Ada@Example.com "
    shown = partita("person", "show", named)
    first, *lines = shown.out.splitlines()
    assert first.startswith(f"{ada}  {EMAIL}  registered 2"), shown.err
    assert lines[1] == "has a password"
    assert lines[2].endswith(" (Books): owner")
    sessions = sorted(line.split("  ", 3)[3] for line in lines[3:])
    assert sessions == ["192.0.2.1  first/1", "192.0.2.1  second/2?[31m"], "nothing that a terminal would obey"
    assert all(line.startswith("ses_") for line in lines[3:])
    assert partita("person", "log-out", named).out == "Sessions that ended: 2. OAuth grants that ended: 0.\n"
    assert partita("person", "log-out", named).out == "Sessions that ended: 0. OAuth grants that ended: 0.\n"
    after = partita("person", "show", named).out.splitlines()
    assert [line.split("  ")[1:] for line in after[4:]] == [["session.ended", "from nowhere known"]] * 2


def test_the_only_owner_of_an_organisation_is_not_erased(database: str, partita: Partita, ada: str) -> None:
    refused = partita("person", "erase", EMAIL)
    assert (refused.code, refused.out) == (1, "")
    assert "is the only owner of these organisations: " in refused.err
    assert "(Books). Hand them over first." in refused.err
    assert EMAIL in partita("person", "show", ada).out


def test_a_person_is_erased_for_good(database: str, partita: Partita, ada: str) -> None:
    other = TypeIds().new("usr")
    stored = stored_id("usr", other)
    execute(database, "INSERT INTO persons (id, created_at) VALUES ($1, now())", stored)
    execute(database, "INSERT INTO members SELECT organisation_id, $1, assignments, now(), 1 FROM members", stored)
    assert partita("person", "erase", EMAIL).out == f"Erased {ada}.\n"
    assert partita("person", "show", ada).out.startswith(f"{ada}  erased 2")
    gone = partita("person", "show", EMAIL)
    assert (gone.code, gone.err) == (1, f"partita: There is no person '{EMAIL}'.\n")
    assert partita("member", "list").out.split()[0] == other
    audit = partita("audit-log", "--type", "member.left").out
    assert '"actor":"system:cli"' in audit.replace(" ", "")
    assert partita("person", "erase", ada).out == f"Erased {ada}.\n", "again changes nothing"


@pytest.mark.parametrize("named", ["nobody@example.com", "usr_01h2xcejqtf2nbrexx3vqjhp41", "x"])
def test_who_is_not_there_is_told_of(database: str, partita: Partita, named: str) -> None:
    for command in ("show", "log-out", "erase"):
        refused = partita("person", command, named)
        assert (refused.code, refused.out) == (1, "")
        assert f"There is no person '{named}'." in refused.err
