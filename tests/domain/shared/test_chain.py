import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from domain.ledger.events import AssetRegistered, LedgerCreated
from domain.shared.chain import (
    BEGINNING_OF_TIME,
    ZERO_HASH,
    Author,
    ChainBroken,
    Head,
    Recorded,
    canonical_json,
    follow,
    format_time,
    parse_time,
    record,
)
from tests.builders import AUTHOR, NOW

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
        lambda values: st.lists(values) | st.dictionaries(TEXTS, values),
        max_leaves=20,
    ),
)
CONTROL_CHARACTERS = "".join(map(chr, range(0x20))) + '\x7f\x80\x9f\u2028\u2029\ufeff"\\/'


@given(DOCUMENTS)
@example({"\U00010000": 1, "\uffff": 2, "\ue000": 3})
@example({"a": {"\U0001f600": [{"\uff01": 1, "\U00010000": 2}]}})
@example({CONTROL_CHARACTERS: CONTROL_CHARACTERS})
@example({"": None, "a": True, "A": False, "n": -0})
def test_canonical_json_is_what_an_independent_implementation_of_rfc_8785_writes(document: dict[str, Any]) -> None:
    assert canonical_json(document) == rfc8785.dumps(document)


def test_canonical_json_sorts_keys_by_utf_16_units() -> None:
    # RFC 8785, section 3.2.3: an astral character begins with a surrogate, D83D, which comes before FB33.
    document = {"\u20ac": "Euro", "\r": "CR", "\ufb33": "Dalet", "1": "One", "\U0001f600": "Emoji", "\x80": "Control"}
    assert json.loads(canonical_json(document)) == document
    assert list(json.loads(canonical_json(document))) == ["\r", "1", "\x80", "\u20ac", "\U0001f600", "\ufb33"]


def test_canonical_json_has_no_spaces_and_escapes_only_what_it_must() -> None:
    document = {"b": [1, {"d": None, "c": '\x1f\n"\\/'}], "a": "é\x7f"}
    assert canonical_json(document) == '{"a":"é\x7f","b":[1,{"c":"\\u001f\\n\\"\\\\/","d":null}]}'.encode()


