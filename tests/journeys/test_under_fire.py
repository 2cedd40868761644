"""Right under fire: several servers, many clients, and everything killed, stopped, paused or filled up in between.

Clients post with idempotency keys until they are answered. Whatever happened, in the end the ledger holds exactly
what was answered, each once; its chain holds, and its projections are what its events say. `make soak` runs these for
minutes; `make test` for seconds.
"""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncpg
import httpx2
import pytest
from dependency_injector import providers

from application.ledger.journal import Journal
from entrypoints.container import Container
from entrypoints.http.app import create_app
from tests.entrypoints.http.raw_upload import uploading
from tests.journeys.clients import Clients, Told, some_transaction, wait_for
from tests.journeys.site import Site, site_in
from tests.server_process import ServerProcess

pytestmark = pytest.mark.soak

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
ROUNDS = 20 if IS_LONG else 1
BURST = 4_000 if IS_LONG else 400  # answers to wait for before and after something happens
CLIENTS = 32


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("fire")) as made:
        yield made


@pytest.fixture(scope="module")
def pair(site: Site) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two servers over one database; whoever harms one puts it right again."""
    with ExitStack() as servers:
        started = [site.server(), site.server()]
        for server in started:
            servers.callback(server.stop)
            server.start()
        yield started[0], started[1]


Pair = tuple[ServerProcess, ServerProcess]


def more_answers(clients: Clients, count: int = BURST, seconds: float = 60) -> None:
    """Wait until so many more are answered."""
    goal = clients.told.count() + count
    clients.wait_until(lambda told: told.count() >= goal, seconds)


def test_two_servers_and_32_clients_write_one_ledger_without_a_gap(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    clients = Clients(ledger, [server.url for server in pair], CLIENTS).start()
    more_answers(clients, 2 * BURST * ROUNDS, 600)
    told = clients.stop()
    assert told.failures == {}
    site.check(ledger, told)


def test_retries_at_once_on_both_servers_have_one_effect_and_one_answer(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    told = Told()
    chance = random.Random(1)

    async def race(client: httpx2.AsyncClient, key: str) -> None:
        transaction = some_transaction(chance, key)
        urls = [server.url for server in pair] * 4
        chance.shuffle(urls)
        responses = await asyncio.gather(
            *(
                client.post(f"{url}/v1/ledgers/main/transactions", json=transaction, headers={"Idempotency-Key": key})
                for url in urls
            )
        )
        assert {response.status_code for response in responses} == {201}
        answers = [response.json() for response in responses]
        assert all(answer == answers[0] for answer in answers)
        assert sum("idempotency-replayed" not in response.headers for response in responses) == 1
        told.answers[key] = answers[0]

    async def races() -> None:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {ledger.key}"}, timeout=20) as client:
            for turn in range(10 * ROUNDS):
                await asyncio.gather(*(race(client, f"race-{turn}-{lane}") for lane in range(8)))

    asyncio.run(races())
    site.check(ledger, told)


def test_a_server_is_killed_in_mid_load(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    clients = Clients(ledger, [server.url for server in pair], CLIENTS).start()
    for turn in range(ROUNDS):
        more_answers(clients)
        pair[turn % 2].kill()
        more_answers(clients, BURST // 4)  # of the other one
        pair[turn % 2].start()
        more_answers(clients)
    told = clients.stop()
    assert told.failures[0] > 0
    site.check(ledger, told)


def test_a_stream_is_cut_off_by_a_kill_and_sent_again_with_its_key(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    chance = random.Random(7)
    transactions = [some_transaction(chance, f"stream/{index}") for index in range(BURST * 3)]
    told = Told()

    async def stream(is_killed: bool) -> None:
        path = "/v1/ledgers/main/transactions/bulk"
        async with uploading(pair[0].url, path, ledger.key, Idempotency_Key="stream") as upload:

            async def send() -> None:
                with suppress(ConnectionError):
                    for start in range(0, len(transactions), 100):
                        await upload.send_lines(*transactions[start : start + 100])
                    await upload.end()

            sending = asyncio.create_task(send())
            try:
                async for answer in upload.answers():
                    assert answer["status"] == 201, answer
                    key = f"stream/{answer['index']}"
                    assert told.answers.setdefault(key, answer["transaction"]) == answer["transaction"]
                    if is_killed and len(told.answers) == BURST:
                        pair[0].kill()
            except (ConnectionError, asyncio.IncompleteReadError, ValueError):
                assert is_killed
            await sending

    asyncio.run(stream(is_killed=True))
    assert BURST <= len(told.answers) < len(transactions)
    pair[0].start()
    asyncio.run(stream(is_killed=False))
    assert len(told.answers) == len(transactions)
    site.check(ledger, told)


def test_postgres_is_killed_in_mid_load(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    clients = Clients(ledger, [server.url for server in pair], CLIENTS).start()
    for _ in range(ROUNDS):
        more_answers(clients)
        site.kill_postgres()
        site.embedded.restart_postgres()
        more_answers(clients)
    told = clients.stop()
    site.check(ledger, told)


def test_postgres_is_away_for_a_while(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    clients = Clients(ledger, [server.url for server in pair], 4).start()
    more_answers(clients, BURST // 8)
    site.kill_postgres()
    headers = {"Authorization": f"Bearer {ledger.key}"}
    for server in pair:
        with httpx2.Client(base_url=server.url, headers=headers, timeout=20) as client:
            wait_for(lambda client=client: client.get("/health/ready").status_code == 503)  # type: ignore[misc] # bound at once
            assert client.get("/health/ready").json()["status"] == "not-ready"
            assert client.get("/health/live").status_code == 200
            refused = client.get("/v1/ledgers/main")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["code"] == "unavailable"
    if IS_LONG:  # longer than posts wait for it to come back
        clients.wait_until(lambda told: told.failures[503] > 4, 60)
    site.embedded.restart_postgres()
    more_answers(clients, BURST // 8)
    for server in pair:
        wait_for(lambda server=server: httpx2.get(f"{server.url}/health/ready").status_code == 200)  # type: ignore[misc] # bound at once
    site.check(ledger, clients.stop())


def test_a_paused_server_that_holds_a_ledgers_head_does_not_stop_another(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    paused, other = pair
    of_paused = Clients(ledger, [paused.url], CLIENTS // 2).start()
    more_answers(of_paused, BURST // 4)
    for _ in range(100):
        paused.send(signal.SIGSTOP)
        if asyncio.run(is_held(site)):
            break
        paused.send(signal.SIGCONT)
        time.sleep(0.01)
    else:
        pytest.fail("the server was never met while it held the head")
    began = time.monotonic()
    of_other = Clients(ledger, [other.url], CLIENTS // 2, name="other").start()
    more_answers(of_other, BURST // 4)
    # It was made to let go by the timeout of five seconds.
    assert time.monotonic() - began < 12
    paused.send(signal.SIGCONT)
    more_answers(of_paused, BURST // 4)
    told = of_paused.stop()
    told.answers |= of_other.stop().answers
    site.check(ledger, told)


async def is_held(site: Site) -> bool:
    """Whether a transaction of a journal sleeps, as that of a paused server does, and still does so a moment later."""
    connection = await asyncpg.connect(site.urls.database_url)
    try:
        for _ in range(3):
            await asyncio.sleep(0.05)
            held = await connection.fetchval(
                """
                SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid)
                WHERE state = 'idle in transaction' AND application_name = 'partita'
                    AND relation = 'ledgers'::regclass AND mode = 'RowShareLock'
                """
            )
            if not held:
                return False
        return True
    finally:
        await connection.close()


def test_redis_is_killed(site: Site, pair: Pair) -> None:
    ledger = site.new_ledger()
    clients = Clients(ledger, [server.url for server in pair], 4).start()
    more_answers(clients, BURST // 8)
    os.kill(site.embedded.valkey_pid, signal.SIGKILL)
    more_answers(clients, BURST // 8)
    for server in pair:
        wait_for(
            lambda server=server: httpx2.get(f"{server.url}/health/ready").json()["status"] == "degraded"  # type: ignore[misc] # bound at once
        )
        assert httpx2.get(f"{server.url}/health/ready").status_code == 200
    told = clients.stop()
    assert told.failures == {}
    site.check(ledger, told)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes, or a reason to skip."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of the folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65_536)
        except OSError:
            pass
    return filler


def test_a_full_disk_refuses_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 200) as disk, site_in(disk) as site:
        ledger = site.new_ledger()
        told = Told()

        async def post(client: httpx2.AsyncClient, key: str) -> httpx2.Response:
            transaction = some_transaction(random.Random(key), key)
            path = "/v1/ledgers/main/transactions"
            response = await client.post(path, json=transaction, headers={"Idempotency-Key": key})
            if response.status_code == 201:
                told.answers[key] = response.json()
            return response

        async def run(container: Container) -> None:
            # As ever, but for its patience: the real one would be tried here, too.
            container.journal.override(
                providers.Singleton(
                    Journal, container.books, container.clock, container.ids, retry_delays_seconds=(0.05,)
                )
            )
            app = create_app(container.services())
            headers = {"Authorization": f"Bearer {ledger.key}"}
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
                assert (await post(client, "before")).status_code == 201
                filler = fill(disk)
                refused: list[str] = []
                for number in range(3_000):
                    response = await post(client, f"full-{number}")
                    if response.status_code != 201:
                        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
                        refused.append(f"full-{number}")
                    if len(refused) == 5:
                        break
                assert len(refused) == 5
                filler.unlink()
                for key in (*refused, "after"):
                    assert (await post(client, key)).status_code == 201

        site.maintain(run)
        site.check(ledger, told)
