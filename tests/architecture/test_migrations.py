"""Migrations go on beside running servers: each one since the first release, and examples of what would not."""

from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from alembic import op

from tests.architecture.migration_rules import FIRST_RELEASE, broken_rules, sql_of, wrong_with
from tests.docs.pages import ROOT

FILES = sorted(Path(ROOT, "migrations", "versions").glob("[0-9]*.py"))


def migrations() -> list[ModuleType]:
    return [import_module(f"migrations.versions.{file.stem}") for file in FILES]


def migration(*statements: str, **changes: Any) -> ModuleType:
    """A made-up migration."""

    def upgrade() -> None:
        for statement in statements:
            if "CONCURRENTLY" in statement:
                with op.get_context().autocommit_block():
                    op.execute(statement)
            else:
                op.execute(statement)

    named = {"revision": "0012", "down_revision": "0011", "OLDEST_SERVER": "0011", "upgrade": upgrade}
    return cast(ModuleType, SimpleNamespace(**named | changes))


def test_every_migration_since_the_first_release_goes_on_beside_running_servers() -> None:
    wrong = [sentence for each in migrations() if each.revision > FIRST_RELEASE for sentence in wrong_with(each)]
    assert wrong == []


def test_migrations_are_numbered_in_their_order_and_never_let_older_servers_in_again() -> None:
    numbers = [each.revision for each in migrations()]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert [each.down_revision for each in migrations()] == [None, *numbers[:-1]]
    oldest = [getattr(each, "OLDEST_SERVER", each.revision) for each in migrations()]
    assert oldest == sorted(oldest)


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE notes (id bigint PRIMARY KEY, text text NOT NULL)", "CREATE INDEX noted ON notes (text)"),
        ("ALTER TABLE entries ADD COLUMN note text",),
        ("ALTER TABLE entries ADD COLUMN flag boolean NOT NULL DEFAULT false",),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS noted ON entries (note)",),
        ("DROP INDEX CONCURRENTLY IF EXISTS noted",),
        ("ALTER TABLE entries ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID",),
        ("ALTER TABLE entries VALIDATE CONSTRAINT positive",),
        ("ALTER TABLE entries ALTER COLUMN note DROP NOT NULL",),
        ("UPDATE entries SET note = '' WHERE note IS NULL",),
    ],
)
def test_what_goes_on_beside_servers_is_let_through(statements: tuple[str, ...]) -> None:
    assert wrong_with(migration(*statements)) == []


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("CREATE INDEX noted ON entries (note)", "require-concurrent-index-creation"),
        ("DROP INDEX noted", "require-concurrent-index-deletion"),
        ("ALTER TABLE entries ADD COLUMN note text NOT NULL", "adding-required-field"),
        ("ALTER TABLE entries ADD COLUMN at timestamptz DEFAULT clock_timestamp()", "adding-field-with-default"),
        ("ALTER TABLE entries ALTER COLUMN note SET NOT NULL", "adding-not-nullable-field"),
        ("ALTER TABLE entries ALTER COLUMN amount TYPE numeric", "changing-column-type"),
        ("ALTER TABLE entries ADD CONSTRAINT positive CHECK (amount > 0)", "constraint-missing-not-valid"),
        ("ALTER TABLE entries ADD CONSTRAINT one UNIQUE (note)", "disallowed-unique-constraint"),
        ("ALTER TABLE entries RENAME COLUMN note TO remark", "renaming-column"),
        ("ALTER TABLE entries RENAME TO lines", "renaming-table"),
    ],
)
def test_what_would_stop_servers_is_refused(statement: str, rule: str) -> None:
    assert f"0012 breaks the rule {rule}." in wrong_with(migration(statement))


def test_what_goes_away_must_not_be_used_by_servers_that_are_let_in() -> None:
    drop = "ALTER TABLE entries DROP COLUMN note"
    assert wrong_with(migration(drop, OLDEST_SERVER="0011")) == []
    assert wrong_with(migration(drop, OLDEST_SERVER="0010")) == ["0012 takes away what servers from 0010 on may use."]


def test_a_migration_says_which_servers_can_work_with_it() -> None:
    assert wrong_with(migration(OLDEST_SERVER=None)) == [
        "0012 does not say which servers can work with it: OLDEST_SERVER."
    ]
    assert wrong_with(migration(OLDEST_SERVER="0013"))


def test_the_sql_of_a_real_migration_is_looked_at() -> None:
    (fifth,) = [each for each in migrations() if each.revision == "0005"]
    assert broken_rules(sql_of(fifth)) == {"changing-column-type", "require-concurrent-index-creation"}
