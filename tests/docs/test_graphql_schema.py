"""The schema that is kept is the one that is served, and takes nothing back."""

import pytest

from tests.docs.graphql_schema import KEPT, broken, printed


def test_the_schema_that_is_kept_is_the_one_that_is_served() -> None:
    kept, now = KEPT.read_text("utf-8"), printed()
    assert not broken(kept, now), "clients could not go on: a change adds, and takes nothing back"
    assert kept == now, "run `python -m tests.docs.graphql_schema`"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  closedUntil: String\n", ""),
        ("  balanceVersion: Long\n", "  balanceVersion: String\n"),
        ("transaction(id: String!): Transaction", "transaction(id: String!, more: String!): Transaction"),
        ("  upTo: String\n", "  upTo: String!\n"),
        ('"""One debit or credit."""\ninput EntryInput {', "input EntryInput {\n  more: String!"),
    ],
)
def test_what_would_break_clients_is_noticed(before: str, after: str) -> None:
    now = printed()
    assert before in now
    assert broken(now, now.replace(before, after))


def test_what_is_only_added_breaks_nobody() -> None:
    now = printed()
    assert not broken(now, now.replace("type Ledger {", "type Ledger {\n  more(first: Int): String", 1))
