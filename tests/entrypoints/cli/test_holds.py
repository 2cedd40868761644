"""`partita hold …` and `partita transaction …`."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from adapters.embedded import ServerUrls
from application.ledger.place_hold import PlaceHold
from domain.ledger.hold import HoldDraft
from domain.shared.access import Principal
from entrypoints.container import opened
from entrypoints.settings import Settings
from tests.builders import credit, debit
from tests.entrypoints.cli.conftest import Partita
from tests.entrypoints.cli.test_commands import sale


@pytest.fixture
def held(database: str, partita: Partita, tmp_path: Path) -> str:
    """The id of a hold, in the ledger of the one organisation."""

    async def place() -> str:
        urls = ServerUrls(os.environ["DATABASE_URL"], "redis://127.0.0.1:1/0")
        async with opened(Settings(data_dir=tmp_path / "data"), urls) as container:
            (organisation,) = await container.maintenance().directory.organisations(10)
            who = Principal(organisation.id, "system:tests")
            entries = (debit("assets:bank", "5.00"), credit("income:sales", "5.00"))
            hold = HoldDraft(container.ids().new("hold"), entries, reference="till-1")
            await container.journal().submit(who, "main", PlaceHold(hold), request_id="req_tests")
            return hold.id

    return asyncio.run(place())


def test_holds_are_listed_and_released(held: str, partita: Partita) -> None:
    line = f"{held}  open      till-1  left: debit assets:bank 5.00 EUR, credit income:sales 5.00 EUR\n"
    for options in ((), ("--status", "open"), ("--account", "assets:*"), ("--account", "income:sales")):
        assert partita("hold", "list", *options).out == line
    for options in (("--status", "released"), ("--account", "users:*")):
        assert partita("hold", "list", *options).out == ""
    said = partita("hold", "release", held, "--reason", "cancelled")
    assert (said.code, said.out) == (0, f"Released {held}.\n")
    assert " released " in partita("hold", "list").out
    again = partita("hold", "release", held)
    assert (again.code, again.err) == (1, f"partita: The hold {held} is released.\n")
    last = json.loads(partita("export").out.splitlines()[-1])
    assert (last["type"], last["actor"], last["data"]["reason"]) == ("hold.released", "system:cli", "cancelled")


def test_a_status_that_there_is_not_is_wrong_usage(database: str, partita: Partita) -> None:
    assert partita("hold", "list", "--status", "lost").code == 2


def test_a_transaction_is_reversed_once(database: str, partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "sale.ndjson"
    file.write_text(json.dumps(sale("sale-1") | {"effective_at": "2026-01-02T00:00:00Z"}) + "\n")
    assert partita("import", str(file)).code == 0
    posted = json.loads(partita("export").out.splitlines()[-1])["data"]
    said = partita("transaction", "reverse", posted["id"], "--reference", "undo-1", "--original-time")
    assert said.code == 0
    reversal = json.loads(partita("export").out.splitlines()[-1])["data"]
    assert said.out == f"{reversal['id']}\n"
    assert (reversal["reverses"], reversal["reference"]) == (posted["id"], "undo-1")
    assert reversal["effective_at"] == posted["effective_at"]
    again = partita("transaction", "reverse", posted["id"])
    assert (again.code, again.err) == (1, f"partita: Nothing is left to reverse of {posted['id']}.\n")
    assert (
        partita("transaction", "reverse", "txn_x").err == "partita: There is no transaction 'txn_x' in this ledger.\n"
    )
