import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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
    with _named(postgres_url, "template0", monkeypatch, tmp_path / "data") as url:
        yield url


@pytest.fixture(scope="session")
def books_database(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a migrated database with one organisation, `Books`, and its ledger `main`; it is only copied."""
    with (
        pytest.MonkeyPatch.context() as changed,
        _named(postgres_url, "template0", changed, tmp_path_factory.mktemp("books")) as url,
    ):
        for command in (["migrate"], ["organisation", "create", "Books"], ["ledger", "create", "main"]):
            assert failures.run(partial(app, command, standalone_mode=False)) == 0
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database(postgres_url: str, books_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A migrated database with one organisation, `Books`, and its ledger `main`."""
    with _named(postgres_url, books_database, monkeypatch, tmp_path / "data") as url:
        yield url


@contextmanager
def _named(postgres_url: str, template: str, changed: pytest.MonkeyPatch, data_dir: Path) -> Iterator[str]:
    """A copy of a database, which DATABASE_URL names."""
    name = f"partita_cli_{secrets.token_hex(6)}"
    execute(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    changed.setenv("DATABASE_URL", url)
    changed.setenv("PARTITA_DATA_DIR", str(data_dir))
    yield url
    execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')
