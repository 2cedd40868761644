"""Real books, through every way in, against the balances that another program works out."""

import asyncio
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2
import pytest

from tests.books.books import Balances, Books, household, shop
from tests.journeys.demo_server import ROOT, DemoServer

DATA: Final = ROOT.parent / "shared" / "data"
_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    server = DemoServer(tmp_path_factory.mktemp("books"))
    server.start()
    yield server
    server.stop()


def household_or_skip() -> Books:
    if not (DATA / "household.ndjson").exists():
        pytest.skip("the books of the household are not beside this repository")
    return household(DATA)


@pytest.fixture(params=[shop, household_or_skip], ids=["shop", "household"], scope="module")
def books(request: pytest.FixtureRequest) -> Books:
    made: Books = request.param()
    return made


only_the_shop = pytest.mark.parametrize("books", [shop], ids=["shop"], indirect=True)


@pytest.fixture
def client(server: DemoServer) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {server.demo['api_key']}"}
    with httpx2.Client(base_url=f"{server.demo['url']}/v1", headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def ledger(client: httpx2.Client, books: Books) -> str:
    """A ledger for one test, in which the assets of the books have their scales."""
    slug = f"{books.name}-{next(_numbers)}"
    answered(client.post("/ledgers", json={"slug": slug}))
    for code, scale in books.scales.items():
        answered(client.put(f"/ledgers/{slug}/assets/{code}", json={"scale": scale}))
    return slug


def answered(response: httpx2.Response) -> Any:
    assert response.status_code < 300, response.text
    return response.json()


def balances(client: httpx2.Client, ledger: str) -> Balances:
    """The trial balance, as the files of balances have it."""
    report = answered(client.get(f"/ledgers/{ledger}/reports/trial-balance"))
    for total in report["totals"]:
        assert total["debits"] == total["credits"]
    rows = {(row["account"], row["asset"]): Decimal(row["balance"]) for row in report["data"]}
    return {key: balance for key, balance in rows.items() if balance}


def post_in_bulk(client: httpx2.Client, ledger: str, books: Books) -> list[dict[str, Any]]:
    response = client.post(
        f"/ledgers/{ledger}/transactions/bulk",
        content=books.transactions.read_bytes(),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_books_posted_in_bulk_balance_to_the_last_digit(
    client: httpx2.Client, server: DemoServer, ledger: str, books: Books
) -> None:
    results = post_in_bulk(client, ledger, books)
    assert [result["index"] for result in results] == list(range(books.count))
    assert {result["status"] for result in results} == {201}
    assert balances(client, ledger) == books.balances

    again = post_in_bulk(client, ledger, books)
    assert {result["problem"]["code"] for result in again} == {"duplicate-reference"}
    assert balances(client, ledger) == books.balances
    assert server.partita("rebuild", "--ledger", ledger).stdout.startswith("The projections are what the ")


@pytest.mark.parametrize("way", ["into the database", "into a server"])
def test_books_imported_once_and_again_balance_to_the_last_digit(
    client: httpx2.Client, server: DemoServer, ledger: str, books: Books, way: str
) -> None:
    demo = server.demo
    over_http = ["--url", demo["url"], "--api-key", demo["api_key"]] if way == "into a server" else []
    command = ["import", str(books.transactions), "--ledger", ledger, *over_http]
    assert server.partita(*command).stdout == f"{books.count:,} posted, 0 already there, 0 refused.\n"
    assert balances(client, ledger) == books.balances
    assert server.partita(*command).stdout == f"0 posted, {books.count:,} already there, 0 refused.\n"
    assert balances(client, ledger) == books.balances


@only_the_shop
def test_one_changed_byte_is_found_by_every_way_to_verify(
    client: httpx2.Client, server: DemoServer, ledger: str, books: Books, tmp_path: Path
) -> None:
    post_in_bulk(client, ledger, books)
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_text(client.get(f"/ledgers/{ledger}/checkpoint").text)
    log = tmp_path / "log.ndjson"
    server.partita("export", "--ledger", ledger, "-o", str(log))
    on_log = ["verify", str(log), "--checkpoint", str(checkpoint)]
    on_database = ["verify", "--ledger", ledger, "--checkpoint", str(checkpoint)]
    events = len(log.read_bytes().splitlines())
    for command in (on_log, on_database):
        assert f"The log is valid: {events:,} events" in server.partita(*command).stdout
    found = answered(client.post(f"/ledgers/{ledger}/verification"))
    assert (found["valid"], found["checked"]) == (True, events)

    sequence = events // 2
    asyncio.run(change_one_byte(server.database_url, ledger, sequence))

    found = answered(client.post(f"/ledgers/{ledger}/verification"))
    assert (found["valid"], found["first_bad_sequence"]) == (False, sequence)
    for command in (on_database, ["rebuild", "--ledger", ledger, "--replace"]):
        said = server.partita(*command, check=False)
        assert said.returncode == 1
        assert said.stderr.startswith(f"partita: The log is broken at sequence {sequence}: ")
    server.partita("export", "--ledger", ledger, "-o", str(log))
    said = server.partita(*on_log, check=False)
    assert said.stderr.startswith(f"partita: The log is broken at sequence {sequence} (line {sequence}): ")
    assert balances(client, ledger) == books.balances


async def change_one_byte(database_url: str, ledger: str, sequence: int) -> None:
    """Do as only a superuser can."""
    connection = await asyncpg.connect(database_url)
    try:
        changed = await connection.execute(
            "UPDATE event_log SET content = set_byte(content, 30, get_byte(content, 30) # 1) "
            "WHERE stream_id = (SELECT id FROM ledgers WHERE slug = $1) AND sequence = $2",
            ledger,
            sequence,
        )
    finally:
        await connection.close()
    assert changed == "UPDATE 1"


@only_the_shop
def test_an_import_that_was_interrupted_is_taken_up_where_it_ended(
    client: httpx2.Client, server: DemoServer, ledger: str, books: Books, tmp_path: Path
) -> None:
    part = tmp_path / "part.ndjson"
    lines = books.transactions.read_bytes().splitlines(keepends=True)
    # The first half, and a line that was cut off.
    half = len(lines) // 2
    part.write_bytes(b"".join(lines[:half]) + lines[half][:40])
    said = server.partita("import", str(part), "--ledger", ledger, check=False)
    assert (said.returncode, said.stdout) == (1, f"{half:,} posted, 0 already there, 1 refused.\n")
    rest = len(lines) - half
    said = server.partita("import", str(books.transactions), "--ledger", ledger)
    assert said.stdout == f"{rest:,} posted, {half:,} already there, 0 refused.\n"
    assert balances(client, ledger) == books.balances


def test_the_balances_to_compare_with_are_the_sums_of_the_lines(books: Books) -> None:
    sums: dict[tuple[str, str], Decimal] = {}
    with io.TextIOWrapper(books.transactions.open("rb"), encoding="utf-8") as lines:
        for line in lines:
            for entry in json.loads(line)["entries"]:
                key = (entry["account"], entry["asset"])
                sign = 1 if entry["direction"] == "debit" else -1
                sums[key] = sums.get(key, Decimal(0)) + sign * Decimal(entry["amount"])
    assert {key: balance for key, balance in sums.items() if balance} == books.balances
