"""How far behind a replica is said to be, and which one is chosen; what it says of itself is made up here."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres import replicas as replicas_module
from adapters.postgres.replicas import KNOWN_HEADS_MAX, Replica, Replicas
from application.ledger.ports import LedgerAddress

NOBODY = LedgerAddress(1, "nobody")


@pytest.fixture
def replica(service_engine: AsyncEngine) -> Replica:
    return Replica("db-2:5432", service_engine, service_engine)


def look(
    replica: Replica, position: int, *, at: float, written: Sequence[tuple[float, int]], last: int = 10**9
) -> None:
    """Have it judged: the database was at these positions at these times, the latest last."""
    replica.judge(position, at, reversed(written), last)


WRITTEN = [(10.0, 100), (11.0, 200), (12.0, 300)]


def test_a_replica_is_as_old_as_the_last_position_that_it_has_got_to(replica: Replica) -> None:
    look(replica, 300, at=12.1, written=WRITTEN)
    assert replica.lag_seconds(12.1) == pytest.approx(0.1)
    look(replica, 299, at=12.1, written=WRITTEN)
    assert replica.lag_seconds(12.1) == pytest.approx(1.1)
    assert replica.is_fit(12.1, 2.0)
    assert not replica.is_fit(12.1, 1.0)


def test_where_nothing_is_written_a_replica_does_not_age(replica: Replica) -> None:
    look(replica, 100, at=60.0, written=[(59.0, 100), (60.0, 100)])
    assert replica.lag_seconds(60.0) == 0


def test_a_replica_that_is_not_asked_any_more_ages(replica: Replica) -> None:
    look(replica, 300, at=12.0, written=WRITTEN)
    assert replica.is_fit(13.0, 5.0)
    assert not replica.is_fit(17.5, 5.0)


def test_of_a_replica_that_is_further_behind_than_is_remembered_nothing_is_known(replica: Replica) -> None:
    look(replica, 99, at=12.0, written=WRITTEN)
    assert replica.lag_seconds(12.0) is None
    assert not replica.is_fit(12.0, 1_000_000)
    assert replica.trouble == "is too far behind"


def test_a_replica_that_was_ahead_is_not_trusted_until_it_moves(replica: Replica) -> None:
    look(replica, 300, at=12.0, written=WRITTEN, last=250)
    assert replica.trouble is not None
    assert "rewind" in replica.trouble
    # The database has got past it with other events.
    beyond = [(13.0, 260), (14.0, 400)]
    look(replica, 300, at=14.0, written=beyond, last=400)
    assert not replica.is_fit(14.0, 5.0)
    # It was rewound, and follows.
    look(replica, 260, at=14.0, written=beyond, last=400)
    assert replica.is_fit(14.0, 5.0)


def test_a_replica_that_is_lost_is_done_without_for_some_seconds_and_until_it_answers(
    replica: Replica, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 12.0
    monkeypatch.setattr(replicas_module, "monotonic", lambda: now)
    # It answers those who ask how far it is, and not those who read: each time it is trusted a little later.
    for away_seconds in (2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        look(replica, 300, at=now, written=[(now, 300)])
        assert replica.is_fit(now, 5.0)
        replica.lose(TimeoutError())
        lost_at = now
        for passed in range(int(away_seconds) * 4):
            now = lost_at + passed / 4
            look(replica, 300, at=now, written=[(now, 300)])
            assert not replica.is_fit(now, 5.0)
        now = lost_at + away_seconds
    # It is logged as it is found out, not each time that it answers.
    assert len([each for each in caplog.records if "does not answer" in each.getMessage()]) == 6
    # One that was well for long enough is done without for as little as at first.
    now += 31.0
    look(replica, 300, at=now, written=[(now, 300)])
    replica.lose(TimeoutError())
    now += 2.0
    look(replica, 300, at=now, written=[(now, 300)])
    assert replica.is_fit(now, 5.0)


def test_after_a_fail_over_a_replica_is_not_trusted_until_it_moves(replica: Replica) -> None:
    look(replica, 300, at=12.0, written=WRITTEN)
    replica.doubt()
    # The new primary was asked at 290, and has got past what the replica has of the lost one before that was found out.
    look(replica, 300, at=13.2, written=[(13.0, 290)], last=310)
    assert not replica.is_fit(13.2, 5.0)
    assert replica.trouble == "has not followed the fail-over"
    look(replica, 310, at=13.3, written=[(13.0, 290)], last=310)
    assert replica.is_fit(13.3, 5.0)
    # One that is where the database is has nothing to move for.
    replica.doubt()
    assert not replica.is_fit(13.4, 5.0)
    look(replica, 320, at=13.5, written=[(13.5, 320)], last=320)
    assert replica.is_fit(13.5, 5.0)


async def test_it_is_logged_once_that_a_replica_is_not_read_from(
    replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    look(replica, 300, at=12.0, written=WRITTEN)
    for _ in range(1000):
        replica.lose(ConnectionRefusedError())
        replica.lose(TimeoutError())
    assert [record.getMessage() for record in caplog.records] == [
        "the replica db-2:5432 is not read from: it does not answer"
    ]


async def test_a_fault_in_asking_is_logged_once_and_not_four_times_a_second(
    replica: Replica, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0
    enough = asyncio.Event()

    async def fail(*_: object) -> None:
        nonlocal tried
        tried += 1
        if tried == 20:
            enough.set()
        raise ValueError("a fault")

    replicas = Replicas([replica], replica.engine, staleness_seconds=0)
    monkeypatch.setattr("adapters.postgres.replicas.POLL_SECONDS", 0)
    monkeypatch.setattr(replicas, "_position", fail)
    replicas.start()
    await enough.wait()
    await replicas.stop()
    assert [record.getMessage() for record in caplog.records] == ["how far replicas are cannot be found out"]


async def test_replicas_take_turns_and_those_that_are_unfit_are_left_out(
    service_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas_module, "monotonic", lambda: 12.0)
    made = [Replica(f"db-{number}", service_engine, service_engine) for number in (2, 3, 4)]
    replicas = Replicas(made, None, staleness_seconds=0)
    assert replicas.fit(1) == []
    for each in made[:2]:
        look(each, 300, at=12.0, written=WRITTEN)
    turns = [[each.name for each in replicas.fit(1)] for _ in range(3)]
    assert turns == [["db-2", "db-3"], ["db-3", "db-2"], ["db-2", "db-3"]]
    assert await replicas.trouble() == "1 of 3 replicas cannot be read from: behind, or without an answer."


def test_those_who_say_nothing_read_a_replica_where_that_is_allowed_and_it_is_young_enough(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(replica, 299, at=12.0, written=WRITTEN)
    now = 12.5
    monkeypatch.setattr(replicas_module, "monotonic", lambda: now)
    assert Replicas([replica], None, staleness_seconds=0).fit(0) == []
    assert Replicas([replica], None, staleness_seconds=1).fit(0) == []
    assert Replicas([replica], None, staleness_seconds=2).fit(0) == [replica]
    assert Replicas([replica], None, staleness_seconds=0).fit(7) == [replica]


def test_what_is_known_of_ledgers_only_grows_and_has_a_bound(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = Replicas([replica], None, staleness_seconds=2)
    for sequence in (7, 9, 8):
        replicas.heard(NOBODY, sequence)
    assert replicas.known_head(NOBODY) == 9
    look(replica, 300, at=12.0, written=[(12.0, 300)])
    now = 12.0
    monkeypatch.setattr(replicas_module, "monotonic", lambda: now)
    assert replicas.fit(0) == [replica]
    for number in range(KNOWN_HEADS_MAX):
        replicas.heard(LedgerAddress(number, "main"), 1)
    assert replicas.known_head(NOBODY) == 0
    # So those who say nothing, and may have written to what is forgotten, are shown the database for a while.
    assert (replicas.fit(0), replicas.fit(1)) == ([], [replica])
    now = 17.5
    look(replica, 300, at=17.5, written=[(17.5, 300)])
    assert replicas.fit(0) == [replica]
    # Where nobody is shown what is old, there is nothing to remember.
    strict = Replicas([replica], None, staleness_seconds=0)
    strict.heard(NOBODY, 7)
    assert strict.known_head(NOBODY) == 0
