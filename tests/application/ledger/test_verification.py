import asyncio
from datetime import UTC, datetime

import pytest

from application.ledger.checkpoint import Checkpoint
from application.ledger.verification import Verification, Verifications, verify_ledger, verify_organisation
from domain.ledger.ledger import LedgerNotFound
from domain.shared.access import Permission
from domain.shared.chain import ZERO_HASH
from domain.shared.errors import Overloaded, PermissionDenied
from tests.application.stored_log import SLUG, StoredLog, chained
from tests.builders import NOW, principal


async def verify(log: StoredLog, checkpoint: Checkpoint | None = None) -> Verification:
    return await verify_ledger(log, principal(), SLUG, checkpoint=checkpoint)


def checkpoint(sequence: int, hash: bytes) -> Checkpoint:
    return Checkpoint(SLUG, sequence, hash, NOW, NOW, "some key", bytes(32), bytes(64))


async def test_a_log_as_it_was_written_is_valid_up_to_its_last_event() -> None:
    events = chained(5)
    found = await verify(StoredLog(events))
    assert found.valid
    assert (found.checked, found.head.sequence, found.head.hash) == (5, 5, events[-1].hash)
    assert (found.first_bad_sequence, found.reason) == (None, None)


@pytest.mark.parametrize("sequence", [1, 3, 5])
async def test_one_changed_byte_is_found_at_its_sequence(sequence: int) -> None:
    log = StoredLog(chained(5))
    content = log.rows[sequence].content
    log.change(sequence, content=content.replace(b"UTC", b"UTX").replace(b"kasse", b"kassa"))
    assert log.rows[sequence].content != content
    found = await verify(log)
    assert not found.valid
    assert (found.first_bad_sequence, found.checked) == (sequence, sequence - 1)
    assert found.reason == "the hash is not that of the previous hash and the event's bytes"


async def test_a_changed_hash_is_found_at_its_sequence() -> None:
    log = StoredLog(chained(5))
    log.change(4, hash=ZERO_HASH)
    assert (await verify(log)).first_bad_sequence == 4


async def test_a_time_in_a_row_that_the_event_does_not_say_is_found_at_its_sequence() -> None:
    log = StoredLog(chained(5))
    log.change(4, recorded_at=datetime(9999, 12, 31, tzinfo=UTC))
    found = await verify(log)
    assert (found.first_bad_sequence, found.checked) == (4, 3)
    assert found.reason is not None
    assert "its row says that it was recorded at 9999-12-31" in found.reason


async def test_the_organisation_s_own_log_is_verified_likewise() -> None:
    log = StoredLog(chained(5))
    assert (await verify_organisation(log, principal())).checked == 5
    log.change(4, hash=ZERO_HASH)
    assert (await verify_organisation(log, principal())).first_bad_sequence == 4


async def test_a_server_verifies_twice_at_a_time_and_refuses_a_third() -> None:
    verifications = Verifications(StoredLog(chained(250)))
    running = [asyncio.create_task(verifications.verify(principal(), SLUG)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await verifications.verify(principal(), SLUG)
    running[0].cancel()
    assert (await running[1]).checked == 250
    assert (await verifications.verify(principal(), SLUG)).checked == 250


async def test_a_deleted_event_is_found_as_missing() -> None:
    log = StoredLog(chained(5))
    del log.rows[3]
    found = await verify(log)
    assert (found.first_bad_sequence, found.reason) == (3, "the event is missing: after sequence 2 comes 4")


async def test_a_deleted_first_event_is_found_as_missing() -> None:
    log = StoredLog(chained(5))
    del log.rows[1]
    assert (await verify(log)).first_bad_sequence == 1


async def test_swapped_events_are_found_at_the_first_of_them() -> None:
    log = StoredLog(chained(5))
    log.swap(2, 4)
    assert (await verify(log)).first_bad_sequence == 2


async def test_a_log_that_was_cut_off_is_told_by_a_checkpoint_alone() -> None:
    log = StoredLog(chained(5))
    kept = checkpoint(5, log.rows[5].hash)
    assert (await verify(log, kept)).valid
    del log.rows[4], log.rows[5]
    assert (await verify(log)).valid
    found = await verify(log, kept)
    assert found.first_bad_sequence == 4
    assert found.reason == "the log ends before it, but a checkpoint was signed for sequence 5"


async def test_a_log_that_was_written_anew_is_told_by_a_checkpoint_alone() -> None:
    kept = checkpoint(3, chained(5)[2].hash)
    forged = StoredLog(chained(6, name="Another beginning"))
    assert (await verify(forged)).valid
    found = await verify(forged, kept)
    assert found.first_bad_sequence == 3
    assert found.reason == "the hash is not the one that the checkpoint was signed for"


async def test_a_log_may_have_gone_on_since_its_checkpoint() -> None:
    events = chained(9)
    assert (await verify(StoredLog(events), checkpoint(4, events[3].hash))).valid


async def test_a_long_log_is_read_in_short_views_and_its_progress_told() -> None:
    log = StoredLog(chained(2_500))
    told: list[tuple[int, int]] = []
    found = await verify_ledger(log, principal(), SLUG, progress=lambda done, total: told.append((done, total)))
    assert found.checked == 2_500
    assert log.views == 1 + 3  # for the head, and for each thousand
    assert told == [(1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]


async def test_only_who_may_read_events_may_verify() -> None:
    with pytest.raises(PermissionDenied):
        await verify_ledger(StoredLog(chained(1)), principal(Permission.ACCOUNTS_READ), SLUG)


async def test_a_ledger_that_is_not_there_is_not_valid_either() -> None:
    with pytest.raises(LedgerNotFound):
        await verify_ledger(StoredLog(chained(1)), principal(), "other")
