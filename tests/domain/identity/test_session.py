"""How long a session lasts."""

from datetime import UTC, datetime, timedelta

from domain.identity.session import Session
from domain.shared.chain import Origin

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Origin(address="192.0.2.1", user_agent="tests")


def session() -> Session:
    return Session.begun("ses_x", "usr_x", BEGUN, HERE)


def test_a_session_lasts_thirty_days_after_it_was_used() -> None:
    assert session().expires_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert session().lasts(datetime(2026, 1, 30, 23, 59, tzinfo=UTC))
    assert not session().lasts(datetime(2026, 1, 31, tzinfo=UTC))


def test_a_session_lasts_ninety_days_at_most() -> None:
    used = session().used(datetime(2026, 1, 20, tzinfo=UTC), Origin())
    assert used.expires_at == datetime(2026, 2, 19, tzinfo=UTC)
    assert used.origin == Origin()
    # 2026-01-01 and 90 days is 2026-04-01.
    assert used.used(datetime(2026, 3, 20, tzinfo=UTC), HERE).expires_at == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_revoked_session_does_not_last() -> None:
    revoked = Session("ses_x", "usr_x", BEGUN, BEGUN, BEGUN + timedelta(days=1), HERE, revoked_at=BEGUN)
    assert not revoked.lasts(BEGUN)
