import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from entrypoints.cli import failures
from entrypoints.cli.main import app


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Partita = Callable[..., Said]


@pytest.fixture
def partita(capfd: pytest.CaptureFixture[str]) -> Partita:
    """The command line, in this process."""

    def run(*arguments: str) -> Said:
        capfd.readouterr()
        try:
            code = failures.run(lambda: app(list(arguments), standalone_mode=False))
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Said(code, out, err)

    return run


def execute(url: str, statement: str, *values: object) -> None:
    """Do as the superuser can."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.fixture
def empty_database(postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it, which DATABASE_URL names."""
    name = f"partita_cli_{secrets.token_hex(6)}"
    execute(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("PARTITA_DATA_DIR", str(tmp_path / "data"))
    yield url
    execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database(empty_database: str, partita: Partita) -> str:
    """A migrated database with one organisation, `Books`, and its ledger `main`."""
    assert partita("migrate").code == 0
    assert re.fullmatch(r"[1-9][0-9]*\n", partita("organisation", "create", "Books").out)
    assert partita("ledger", "create", "main").code == 0
    return empty_database
