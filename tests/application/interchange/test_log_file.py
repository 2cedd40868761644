import json
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO

import pytest
import rfc8785

from application.interchange.export_ledger import export_ledger
from application.interchange.log_file import LogFile
from application.interchange.verify_file import FileVerification, verify_file
from application.ledger.checkpoint import Checkpoint
from application.ledger.event_lines import event_line
from application.ledger.log import always
from application.ledger.readers import StoredEvent
from tests.application.stored_log import SLUG, StoredLog, chained
from tests.builders import NOW, principal


async def exported(log: StoredLog, until: int) -> bytes:
    parts = export_ledger(log, always(principal()), SLUG, LogFile(), until=until)
    return b"".join([part async for part in parts])


def lines_of(events: list[StoredEvent]) -> list[bytes]:
    return [event_line(event) + b"\n" for event in events]


def verify(lines: list[bytes], checkpoint: Checkpoint | None = None) -> FileVerification:
    return verify_file(BytesIO(b"".join(lines)), checkpoint=checkpoint)


async def test_an_export_can_be_checked_with_a_json_parser_and_sha_256_alone() -> None:
    data = await exported(StoredLog(chained(4)), 4)
    previous = "00" * 32
    for number, line in enumerate(data.splitlines(), 1):
        document = json.loads(line)
        hash, stated = document.pop("hash"), document.pop("previous_hash")
        assert stated == previous
        assert hash == sha256(bytes.fromhex(previous) + rfc8785.dumps(document)).hexdigest()
        assert document["sequence"] == number
        previous = hash
    assert number == 4


async def test_an_export_goes_up_to_the_sequence_it_was_asked_for_in_short_views() -> None:
    log = StoredLog(chained(2_300))
    data = await exported(log, 2_200)
    assert len(data.splitlines()) == 2_200
    assert log.views == 3
    assert verify_file(BytesIO(data)).verification.checked == 2_200


def test_an_exported_log_is_valid() -> None:
    events = chained(5)
    found = verify(lines_of(events)).verification
    assert found.valid
    assert (found.checked, found.head.hash) == (5, events[-1].hash)


def test_a_file_may_be_formatted_anew_and_have_blank_lines() -> None:
    lines = [
        json.dumps(dict(reversed(json.loads(line).items())), ensure_ascii=True).encode() + b"\r\n\n"
        for line in lines_of(chained(5))
    ]
    assert verify(lines).verification.checked == 5


def changed(line: bytes) -> bytes:
    return line.replace(b"kasse", b"kassa")


def reformatted_and_changed(line: bytes) -> bytes:
    return json.dumps(json.loads(changed(line))).encode() + b"\n"


def with_another_hash(line: bytes) -> bytes:
    document = json.loads(line)
    return json.dumps(document | {"hash": "00" * 32}).encode() + b"\n"


def with_another_previous_hash(line: bytes) -> bytes:
    document = json.loads(line)
    return json.dumps(document | {"previous_hash": "00" * 32}).encode() + b"\n"


def cut_off(line: bytes) -> bytes:
    return line[:100] + b"\n"


def without_hash(line: bytes) -> bytes:
    document = json.loads(line)
    del document["hash"]
    return json.dumps(document).encode() + b"\n"


def not_utf_8(line: bytes) -> bytes:
    return line.replace("ß".encode(), b"\xdf")


def with_a_key_twice(line: bytes) -> bytes:
    return b'{"sequence":1,' + line[1:]


def as_a_list(line: bytes) -> bytes:
    return b"[" + line.strip() + b"]\n"


def nested(line: bytes) -> bytes:
    return line.replace(b'"data":', b'"data":' + b"[" * 950 + b"]" * 950 + b',"of_old":')


def nested_without_end(line: bytes) -> bytes:
    return line.replace(b'"data":', b'"data":' + b"[" * 100_000 + b"]" * 100_000 + b',"of_old":')


@pytest.mark.parametrize(
    "tamper",
    [
        changed,
        reformatted_and_changed,
        with_another_hash,
        with_another_previous_hash,
        cut_off,
        without_hash,
        not_utf_8,
        with_a_key_twice,
        as_a_list,
        nested,
        nested_without_end,
    ],
)
def test_a_changed_line_is_found_by_its_sequence_and_line(tamper: Callable[[bytes], bytes]) -> None:
    lines = lines_of(chained(5))
    assert tamper(lines[2]) != lines[2]
    lines[2] = tamper(lines[2])
    found = verify([b"\n", *lines])
    assert found.verification.first_bad_sequence == 3
    assert found.first_bad_line == 4
    assert found.verification.checked == 2


def test_a_missing_line_is_found_by_its_sequence() -> None:
    lines = lines_of(chained(5))
    del lines[2]
    found = verify(lines)
    assert (found.verification.first_bad_sequence, found.first_bad_line) == (3, 3)
    assert found.verification.reason == "the event is missing: after sequence 2 comes 4"


def test_swapped_lines_are_found() -> None:
    lines = lines_of(chained(5))
    lines[1], lines[3] = lines[3], lines[1]
    assert verify(lines).verification.first_bad_sequence == 2


def test_lines_that_are_missing_at_the_end_are_told_by_a_checkpoint() -> None:
    events = chained(5)
    kept = Checkpoint(SLUG, 5, events[-1].hash, NOW, NOW, "some key", bytes(32), bytes(64))
    lines = lines_of(events)
    assert verify(lines, kept).verification.valid
    found = verify(lines[:3], kept)
    assert (found.verification.first_bad_sequence, found.first_bad_line) == (4, 4)


def test_a_file_without_events_is_no_log() -> None:
    assert verify([]).verification.first_bad_sequence == 1
    assert verify([b"\n"]).verification.first_bad_sequence == 1


def test_a_line_without_an_end_is_not_read_to_its_end() -> None:
    class Endless:
        def readline(self, limit: int, /) -> bytes:
            return b"x" * limit

    found = verify_file(Endless())
    assert found.first_bad_line == 1
    assert found.verification.reason == "the line is longer than 67,108,864 bytes, which no event is"


def test_the_progress_of_a_long_file_is_told_in_bytes() -> None:
    data = b"".join(lines_of(chained(1_500)))
    told: list[int] = []
    assert verify_file(BytesIO(data), progress=told.append).verification.checked == 1_500
    assert told[0] < told[1] == len(data)
