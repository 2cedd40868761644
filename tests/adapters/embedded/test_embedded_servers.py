"""The embedded servers through their public doors, on real processes."""

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis

from adapters.embedded import EmbeddedServers, FolderInUse, ServersDidNotStart, ServerUrls, running_servers

ROOT = Path(__file__).parents[3]
# Starts servers in the folder it is given, says so, and waits to be killed.
OWNER = """
import sys
from pathlib import Path
from adapters.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]))
servers.start()
print(servers.postgres_pid, servers.valkey_pid, flush=True)
sys.stdin.read()
servers.stop()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a folder with spaces"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which servers ran and were stopped: copied, it saves making the cluster again."""
    folder = tmp_path_factory.mktemp("cluster") / "made"
    with EmbeddedServers(folder):
        pass
    return folder


@pytest.fixture
def made(cluster: Path, folder: Path) -> Path:
    shutil.copytree(cluster, folder)
    folder.chmod(0o700)
    return folder


@pytest.fixture
def no_setpriv(tmp_path: Path) -> str:
    """A PATH as on a system whose kernel cannot end a process with its parent."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("unshare", "true"):
        if found := shutil.which(program):
            (folder / program).symlink_to(found)
    return str(folder)


@contextlib.contextmanager
def an_owner(folder: Path, path: str | None = None) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Another process that runs servers in `folder`, and the pids of its two servers."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ({} if path is None else {"PATH": path})
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        postgres_pid, valkey_pid = map(int, owner.stdout.readline().split())
        yield owner, postgres_pid, valkey_pid
    finally:
        owner.stdin.close()
        owner.wait(60)
        owner.stdout.close()


async def query(urls: ServerUrls, statement: str) -> object:
    connection = await asyncpg.connect(urls.database_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def lives(pid: int) -> bool:
    # A dead child of a dead parent stays listed, as a zombie, until the system's first process has seen to it.
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


def watchdogs_of(*pids: int) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() for pid in pids if line.rstrip().endswith(f"partita-watchdog {pid}")]


def within(seconds: float, happens: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def test_the_first_start_makes_a_database_that_answers_with_full_durability(folder: Path) -> None:
    with EmbeddedServers(folder) as servers:
        assert servers.urls.database_url.endswith("/partita")
        assert await query(servers.urls, "SELECT current_user || ' ' || current_database()") == "partita partita"
        assert await query(servers.urls, "SELECT rolsuper FROM pg_roles WHERE rolname = 'partita'") is True
        assert await query(servers.urls, "SHOW fsync") == "on"
        assert await query(servers.urls, "SHOW full_page_writes") == "on"
        assert await query(servers.urls, "SHOW synchronous_commit") == "on"
        assert await query(servers.urls, "SHOW server_encoding") == "UTF8"


async def test_data_survive_a_stop_and_a_start(made: Path) -> None:
    with EmbeddedServers(made) as servers:
        await query(servers.urls, "CREATE TABLE kept AS SELECT 42 AS number")
        with redis.Redis.from_url(servers.urls.redis_url) as client:
            client.set("kept", "43")
    with EmbeddedServers(made) as servers:
        assert await query(servers.urls, "SELECT number FROM kept") == 42
        with redis.Redis.from_url(servers.urls.redis_url) as client:
            assert client.get("kept") == b"43"


async def test_both_servers_ask_for_a_password_and_listen_on_this_machine_only(made: Path) -> None:
    with EmbeddedServers(made) as servers:
        assert await query(servers.urls, "SHOW listen_addresses") == "127.0.0.1"
        assert await query(servers.urls, "SHOW unix_socket_directories") == ""
        secret = (made / "password").read_text()
        wrong = servers.urls.database_url.replace(secret, "wrong")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
        nameless = redis.Redis.from_url(servers.urls.redis_url.replace(f":{secret}@", ""))
        with nameless, pytest.raises(redis.AuthenticationError):
            nameless.ping()
        with redis.Redis.from_url(servers.urls.redis_url) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
        commands = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True).stdout
        assert secret not in commands


def test_a_second_starter_is_told_who_has_the_folder_and_what_to_do(made: Path) -> None:
    with an_owner(made) as (owner, _, _):
        with pytest.raises(FolderInUse) as refused:
            EmbeddedServers(made).start()
        assert refused.value.pid == owner.pid
        assert refused.value.folder == made
        assert f"kill {owner.pid}" in str(refused.value)
        assert "PARTITA_DATA_DIR" in str(refused.value)


async def test_another_process_can_use_running_servers_and_none_once_they_are_stopped(made: Path) -> None:
    assert running_servers(made) is None
    with an_owner(made):
        urls = running_servers(made)
        assert urls is not None
        assert await query(urls, "SELECT 1") == 1
        with redis.Redis.from_url(urls.redis_url) as client:
            assert client.ping()
    assert running_servers(made) is None


def test_asking_for_running_servers_makes_nothing(folder: Path) -> None:
    assert running_servers(folder) is None
    assert not folder.exists()


def test_everything_in_the_folder_is_private_to_its_owner(folder: Path) -> None:
    with EmbeddedServers(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for entry in folder.iterdir():
            wanted = 0o700 if entry.is_dir() else 0o600
            assert (entry.name, stat.S_IMODE(entry.stat().st_mode)) == (entry.name, wanted)
        assert (folder / "servers.json").exists()


def test_urls_left_behind_by_a_killed_process_are_not_offered(made: Path) -> None:
    with an_owner(made) as (owner, postgres_pid, valkey_pid):
        owner.kill()
        owner.wait()
        assert (made / "servers.json").exists()
        assert running_servers(made) is None
        assert within(20, lambda: not lives(postgres_pid) and not lives(valkey_pid))


def test_urls_of_an_earlier_owner_are_not_offered_as_those_of_a_new_one(made: Path) -> None:
    with an_owner(made):
        record = json.loads((made / "servers.json").read_text())
        record["pid"] += 1
        (made / "servers.json").write_text(json.dumps(record))
        assert running_servers(made) is None


async def test_a_killed_parent_leaves_no_server_and_the_folder_starts_again_at_once(made: Path) -> None:
    with an_owner(made) as (owner, postgres_pid, valkey_pid):
        urls = running_servers(made)
        assert urls is not None
        await query(urls, "CREATE TABLE kept AS SELECT 42 AS number")
        owner.kill()
        owner.wait()
        with EmbeddedServers(made) as servers:  # without waiting: the old servers may still be shutting down
            assert not lives(postgres_pid)
            assert not lives(valkey_pid)
            assert await query(servers.urls, "SELECT number FROM kept") == 42


def test_a_killed_parent_leaves_no_server_where_the_kernel_does_not_end_it(made: Path, no_setpriv: str) -> None:
    with an_owner(made, path=no_setpriv) as (owner, postgres_pid, valkey_pid):
        assert len(watchdogs_of(postgres_pid, valkey_pid)) == 2
        owner.kill()
        owner.wait()
        assert within(20, lambda: not lives(postgres_pid) and not lives(valkey_pid))
        assert within(5, lambda: not watchdogs_of(postgres_pid, valkey_pid))


def test_an_orderly_stop_leaves_no_watchdog(made: Path, no_setpriv: str) -> None:
    with an_owner(made, path=no_setpriv) as (_, postgres_pid, valkey_pid):
        assert len(watchdogs_of(postgres_pid, valkey_pid)) == 2
    assert not lives(postgres_pid)
    assert not lives(valkey_pid)
    assert not watchdogs_of(postgres_pid, valkey_pid)


def test_ctrl_c_in_a_terminal_reaches_the_parent_and_not_the_servers(made: Path) -> None:
    with EmbeddedServers(made) as servers:
        assert os.getpgid(servers.postgres_pid) != os.getpgid(0)
        assert os.getpgid(servers.valkey_pid) != os.getpgid(0)


async def test_a_cluster_whose_making_was_interrupted_is_made_anew(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    (folder / "password").touch()
    with EmbeddedServers(folder) as servers:
        assert await query(servers.urls, "SELECT 1") == 1
    assert not (folder / "postgres.new").exists()


async def test_a_pid_file_that_names_an_unrelated_live_process_is_no_obstacle(made: Path) -> None:
    lines = [os.getpid(), made / "postgres", 1_700_000_000, 5432, "", "127.0.0.1", "0 0", "ready"]
    (made / "postgres" / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n")
    with EmbeddedServers(made) as servers:
        assert await query(servers.urls, "SELECT 1") == 1


async def test_postgres_killed_under_writes_restarts_at_the_same_url_with_every_committed_row(made: Path) -> None:
    with EmbeddedServers(made) as servers:
        await query(servers.urls, "CREATE TABLE kept (number int)")
        writer = await asyncpg.connect(servers.urls.database_url)
        acknowledged = 0
        for number in range(1, 201):
            await writer.execute("INSERT INTO kept VALUES ($1)", number)
            acknowledged = number
        before = servers.postgres_pid
        os.kill(before, signal.SIGKILL)
        servers.restart_postgres()
        assert servers.postgres_pid != before
        assert await query(servers.urls, "SELECT count(*) FROM kept") == acknowledged
        writer.terminate()


async def test_a_live_postgres_is_stopped_and_started_by_a_restart(made: Path) -> None:
    with EmbeddedServers(made) as servers:
        before = servers.postgres_pid
        servers.restart_postgres()
        assert servers.postgres_pid != before
        assert await query(servers.urls, "SELECT 1") == 1


def test_start_and_stop_may_be_repeated(made: Path) -> None:
    servers = EmbeddedServers(made)
    servers.stop()
    urls = servers.start()
    assert servers.start() is urls
    postgres_pid, valkey_pid = servers.postgres_pid, servers.valkey_pid
    servers.stop()
    servers.stop()
    assert not lives(postgres_pid)
    assert not lives(valkey_pid)
    assert not (made / "servers.json").exists()
    with pytest.raises(RuntimeError, match="not started"):
        _ = servers.postgres_pid
    with pytest.raises(RuntimeError, match="not started"):
        servers.restart_postgres()


def test_a_server_that_does_not_start_is_reported_with_its_last_words_and_nothing_is_left(made: Path) -> None:
    (made / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(ServersDidNotStart) as failed:
        EmbeddedServers(made).start()
    assert "pg_control" in str(failed.value)
    assert "set DATABASE_URL and REDIS_URL" in str(failed.value)
    (made / "postgres").rename(made / "broken")
    with EmbeddedServers(made):  # the lock, too, was let go
        pass


def test_a_folder_that_cannot_be_made_is_reported_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServersDidNotStart, match="PARTITA_DATA_DIR"):
        EmbeddedServers(tmp_path / "file" / "folder").start()


def test_a_database_whose_password_is_lost_is_not_replaced_by_an_empty_one(made: Path) -> None:
    (made / "password").unlink()
    with pytest.raises(ServersDidNotStart, match="password is gone"):
        EmbeddedServers(made).start()
    assert (made / "postgres" / "PG_VERSION").exists()


def test_an_earlier_server_that_does_not_end_is_named(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.embedded.postgres._STOP_SECONDS", 0.2)
    with an_owner(made) as (owner, postgres_pid, _):
        os.kill(postgres_pid, signal.SIGSTOP)
        owner.kill()
        owner.wait()
        with pytest.raises(ServersDidNotStart, match=f"kill -INT {postgres_pid}"):
            EmbeddedServers(made).start()
        os.kill(postgres_pid, signal.SIGCONT)
        assert within(20, lambda: not lives(postgres_pid))


def test_servers_are_not_started_from_a_thread_whose_end_would_end_them(made: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedServers(made).start()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


def test_a_long_log_is_put_aside_at_the_next_start(made: Path) -> None:
    (made / "postgres.log").write_bytes(b"x" * 10_000_001)
    with EmbeddedServers(made):
        assert (made / "postgres.log").stat().st_size < 10_000
    assert (made / "postgres.log.1").stat().st_size == 10_000_001
