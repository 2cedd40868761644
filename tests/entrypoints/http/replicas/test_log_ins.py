"""In production a replica is logged in to by someone without power, as the database is, or is not read from."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr

from adapters.embedded import EmbeddedServers, ServerUrls
from adapters.postgres.schema import SchemaNotReady
from adapters.security.signer import FileSigner
from entrypoints.container import opened
from entrypoints.settings import Settings
from tests.entrypoints.http.replicas.conftest import Serve
from tests.standby import Standby

ROOT = Path(__file__).parents[4]
SEES = "may bypass row-level security: whoever learns its password sees and changes all organisations' books"
OWNS = "owns the tables: whoever learns its password can rewrite the log"
# Each is a role of the server that all copies have; by name, what it may do, and what is said of it.
POWERS = {
    "log_in_superuser": (["ALTER ROLE log_in_superuser SUPERUSER"], SEES),
    "log_in_bypassing": (["ALTER ROLE log_in_bypassing BYPASSRLS"], SEES),
    "log_in_becomes_it": (["GRANT log_in_bypassing TO log_in_becomes_it"], SEES),
    "log_in_owner": (["GRANT partita TO log_in_owner", "ALTER ROLE partita SUPERUSER"], SEES),
    "log_in_of_a_table": (["ALTER TABLE event_log OWNER TO log_in_of_a_table"], OWNS),
}
NO_POWER = "log_in_server"


def as_user(url: str, name: str) -> str:
    """The same database, for someone else."""
    of = urlsplit(url)
    return urlunsplit(of._replace(netloc=f"{name}:made-up@{of.netloc.rpartition('@')[2]}"))


@pytest.fixture
async def roles(primary: EmbeddedServers, standby: Standby, serve: Serve) -> AsyncIterator[None]:
    """Users with powers, there and at the standby."""
    async with serve():  # it has been migrated
        pass
    owner = await asyncpg.connect(primary.urls.database_url)
    for name in (NO_POWER, *POWERS):
        await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'made-up'; GRANT partita_service TO {name}")
    for statements, _ in POWERS.values():
        for statement in statements:
            await owner.execute(statement)
    position = await owner.fetchval("SELECT pg_current_wal_lsn()::text")
    while not await standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"):  # noqa: ASYNC110 # it tells nobody
        await asyncio.sleep(0.02)
    yield
    await owner.execute("ALTER TABLE event_log OWNER TO partita")
    for name in (NO_POWER, *POWERS):
        await owner.execute(f"DROP ROLE {name}")
    await owner.close()


def in_production(settings: Settings, replica_url: str) -> Settings:
    """What a server is given that must not be careless."""
    return settings.model_copy(update={"environment": "production", "database_replica_urls": SecretStr(replica_url)})


async def refused(settings: Settings, urls: ServerUrls) -> str | None:
    """Why a server would not start for its log-ins; None if it would."""
    async with opened(settings, urls) as container:
        try:
            await container.maintenance().require_bound_log_ins()
        except SchemaNotReady as error:
            return str(error)
    return None


async def test_a_log_in_with_power_is_refused_at_a_replica_as_at_the_database_in_the_same_words(
    primary: EmbeddedServers, standby: Standby, settings: Settings, roles: None
) -> None:
    powerless = ServerUrls(as_user(primary.urls.database_url, NO_POWER), primary.urls.redis_url)
    assert await refused(in_production(settings, as_user(standby.url, NO_POWER)), powerless) is None
    for name, (_, said) in POWERS.items():
        of_replica = await refused(in_production(settings, as_user(standby.url, name)), powerless)
        assert of_replica is not None
        assert of_replica.startswith(f"The user {name} of DATABASE_REPLICA_URLS {said}. Let servers log in as one who")
        assert "made-up" not in of_replica
        of_database = ServerUrls(as_user(primary.urls.database_url, name), primary.urls.redis_url)
        assert await refused(in_production(settings, ""), of_database) == of_replica.replace("REPLICA_URLS", "URL")


async def test_the_command_does_not_start_and_says_why(
    primary: EmbeddedServers, standby: Standby, settings: Settings, roles: None, tmp_path: Path
) -> None:
    FileSigner(tmp_path / "key.pem")
    production = {
        "PARTITA_ENVIRONMENT": "production",
        "PARTITA_PUBLIC_URL": "https://ledger.example.com",
        "PARTITA_SMTP_HOST": "mail.invalid",
        "PARTITA_SIGNING_KEY_FILE": str(tmp_path / "key.pem"),
        "PARTITA_PORT": "0",
        "DATABASE_URL": as_user(primary.urls.database_url, NO_POWER),
        "REDIS_URL": primary.urls.redis_url,
    }
    given = {**os.environ, **production, "DATABASE_REPLICA_URLS": as_user(standby.url, "log_in_bypassing")}
    # The server itself is started so for the database in tests/entrypoints/cli/test_config.py.
    start = [sys.executable, "-c", "from entrypoints.cli import start; start()", "worker"]
    done = subprocess.run(start, env=given, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"The user log_in_bypassing of DATABASE_REPLICA_URLS {SEES}" in done.stderr


async def test_one_that_was_away_at_the_start_is_looked_at_before_it_is_read_from(
    primary: EmbeddedServers, standby: Standby, settings: Settings, roles: None, caplog: pytest.LogCaptureFixture
) -> None:
    powerless = ServerUrls(as_user(primary.urls.database_url, NO_POWER), primary.urls.redis_url)
    careless = in_production(settings, as_user(standby.url, "log_in_superuser"))
    standby.send(signal.SIGSTOP)
    try:
        assert await refused(careless, powerless) is None
    finally:
        standby.send(signal.SIGCONT)
    async with opened(careless, powerless) as container:
        (replica,) = container.replicas().all
        container.replicas().start()
        while replica.trouble in (None, "has not been asked yet", "does not answer"):
            assert container.replicas().fit(1) == []
            await asyncio.sleep(0.02)
        assert replica.trouble == f"is logged in to as log_in_superuser, who {SEES}"
        await asyncio.sleep(0.6)
        assert container.replicas().fit(1) == []
        owner = await asyncpg.connect(primary.urls.database_url)
        await owner.execute("ALTER ROLE log_in_superuser NOSUPERUSER")
        await owner.close()
        # Without that power, it is as good as any.
        async with asyncio.timeout(10):
            while container.replicas().fit(1) != [replica]:  # noqa: ASYNC110 # it tells nobody
                await asyncio.sleep(0.02)
        await container.replicas().stop()
    said = [record.getMessage() for record in caplog.records if "log_in_superuser" in record.getMessage()]
    assert said == [f"the replica {standby.host} is not read from: it is logged in to as log_in_superuser, who {SEES}"]
