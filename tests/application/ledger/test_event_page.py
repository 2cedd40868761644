"""The pages of a filtered list hold, together, what those get who are given each event for the same filter."""

from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ledger import event_page as pages
from application.ledger.event_page import event_page
from application.ledger.followers import EventFilter, RelayedEvent
from application.ledger.readers import StoredEvent
from domain.ledger.events import Event, LedgerChanged, TransactionPosted
from domain.shared.access import Permission
from domain.shared.patterns import Pattern
from tests.application.ledger.followed import GrowingLog, opened
from tests.builders import NOW, credited, debited, principal
from tests.naive import fits

PATHS = ("assets:bank", "assets:till:berlin", "income:sales", "users:1:wallet")
TYPES = ("account.opened", "transaction.posted", "ledger.changed")
PATTERNS = ("assets:bank", "assets:*", "assets:**", "**:sales", "users:*:wallet", "nobody", "**")

paths = st.sampled_from(PATHS)
# What happened, and whom it names.
happenings = st.one_of(
    st.just((cast(Event, LedgerChanged("Main", {})), frozenset[str]())),
    paths.map(lambda path: (opened(path), frozenset({path}))),
    st.tuples(paths, paths).map(
        lambda both: (
            TransactionPosted("txn_1", (debited(both[0], 1), credited(both[1], 1)), NOW),
            frozenset(both),
        )
    ),
)


@given(
    happened=st.lists(happenings, min_size=1, max_size=20),
    types=st.frozensets(st.sampled_from(TYPES), max_size=2),
    pattern=st.none() | st.sampled_from(PATTERNS),
    after=st.integers(0, 5),
    limit=st.integers(1, 4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_pages_of_a_list_are_what_a_follower_or_a_webhook_with_the_same_filter_gets(
    happened: Sequence[tuple[Event, frozenset[str]]],
    types: frozenset[str],
    pattern: str | None,
    after: int,
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So that short logs are read in several steps, and looked at in several pages.
    monkeypatch.setattr(pages, "_CHUNK_EVENTS", 3)
    monkeypatch.setattr(pages, "ROWS_READ_MAX", 5)
    wanted = EventFilter(types, None if pattern is None else Pattern(pattern))
    log = GrowingLog()
    log.append(*[event for event, _ in happened])
    listed: list[StoredEvent] = []
    at, has_more = after, True
    async with log.read(principal(Permission.EVENTS_READ), Permission.EVENTS_READ) as reads:
        while has_more:
            page = await event_page(reads, "main", after=at, limit=limit, wanted=wanted)
            assert len(page.events) <= limit
            assert page.through > at or not page.has_more, "it comes further each time"
            listed += page.events
            at, has_more = page.through, page.has_more
    by_hand = [
        sequence
        for sequence, (event, names) in enumerate(happened, 1)
        if sequence > after
        and (not types or event.type in types)
        and (pattern is None or any(fits(pattern.split(":"), path.split(":")) for path in names))
    ]
    assert [event.sequence for event in listed] == by_hand
    given_one_by_one = [event for event in log.events_[after:] if wanted.wants(RelayedEvent.of(event))]
    assert given_one_by_one == listed
