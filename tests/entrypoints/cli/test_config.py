"""`partita config check` and `partita health`: what they say, and their exit codes."""

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from adapters.security.signer import FileSigner
from entrypoints.settings import Settings
from tests.deploy.image import IN_THE_IMAGE, NOWHERE, in_the_image
from tests.entrypoints.cli.conftest import Partita, execute
from tests.server_process import ServerProcess


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in Settings.variables().values():
        monkeypatch.delenv(variable, raising=False)
    for variable in ("PARTITA_SOAK", "PARTITA_API_KEY"):
        monkeypatch.delenv(variable, raising=False)


def test_it_prints_each_setting_with_its_source_and_no_secret(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "redis").write_text("redis://:s3cret@redis.example.com\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@db.example.com/books")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "redis"))
    monkeypatch.setenv("partita_pool_size", "25")
    monkeypatch.setenv("PARTITA_CORS_ORIGINS", "https://a.example,https://b.example")
    said = partita("config", "check")
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines()}
    assert rows["DATABASE_URL"] == ["(secret)", "environment"]
    assert rows["REDIS_URL"] == ["(secret)", "file", str(tmp_path / "redis")]
    assert rows["PARTITA_POOL_SIZE"] == ["25", "environment"]
    assert rows["PARTITA_CORS_ORIGINS"] == ["https://a.example,https://b.example", "environment"]
    assert rows["PARTITA_CORS_CREDENTIALS"] == ["false", "default"]
    assert rows["PARTITA_SMTP_PASSWORD"] == ["-", "default"]
    assert {*Settings.variables().values()} < rows.keys()
    assert "s3cret" not in said.out + said.err
    assert said.code == 0
    assert said.out.splitlines()[-1] == "These settings will do in development."


def test_outside_of_production_it_says_what_would_not_be_safe_there(partita: Partita) -> None:
    said = partita("config", "check")
    assert said.code == 0
    assert "not safe in production: DATABASE_URL is not set" in said.err


def test_in_production_what_is_unsafe_is_a_failure(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_ENVIRONMENT", "production")
    said = partita("config", "check")
    assert said.code == 1
    assert "not safe in production: PARTITA_SIGNING_KEY_FILE is not set" in said.err
    assert said.err.endswith("partita: These settings are not good.\n")


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("PARTITA_POOL_SICE", "PARTITA_POOL_SICE sets nothing: is PARTITA_POOL_SIZE meant?"),
        ("PARTITA_PORT_FILE", "PARTITA_PORT_FILE sets nothing: is PARTITA_PORT meant?"),
        ("PARTITA_XYZZY", "PARTITA_XYZZY sets nothing."),
    ],
)
def test_a_variable_that_sets_nothing_is_a_failure(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, "1")
    said = partita("config", "check")
    assert said.code == 1
    assert sentence in said.err.splitlines()


def test_a_setting_that_makes_no_sense_is_named(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_ENVIRONMENT", "prod")
    said = partita("config", "check")
    assert said.code == 2
    assert said.err.startswith("partita: PARTITA_ENVIRONMENT is 'prod': input should be 'development' or 'production'")


@pytest.fixture
def server_url(database: str) -> Iterator[str]:
    """The same database, for a user that may become the service's role, and nothing else."""
    name = f"partita_server_{secrets.token_hex(6)}"
    execute(database, f"CREATE ROLE {name} LOGIN PASSWORD 'made-up'")
    execute(database, f"GRANT partita_service TO {name}")
    yield urlunsplit(urlsplit(database)._replace(netloc=f"{name}:made-up@{urlsplit(database).netloc.split('@')[1]}"))
    execute(database, f"DROP ROLE {name}")


@pytest.fixture
def production(tmp_path: Path, redis_url: str) -> dict[str, str]:
    """Settings that are good in production, but for the database."""
    FileSigner(tmp_path / "key.pem")
    return {
        "PARTITA_ENVIRONMENT": "production",
        "PARTITA_PUBLIC_URL": "https://ledger.example.com",
        "PARTITA_SMTP_HOST": "mail.invalid",
        "PARTITA_SIGNING_KEY_FILE": str(tmp_path / "key.pem"),
        "REDIS_URL": redis_url,
    }


def test_asked_to_it_logs_in_to_the_database(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, database: str, server_url: str, production: dict[str, str]
) -> None:
    for variable, value in production.items():
        monkeypatch.setenv(variable, value)
    said = partita("config", "check", "--connect")
    assert said.code == 1
    assert "whoever learns its password sees and changes all organisations' books" in said.err
    assert "CREATE ROLE partita_server LOGIN" in said.err
    monkeypatch.setenv("DATABASE_URL", server_url)
    said = partita("config", "check", "--connect")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith("These settings will do in production.\n")


def test_a_user_that_owns_the_tables_is_refused(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, database: str, server_url: str
) -> None:
    execute(database, f"ALTER TABLE event_log OWNER TO {urlsplit(server_url).username}")
    monkeypatch.setenv("DATABASE_URL", server_url)
    said = partita("config", "check", "--connect")
    execute(database, f"REASSIGN OWNED BY {urlsplit(server_url).username} TO {urlsplit(database).username}")
    assert said.code == 1
    assert "owns the tables: whoever learns its password can rewrite the log" in said.err


def test_in_the_image_a_server_works_in_production_as_a_user_without_power_and_no_other(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, database: str, server_url: str, production: dict[str, str]
) -> None:
    # As a Job runs it: without the server's settings and secrets.
    migrated = in_the_image("migrate", PARTITA_ENVIRONMENT="production", DATABASE_URL=database)
    assert (migrated.returncode, migrated.stdout) == (0, "The database is up to date.\n"), migrated.stderr
    refused = in_the_image("serve", "--port", "0", **production, DATABASE_URL=database)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "of DATABASE_URL may bypass row-level security" in refused.stderr
    worker = ServerProcess(
        server_url, production["REDIS_URL"], Path(NOWHERE), production, command="worker", program=IN_THE_IMAGE
    ).start()
    assert worker.stop() == 0

    server = ServerProcess(server_url, production["REDIS_URL"], Path(NOWHERE), production, program=IN_THE_IMAGE).start()
    try:
        monkeypatch.setenv("PARTITA_PORT", server.url.rpartition(":")[2])
        monkeypatch.setenv("PARTITA_HOST", "0.0.0.0")
        ready, live = partita("health"), partita("health", "--live")
    finally:
        assert server.stop() == 0
    fine = '{"status":"ready","database":"ok","redis":"ok","relay":"ok","replicas":"ok","extensions":"ok"}'
    assert (ready.code, ready.out) == (0, f"{fine}\n")
    assert (live.code, live.out) == (0, '{"status":"live"}\n')
    assert partita("health").code == 1


def test_health_fails_where_nothing_answers_as_it_should(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PARTITA_PORT", str(silent.getsockname()[1]))
        monkeypatch.setattr("entrypoints.cli.health._SECONDS", 0.2)
        said = partita("health")
    assert said.code == 1
    assert "Nothing answers at 127.0.0.1" in said.err
