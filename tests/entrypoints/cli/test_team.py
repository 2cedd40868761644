"""Keys with rights, owners who are invited, members and quotas, on the command line."""

import re

import pytest

from tests.entrypoints.cli.conftest import Partita

KEY = re.compile(r"ptk_[1-9][0-9]*_[0-9A-Za-z]{38}\n")
TOKEN = re.compile(r"pti_([1-9][0-9]*)_[0-9A-Za-z]{38}")


def test_a_key_with_rights_is_listed_and_rotated(database: str, partita: Partita) -> None:
    limits = [
        "--ledger-pattern",
        "eu-*",
        "--account",
        "users:*:**",
        "--network",
        "10.1.2.3/8",
        "--expires-in-days",
        "7",
    ]
    created = partita("key", "create", "till 1", "--scope", "auditor", "--scope", "transactions:post", *limits)
    assert KEY.fullmatch(created.out), created.err
    (listed,) = partita("key", "list").out.splitlines()
    assert "scopes=auditor,transactions:post  ledgers=eu-*  accounts=users:*:**  networks=10.0.0.0/8  till 1" in listed
    assert re.search(r"  works until 2\S+Z  never used  ", listed)
    id = listed.split()[0]

    rotated = partita("key", "rotate", id, "--overlap-seconds", "0")
    assert KEY.fullmatch(rotated.out), rotated.err
    assert f"{id} works for 0 seconds more" in rotated.err
    old, new = partita("key", "list").out.splitlines()
    assert "  expired 2" in old
    assert "scopes=auditor,transactions:post" in new
    again = partita("key", "rotate", id)
    assert (again.code, again.out) == (1, "")
    assert f"The API key {id} was replaced by {new.split()[0]}" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scope", "king"), "'king' is no scope"),
        (("--network", "here"), "'here' is no network"),
        (("--ledger-pattern", "A"), "'A' names no ledgers"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    database: str, partita: Partita, arguments: tuple[str, ...], said: str
) -> None:
    refused = partita("key", "create", "a", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert said in refused.err


def test_an_organisation_is_created_with_an_invitation_for_its_owner(database: str, partita: Partita) -> None:
    created = partita("organisation", "create", "Ada's", "--owner", "ADA@example.com")
    number, token = created.out.splitlines()
    found = TOKEN.fullmatch(token)
    assert found is not None, created.err
    assert found.group(1) == number
    assert "Invited ada@example.com by inv_" in created.err
    refused = partita("organisation", "create", "Bob's", "--owner", "bob")
    assert (refused.code, refused.out) == (1, "")
    assert "Bob's" not in partita("organisation", "list").out
    limited = ["--role", "accountant", "--ledger-pattern", "eu-*", "--organisation", number]
    invited = partita("invitation", "create", "bob@example.com", *limited)
    assert TOKEN.fullmatch(invited.out.strip()), invited.err
    again = partita("invitation", "create", "bob@example.com", *limited)
    assert "is an invitation to this address" in again.err
    assert partita("member", "list", "--organisation", number).out == ""


def test_quotas_are_set_one_by_one_and_shown(database: str, partita: Partita) -> None:
    number = partita("organisation", "list").out.split()[0]
    quota = ("organisation", "quota", number)
    assert partita(*quota).out == (
        "ledgers: no limit, used 1\n"
        "API keys: no limit, used 0\n"
        "requests per minute: no limit\n"
        "storage in bytes: no limit\n"
    )
    said = partita(*quota, "--ledgers", "1", "--requests-per-minute", "600", "--storage", "5000")
    assert "ledgers: 1, used 1\n" in said.out
    assert "requests per minute: 600\nstorage in bytes: 5000, used 0\n" in said.out
    refused = partita("ledger", "create", "second")
    assert (refused.code, refused.out) == (1, "")
    assert "has 1 ledgers, and its quota is 1" in refused.err
    assert "ledgers: no limit, used 1\n" in partita(*quota, "--ledgers", "none").out
    assert "requests per minute: 600\n" in partita(*quota).out
    for wrong in ("many", "-1", "1.5"):
        assert partita(*quota, f"--keys={wrong}").code == 2
    assert partita("organisation", "quota", "999").err == "partita: There is no organisation 999.\n"
