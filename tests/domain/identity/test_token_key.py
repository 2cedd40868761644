"""Which key signs."""

from datetime import UTC, datetime, timedelta

from domain.identity.token_key import TokenKey, end_of_predecessors, signing_key

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def key(id: str, signs_from: datetime, verifies_until: datetime | None = None) -> TokenKey:
    return TokenKey(id, bytes(32), b"", NOW - 60 * MINUTE, signs_from, verifies_until)


def test_the_newest_key_whose_time_has_come_signs() -> None:
    old, new, coming = key("old", NOW - 2 * MINUTE), key("new", NOW), key("coming", NOW + MINUTE)
    assert signing_key([new, coming, old], NOW) == new
    assert signing_key([old, coming], NOW) == old
    assert signing_key([coming], NOW) is None


def test_a_key_that_is_over_neither_signs_nor_verifies() -> None:
    over = key("over", NOW - MINUTE, verifies_until=NOW)
    assert not over.verifies(NOW)
    assert over.verifies(NOW - timedelta(microseconds=1))
    assert signing_key([over], NOW) is None


def test_keys_before_verify_until_the_last_token_of_a_late_server_is_over() -> None:
    assert end_of_predecessors(NOW, 10 * MINUTE) == NOW + 11 * MINUTE
