"""What a migration may not do while servers work: found by squawk, in the SQL that the migration would send."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

# Nothing was released before this revision, so nobody worked while the ones up to it were run.
FIRST_RELEASE: Final = "0009"
# They make whoever uses the table wait while it is read or written anew, or break servers of before.
NEVER: Final = frozenset(
    {
        "adding-field-with-default",
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-required-field",
        "adding-serial-primary-key-field",
        "ban-concurrent-index-creation-in-transaction",
        "ban-truncate-cascade",
        "changing-column-type",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "renaming-column",
        "renaming-table",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
    }
)
# They break servers that still use what goes away: the contracting half of a change.
CONTRACTING: Final = frozenset({"ban-drop-column", "ban-drop-table"})
_SQUAWK: Final = Path(sys.executable).with_name("squawk")


def sql_of(migration: ModuleType) -> str:
    """Return the statements of an upgrade, which must not depend on what is in the database."""
    written = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "transaction_per_migration": False}
    )
    with Operations.context(context), context.begin_transaction():
        migration.upgrade()
    return written.getvalue()


def broken_rules(sql: str) -> set[str]:
    """Return the rules of squawk that the statements break, of those above."""
    command = [str(_SQUAWK), "--pg-version", "15", "--reporter", "json", "--stdin-filepath", "migration.sql"]
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    found = {str(each["rule_name"]) for each in json.loads(done.stdout)}
    assert "syntax-error" not in found, done.stdout
    return found & (NEVER | CONTRACTING)


def wrong_with(migration: ModuleType) -> list[str]:
    """Return what is wrong with a migration, as sentences."""
    oldest: str | None = getattr(migration, "OLDEST_SERVER", None)
    if oldest is None:
        return [f"{migration.revision} does not say which servers can work with it: OLDEST_SERVER."]
    if not oldest <= migration.revision:
        return [f"{migration.revision} says that no server can work with it: OLDEST_SERVER is {oldest}."]
    broken = broken_rules(sql_of(migration))
    wrong = [f"{migration.revision} breaks the rule {rule}." for rule in sorted(broken & NEVER)]
    if broken & CONTRACTING and oldest < migration.down_revision:
        wrong.append(f"{migration.revision} takes away what servers from {oldest} on may use.")
    return wrong