@pytest.mark.parametrize("document", [{"a": "\ud800"}, {"\udfff": 1}, {"é": "\ud800"}])
def test_half_of_a_surrogate_pair_has_no_canonical_form(document: dict[str, object]) -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json(document)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_has_no_canonical_form(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": number})


def test_the_bytes_and_the_hash_of_the_first_event_are_those_worked_out_by_hand() -> None:
    content = (
        b'{"actor":"key_1","data":{"metadata":{},"name":"B\xc3\xbccher","time_zone":"UTC"},"id":"evt_1",'
        b'"recorded_at":"2026-11-24T10:00:00.000007Z","request_id":"req_9","sequence":1,"type":"ledger.created"}'
    )
    recorded = record(
        LedgerCreated("Bücher", "UTC"),
        Head(),
        id="evt_1",
        author=Author("key_1", "req_9"),
        recorded_at=datetime(2026, 11, 24, 10, 0, 0, 7, tzinfo=UTC),
    )
    assert recorded.content == content
    assert recorded.hash == hashlib.sha256(bytes(32) + content).digest()
    assert recorded.previous_hash == ZERO_HASH == bytes(32)
    assert recorded.sequence == 1


def test_the_next_event_is_hashed_after_the_hash_of_the_one_before() -> None:
    content = (
        b'{"actor":"key_of_the_tests","data":{"code":"EUR","scale":2},"id":"evt_8",'
        b'"recorded_at":"2026-11-24T10:00:00.000000Z","request_id":"req_1","sequence":8,"type":"asset.registered"}'
    )
    previous = hashlib.sha256(b"whatever came before").digest()
    recorded = record(AssetRegistered("EUR", 2), Head(7, previous, NOW), id="evt_8", author=AUTHOR, recorded_at=NOW)
    assert recorded.content == content
    assert recorded.hash == hashlib.sha256(previous + content).digest()
    assert recorded.head == Head(8, recorded.hash, NOW)


def chain(length: int) -> list[Recorded[AssetRegistered]]:
    head, events = Head(), []
    for number in range(length):
        event = AssetRegistered(f"A{number}", number)
        recorded = record(event, head, id=f"evt_{number}", author=AUTHOR, recorded_at=NOW + timedelta(seconds=number))
        events.append(recorded)
        head = recorded.head
    return events


def verify(log: list[tuple[bytes, bytes]]) -> Head:
    head = Head()
    for content, hash in log:
        head = follow(head, content, hash)
    return head


def test_a_log_can_be_followed_to_its_head() -> None:
    events = chain(5)
    assert verify([(event.content, event.hash) for event in events]) == events[-1].head
    assert verify([]) == Head(0, ZERO_HASH, BEGINNING_OF_TIME)


@given(st.data())
def test_any_single_changed_byte_is_found_where_it_is(data: st.DataObject) -> None:
    log = [(bytearray(event.content), bytearray(event.hash)) for event in chain(3)]
    index = data.draw(st.integers(0, 2))
    part = data.draw(st.sampled_from(log[index]))
    position = data.draw(st.integers(0, len(part) - 1))
    part[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChainBroken) as broken:
        verify([(bytes(content), bytes(hash)) for content, hash in log])
    assert broken.value.sequence == index + 1


@pytest.mark.parametrize(
    ("order", "first_wrong"),
    [((1, 2), 1), ((0, 2), 2), ((0, 2, 1), 2), ((0, 0), 2), ((0, 1, 1, 2), 3)],
    ids=["first left out", "one left out", "two exchanged", "one twice", "one twice in the middle"],
)
def test_events_left_out_repeated_or_exchanged_are_found(order: tuple[int, ...], first_wrong: int) -> None:
    events = chain(3)
    with pytest.raises(ChainBroken) as broken:
        verify([(events[index].content, events[index].hash) for index in order])
    assert broken.value.sequence == first_wrong


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"sequence":2,"recorded_at":"2026-11-24T10:00:00.000000Z"}', "says that its sequence is 2"),
        (b'{"sequence":"1","recorded_at":"2026-11-24T10:00:00.000000Z"}', "says that its sequence is 1"),
        (b'{"sequence":1,"recorded_at":"yesterday"}', "cannot be read"),
        (b'{"sequence":1,"recorded_at":7}', "cannot be read"),
        (b'{"sequence":1}', "cannot be read"),
        (b"[]", "cannot be read"),
        (b"", "cannot be read"),
        (b"7", "cannot be read"),
        (b'{"sequence":1,"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_an_event_that_was_hashed_rightly_and_says_nonsense_is_found(content: bytes, reason: str) -> None:
    with pytest.raises(ChainBroken, match=reason):
        follow(Head(), content, hashlib.sha256(bytes(32) + content).digest())


def test_another_time_beside_an_event_than_in_it_is_found() -> None:
    first = record(AssetRegistered("A", 0), Head(), id="evt_1", author=AUTHOR, recorded_at=NOW)
    assert follow(Head(), first.content, first.hash, NOW) == first.head
    with pytest.raises(ChainBroken, match="its row says that it was recorded at 9999-12-31"):
        follow(Head(), first.content, first.hash, datetime(9999, 12, 31, tzinfo=UTC))


def test_an_event_recorded_before_the_one_it_follows_is_found() -> None:
    first = record(AssetRegistered("A", 0), Head(), id="evt_1", author=AUTHOR, recorded_at=NOW)
    early = NOW - timedelta(microseconds=1)
    second = record(AssetRegistered("B", 0), first.head, id="evt_2", author=AUTHOR, recorded_at=early)
    with pytest.raises(ChainBroken, match="before"):
        verify([(first.content, first.hash), (second.content, second.hash)])


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(1, 1, 1, tzinfo=UTC))
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_a_time_comes_back_as_it_was_written(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2))
def test_written_times_sort_as_the_times_do(moments: list[datetime]) -> None:
    assert sorted(map(format_time, moments)) == [format_time(moment) for moment in sorted(moments)]


def test_a_time_is_written_with_six_digits_and_z() -> None:
    assert format_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
    assert format_time(datetime(1, 1, 1, 0, 0, 0, 120, tzinfo=UTC)) == "0001-01-01T00:00:00.000120Z"
