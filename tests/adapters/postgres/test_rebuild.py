"""Rebuilding, on projections that normal use has made and a superuser has tampered with."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger import replay
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.postgres.tables import PROJECTIONS
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.identity.create_organisation import create_organisation
from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.create_ledger import create_ledger
from application.ledger.journal import Journal
from application.ledger.open_account import OpenAccount
from application.ledger.ports import Command, LedgerAddress, Outcome
from application.ledger.post_transaction import PostTransaction
from application.ledger.readers import LedgerChanges, LedgerReads
from application.ledger.rebuild import Rebuilt
from application.ledger.register_asset import RegisterAsset
from application.ledger.set_chart import SetChart
from application.shared.ports import Work
from domain.ledger.account import AccountType
from domain.ledger.chart import Pattern, Rule
from domain.ledger.ledger import LedgerNotFound
from domain.shared.access import Principal
from domain.shared.chain import ChainBroken, format_time
from tests.builders import AUTHOR, NOW, credit, debit, draft, payment

CLOCK, IDS = SystemClock(), TypeIds()


@dataclass
class Office:
    """An organisation with a ledger that was in use, the server it uses, and the superuser of its database."""

    principal: Principal
    slug: str
    journal_engine: AsyncEngine
    rebuilding: PostgresRebuilding
    superuser: "asyncpg.Connection[asyncpg.Record]"

    def __post_init__(self) -> None:
        self.journal = self.another_server()

    @property
    def address(self) -> LedgerAddress:
        return LedgerAddress(self.principal.organisation_id, self.slug)

    def another_server(self) -> Journal:
        """A journal that remembers nothing of the ledger."""
        return Journal(PostgresBooks(self.journal_engine), CLOCK, IDS)

    async def do(self, command: Command, journal: Journal | None = None) -> Outcome:
        return await (journal or self.journal).submit(self.principal, self.slug, command, request_id="req_1")

    async def rebuild(self, *, replace: bool = False) -> Rebuilt:
        return await self.rebuilding.rebuild(self.address, replace=replace)

    async def tamper(self, statement: str, **names: str) -> int:
        """Do as a superuser can, with `{ledger}` for the ledger's number; return how many rows were hit."""
        ledger_id = await self.superuser.fetchval(
            "SELECT id FROM ledgers WHERE organisation_id = $1 AND slug = $2", self.principal.organisation_id, self.slug
        )
        return int((await self.superuser.execute(statement.format(ledger=ledger_id, **names))).rpartition(" ")[2])


@pytest.fixture
async def office(
    migrated_url: str,
    owner_engine: AsyncEngine,
    service_engine: AsyncEngine,
    journal_engine: AsyncEngine,
    work: Work[LedgerReads, LedgerChanges],
) -> AsyncIterator[Office]:
    someone = await create_organisation(PostgresOrganisations(service_engine), CLOCK, IDS, "Rebuilders", author=AUTHOR)
    for slug in ("main", "untouched"):
        await create_ledger(work, CLOCK, IDS, someone, slug=slug, name="R", metadata={}, request_id="req_1")
    superuser = await asyncpg.connect(migrated_url)
    try:
        office = Office(someone, "main", journal_engine, PostgresRebuilding(owner_engine), superuser)
        await use(office)
        yield office
    finally:
        await superuser.close()


async def use(office: Office) -> None:
    """Use the ledger in every way there is."""
    await office.do(SetChart((Rule(Pattern("wallets:*"), AccountType.LIABILITY),)))
    await office.do(RegisterAsset("POINTS", 2))
    await office.do(RegisterAsset("POINTS", 3, replaces=True))
    await office.do(OpenAccount("expenses:fees", metadata={"team": "ops"}))
    await office.do(ChangeAccount("expenses:fees", None, {"team": "finance", "note": "ä"}))
    await office.do(ChangeLedger(None, name="Renamed", metadata={"k": "v"}))
    for number in range(30):
        await office.do(PostTransaction(payment("12.50", reference=f"sale-{number}")))
    points = draft(
        debit("wallets:42", "0.125", "POINTS"),
        credit("equity:points", "0.100", "POINTS"),
        credit("equity:points", "0.025", "POINTS"),
        debit("expenses:fees", "0.01"),
        credit("assets:bank", "0.01"),
        metadata={"order": "1"},
    )
    await office.do(PostTransaction(points))
    await office.do(ChangeTransaction(points.id, None, {"order": "2"}))
    # On two accounts; on each, the first 32 late entries are a block.
    await asyncio.gather(*[office.do(backdated(number)) for number in range(35)])


def backdated(day: int) -> PostTransaction:
    """A posting of one cent on a day of the past."""
    effective_at = NOW - timedelta(days=400 + day * 17 % 35)
    return PostTransaction(
        draft(debit("assets:bank", "0.01"), credit("income:sales", "0.01"), effective_at=effective_at)
    )


