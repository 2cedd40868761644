"""What every `Clock` and all `Ids` promise. Subclass, in a class named `Test…`, and give the fixture."""

from datetime import timedelta

import pytest

from application.shared.ports import Clock, Ids
from domain.shared.stable import stable


@stable(since="0.2.0")
class ClockContract:
    """A clock tells the time in UTC, and does not go back by itself."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock under test."""
        raise NotImplementedError

    def test_it_tells_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == timedelta()

    def test_it_does_not_go_back(self, clock: Clock) -> None:
        moments = [clock.now() for _ in range(100)]
        assert moments == sorted(moments)


@stable(since="0.2.0")
class IdsContract:
    """Ids say what they name, are never the same, and sort as they were drawn."""

    @pytest.fixture
    def ids(self) -> Ids:
        """What draws them."""
        raise NotImplementedError

    def test_an_id_begins_with_what_it_names(self, ids: Ids) -> None:
        assert ids.new("txn").startswith("txn_")

    def test_they_differ_and_sort_as_they_were_drawn(self, ids: Ids) -> None:
        drawn = [ids.new("txn") for _ in range(1_000)]
        assert drawn == sorted(set(drawn))
