"""A back-up is restored, as docs/backup.md says, and the restored logs end with the same hashes."""

import asyncio
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from adapters.embedded.postgres import _binaries
from tests.docs.pages import ROOT
from tests.entrypoints.cli.conftest import Partita, execute

SHOP = ROOT / "tests" / "books" / "shop.ndjson"


def tool(name: str, *arguments: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    done = subprocess.run(
        [_binaries() / name, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def restored(database: str, partita: Partita, tmp_path: Path) -> Iterator[str]:
    """A new database into which the other one, with the books of the shop, was restored."""
    assert partita("key", "create", "shop").code == 0
    assert partita("import", str(SHOP), "--ledger", "main").code == 0
    assert partita("ledger", "create", "empty").code == 0
    name = f"partita_restored_{secrets.token_hex(6)}"
    url = urlunsplit(urlsplit(database)._replace(path=f"/{name}"))
    tool("pg_dump", "--format=custom", f"--file={tmp_path / 'partita.dump'}", f"--dbname={database}")
    execute(database, f'CREATE DATABASE "{name}" TEMPLATE template0')
    tool("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={url}", str(tmp_path / "partita.dump"))
    yield url
    execute(database, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_restored_database_has_the_same_logs_and_goes_on(
    database: str, restored: str, partita: Partita, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = partita("verify")
    assert before.code == 0
    assert before.out.count(" is valid: ") == 3

    monkeypatch.setenv("DATABASE_URL", restored)
    after = partita("verify")
    assert (after.code, after.out) == (0, before.out)
    rebuilt = partita("rebuild", "--ledger", "main")
    assert rebuilt.code == 0
    assert "are what the" in rebuilt.out
    assert partita("migrate").code == 0
    assert partita("ledger", "create", "next").code == 0
    assert partita("import", str(SHOP), "--ledger", "next").code == 0


def test_row_level_security_and_privileges_are_restored_with_the_rows(database: str, restored: str) -> None:
    # What binds the service must not depend on somebody's remembering it.
    query = """
        SELECT relname::text, relrowsecurity, relforcerowsecurity, relacl::text,
        (SELECT array_agg(polname::text || coalesce(pg_get_expr(polqual, polrelid), '') ORDER BY polname)
         FROM pg_policy WHERE polrelid = pg_class.oid) AS policies, obj_description(oid, 'pg_class') AS note
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1"""
    assert fetched(restored, query) == fetched(database, query)


def fetched(url: str, query: str) -> list[tuple[object, ...]]:

    async def run() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(run())
