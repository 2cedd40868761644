"""Rebuilding, on projections that normal use has made and a superuser has tampered with."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import pytest

from adapters.postgres.ledger import replay
from adapters.postgres.tables import PROJECTIONS
from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
from application.ledger.ports import LedgerAddress
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from domain.ledger.ledger import LedgerNotFound
from domain.shared.chain import ChainBroken, format_time
from tests.adapters.postgres.used_ledger import Office, use
from tests.builders import payment


@pytest.fixture(scope="module")
async def shared(new_office: Callable[[], Awaitable[Office]]) -> Office:
    """One that was in use, for tests that put right whatever they do to it."""
    office = await new_office()
    await use(office)
    return office


async def test_after_normal_use_the_projections_are_what_the_log_says(office: Office) -> None:
    rebuilt = await office.rebuild()
    assert rebuilt.differences == ()
    assert not rebuilt.replaced
    # 7 settings, EUR and 4 accounts by first use, 66 postings, 1 change; then accounts, holds, periods and attachments.
    assert rebuilt.head.sequence == 79 + 13 + 16 + 8 + 3


async def test_results_are_closed_to_an_account_that_has_some_already(office: Office) -> None:
    found = await office.superuser.fetch(
        "SELECT posted_credits FROM entries JOIN accounts ON accounts.ledger_id = entries.ledger_id "
        "AND number = account_number WHERE accounts.organisation_id = $1 AND path = 'equity:result' "
        "ORDER BY sequence",
        office.principal.organisation_id,
    )
    assert [int(credits) for (credits,) in found] == [46, 50]  # and 35 cents of sales long ago


async def test_an_archived_ledger_can_be_rebuilt(bare: Office) -> None:
    bare.slug = "untouched"
    for command in (ArchiveLedger(None, "why"), RestoreLedger("why"), ArchiveLedger(None, "why")):
        await bare.do(command)
        assert (await bare.rebuild()).differences == ()


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
    "accounts, changed by thawing": (
        "UPDATE accounts SET frozen_debits = false WHERE ledger_id = {ledger} AND path = 'assets:old'"
    ),
    "accounts, changed by another limit": (
        "UPDATE accounts SET limits = '{{}}' WHERE ledger_id = {ledger} AND path = 'wallets:7'"
    ),
    "assets, changed by use": "UPDATE assets SET is_used = NOT is_used WHERE ledger_id = {ledger} AND code = 'JPY'",
    "ledger_settings, changed by opening": "UPDATE ledger_settings SET closed_until = NULL WHERE ledger_id = {ledger}",
    "holds, changed": "UPDATE holds SET status = 'open' WHERE ledger_id = {ledger} AND status = 'released'",
    "holds, missing": "DELETE FROM holds WHERE ledger_id = {ledger} AND status = 'expired'",
    "hold_entries, changed": "UPDATE hold_entries SET amount = amount + 1 WHERE ledger_id = {ledger} AND position = 1",
    "held_totals, missing": "DELETE FROM held_totals WHERE ledger_id = {ledger} AND held_debits = 0",
    "remainders, changed": "UPDATE remainders SET remaining = remaining + 1 WHERE ledger_id = {ledger}",
    "periods, changed": "UPDATE periods SET is_closed = true WHERE ledger_id = {ledger} AND NOT is_closed",
    "transactions, changed by a link": (
        "UPDATE transactions SET reverses = NULL WHERE ledger_id = {ledger} AND reverses IS NOT NULL"
    ),
    "metadata_values, missing": ("DELETE FROM metadata_values WHERE ledger_id = {ledger} AND subject = 'transaction'"),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_what_a_superuser_changes_is_found_and_put_right(shared: Office, what: str) -> None:
    hit = await shared.tamper(TAMPERING[what])
    assert hit > 0
    table, _, how = what.partition(", ")
    how = how.partition(" by ")[0]

    found = await shared.rebuild()
    assert not found.replaced
    (difference,) = found.differences
    assert (difference.table, difference.rows, getattr(difference, how)) == (table, hit, hit)
    assert len(difference.examples) == min(hit, 3)
    assert all(f"({how})" in example for example in difference.examples)

    # The next of these tests begins with what this one leaves.
    assert (await shared.rebuild(replace=True)).replaced
    assert (await shared.rebuild()).differences == ()


async def test_examples_name_rows_by_their_keys(bare: Office) -> None:
    await bare.do(RegisterAsset("POINTS", 3))
    await bare.tamper("UPDATE assets SET scale = 9 WHERE ledger_id = {ledger} AND code = 'POINTS'")
    (difference,) = (await bare.rebuild()).differences
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
async def test_an_event_of_another_shape_breaks_the_log_where_it_stands(bare: Office, shape: str) -> None:
    head = (await bare.rebuild()).head
    document = OF_ANOTHER_SHAPE[shape] | {"sequence": head.sequence + 1, "recorded_at": format_time(head.recorded_at)}
    content = json.dumps(document).encode()
    hash = sha256(head.hash + content).hexdigest()
    await bare.tamper(
        "INSERT INTO event_log SELECT organisation_id, stream_id, sequence + 1, recorded_at, "
        "decode('{hash}', 'hex'), decode('{content}', 'hex') FROM event_log "
        "WHERE stream_id = {ledger} ORDER BY sequence DESC LIMIT 1",
        hash=hash,
        content=content.hex(),
    )
    with pytest.raises(ChainBroken):
        await bare.rebuild()


async def test_progress_goes_up_to_the_end_of_the_log(bare: Office) -> None:
    told: list[tuple[int, int]] = []
    rebuilt = await bare.rebuilding.rebuild(bare.address, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (rebuilt.head.sequence, rebuilt.head.sequence)


async def test_a_ledger_that_is_not_there_cannot_be_rebuilt(bare: Office) -> None:
    with pytest.raises(LedgerNotFound):
        await bare.rebuilding.rebuild(LedgerAddress(bare.principal.organisation_id, "nope"))