async def test_after_normal_use_the_projections_are_what_the_log_says(office: Office) -> None:
    rebuilt = await office.rebuild()
    assert rebuilt.differences == ()
    assert not rebuilt.replaced
    assert rebuilt.head.sequence == 79  # 7 settings, EUR and 4 accounts by first use, 66 postings, 1 change


async def test_nothing_depends_on_where_a_batch_ends_or_what_the_book_still_holds(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH_EVENTS_MAX", 3)
    monkeypatch.setattr(replay, "BOOK_ITEMS_MAX", 2)
    assert (await office.rebuild()).differences == ()
    monkeypatch.setattr(replay, "BATCH_BYTES_MAX", 1)
    assert (await office.rebuild()).differences == ()


TAMPERING = {
    "entries, changed": "UPDATE entries SET amount = amount + 1 WHERE ledger_id = {ledger} AND balance_version = 7",
    "entries, missing": "DELETE FROM entries WHERE ledger_id = {ledger} AND balance_version = 8",
    "late_entries, missing": "DELETE FROM late_entries WHERE ledger_id = {ledger} AND number = 35",
    "late_entries, changed": "UPDATE late_entries SET late_debits = 0 WHERE ledger_id = {ledger} AND is_debit",
    "late_blocks, changed": "UPDATE late_blocks SET late_credits = 0 WHERE ledger_id = {ledger} AND late_credits = 7",
    "late_blocks, missing": "DELETE FROM late_blocks WHERE ledger_id = {ledger} AND size = 32",
    "transactions, missing": "DELETE FROM transactions WHERE ledger_id = {ledger} AND reference = 'sale-3'",
    "transactions, changed": (
        "UPDATE transactions SET reference = NULL WHERE ledger_id = {ledger} AND reference = 'sale-3'"
    ),
    "accounts, changed": "UPDATE accounts SET metadata = '{{}}' WHERE ledger_id = {ledger} AND path = 'expenses:fees'",
    "accounts, unexpected": (
        "INSERT INTO accounts SELECT organisation_id, ledger_id, 999, 'made:up', type, status, metadata, version, "
        "opened_at FROM accounts WHERE ledger_id = {ledger} AND path = 'expenses:fees'"
    ),
    "assets, changed": "UPDATE assets SET scale = 9 WHERE ledger_id = {ledger} AND code = 'POINTS'",
    "ledger_settings, changed": "UPDATE ledger_settings SET chart = '[]' WHERE ledger_id = {ledger}",
    "metadata_values, missing": ("DELETE FROM metadata_values WHERE ledger_id = {ledger} AND subject = 'transaction'"),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_what_a_superuser_changes_is_found_and_put_right(office: Office, what: str) -> None:
    hit = await office.tamper(TAMPERING[what])
    assert hit > 0
    table, _, how = what.partition(", ")

    found = await office.rebuild()
    assert not found.replaced
    (difference,) = found.differences
    assert (difference.table, difference.rows, getattr(difference, how)) == (table, hit, hit)
    assert len(difference.examples) == min(hit, 3)
    assert all(f"({how})" in example for example in difference.examples)

    assert (await office.rebuild(replace=True)).replaced
    assert (await office.rebuild()).differences == ()


async def test_examples_name_rows_by_their_keys(office: Office) -> None:
    await office.tamper("UPDATE assets SET scale = 9 WHERE ledger_id = {ledger} AND code = 'POINTS'")
    (difference,) = (await office.rebuild()).differences
    assert difference.examples == ("code POINTS (changed)",)


async def test_lost_projections_are_made_again_and_those_of_other_ledgers_stay(office: Office) -> None:
    for table in PROJECTIONS:
        await office.tamper("DELETE FROM {table} WHERE ledger_id = {ledger}", table=table.name)
    other = LedgerAddress(office.principal.organisation_id, "untouched")
    assert (await office.rebuilding.rebuild(other)).differences == ()

    rebuilt = await office.rebuild(replace=True)
    assert {difference.table for difference in rebuilt.differences} == {table.name for table in PROJECTIONS}
    assert all(difference.rows == difference.missing for difference in rebuilt.differences)
    assert (await office.rebuild()).differences == ()
    assert (await office.rebuilding.rebuild(other)).differences == ()
    await office.do(PostTransaction(payment("1.00")), office.another_server())
    assert (await office.rebuild()).differences == ()


async def test_a_server_forgets_what_it_remembers_of_rows_that_were_replaced(office: Office) -> None:
    await office.tamper("UPDATE entries SET posted_debits = posted_debits + 100000 WHERE ledger_id = {ledger}")
    server = office.another_server()
    misled = await office.do(PostTransaction(payment("1.00")), server)
    # 30 sales of 12.50, 35 of 0.01 and one of 1.00, in cents, and what was made up.
    assert misled.applied[-1].lines[0].balance.posted_debits == 37_635 + 100_000

    assert (await office.rebuild(replace=True)).replaced
    outcome = await office.do(PostTransaction(payment("1.00")), server)
    assert outcome.applied[-1].lines[0].balance.posted_debits == 37_735
    assert (await office.rebuild()).differences == ()


@pytest.mark.parametrize("replace", [False, True])
async def test_events_that_are_appended_meanwhile_are_no_differences(office: Office, replace: bool) -> None:
    await office.tamper("DELETE FROM metadata_values WHERE ledger_id = {ledger}")
    stop = False

    async def go_on() -> int:
        posted = 0
        while not stop:
            await asyncio.gather(*[office.do(PostTransaction(payment("1.00"))) for _ in range(20)])
            posted += 20
        return posted

    posting = asyncio.create_task(go_on())
    for _ in range(5):
        rebuilt = await office.rebuild(replace=replace)
        assert {each.table for each in rebuilt.differences} <= {"metadata_values"}
    stop = True
    assert await posting > 0
    differences = (await office.rebuild()).differences
    assert {each.table for each in differences} == (set() if replace else {"metadata_values"})


LOG_TAMPERING = {
    "the hash is not": "UPDATE event_log SET content = content || ' ' WHERE stream_id = {ledger} AND sequence = 9",
    "is missing": "DELETE FROM event_log WHERE stream_id = {ledger} AND sequence = 9",
    "its row says that it was recorded at": (
        "UPDATE event_log SET recorded_at = recorded_at + interval '1 second' "
        "WHERE stream_id = {ledger} AND sequence = 9"
    ),
}


@pytest.mark.parametrize("reason", LOG_TAMPERING)
async def test_nothing_is_replaced_from_a_log_that_is_not_what_was_written(office: Office, reason: str) -> None:
    assert await office.tamper(LOG_TAMPERING[reason]) == 1
    await office.tamper("DELETE FROM metadata_values WHERE ledger_id = {ledger}")
    with pytest.raises(ChainBroken, match=reason) as broken:
        await office.rebuild(replace=True)
    assert broken.value.sequence == 9
    assert await office.tamper("SELECT FROM metadata_values WHERE ledger_id = {ledger}") == 0


OF_ANOTHER_SHAPE: dict[str, dict[str, Any]] = {
    "no type": {"data": {}},
    "no data": {"type": "asset.registered"},
    "an unknown type": {"type": "a.b", "data": {}},
    "a type that is a list": {"type": [], "data": {}},
    "data that are a text": {"type": "transaction.posted", "data": "x"},
    "data that are nothing": {"type": "asset.registered", "data": None},
    "entries that are a number": {"type": "transaction.posted", "data": {"entries": 7}},
    "an account that is a number": {"type": "account.changed", "data": {"account": 7, "metadata": {}}},
    "an account that is a list": {"type": "account.changed", "data": {"account": [], "metadata": {}}},
    "rules that are texts": {"type": "chart.set", "data": {"rules": ["x"]}},
    "a pattern that is a number": {"type": "chart.set", "data": {"rules": [{"pattern": 7, "type": "asset"}]}},
    "metadata that are a list": {"type": "account.opened", "data": {"account": "a", "type": "asset", "metadata": [1]}},
    "a name that is a number": {"type": "ledger.changed", "data": {"name": 7, "metadata": {}}},
}


@pytest.mark.parametrize("shape", OF_ANOTHER_SHAPE)
async def test_an_event_of_another_shape_breaks_the_log_where_it_stands(office: Office, shape: str) -> None:
    head = (await office.rebuild()).head
    document = OF_ANOTHER_SHAPE[shape] | {"sequence": head.sequence + 1, "recorded_at": format_time(head.recorded_at)}
    content = json.dumps(document).encode()
    hash = sha256(head.hash + content).hexdigest()
    await office.tamper(
        "INSERT INTO event_log SELECT organisation_id, stream_id, sequence + 1, recorded_at, "
        "decode('{hash}', 'hex'), decode('{content}', 'hex') FROM event_log "
        "WHERE stream_id = {ledger} ORDER BY sequence DESC LIMIT 1",
        hash=hash,
        content=content.hex(),
    )
    with pytest.raises(ChainBroken):
        await office.rebuild()


async def test_progress_goes_up_to_the_end_of_the_log(office: Office) -> None:
    told: list[tuple[int, int]] = []
    rebuilt = await office.rebuilding.rebuild(office.address, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (rebuilt.head.sequence, rebuilt.head.sequence)


async def test_a_ledger_that_is_not_there_cannot_be_rebuilt(office: Office) -> None:
    with pytest.raises(LedgerNotFound):
        await office.rebuilding.rebuild(LedgerAddress(office.principal.organisation_id, "nope"))
