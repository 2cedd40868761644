"""The audit log over many logs: nothing is missed or told twice, and a page reads little however much there is."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BYTEA, TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.work import tenant_transaction, tenant_view
from application.ledger.audit_reader import AUDIT_SORT, AuditEntry, AuditFilter
from application.ledger.ports import LedgerAddress
from application.ledger.spans import Span
from application.shared.pagination import ROWS_READ_MAX, Page, PageRequest, Position
from domain.shared.chain import canonical_json, format_time
from tests.adapters.ledger.by_hand import NewLedger
from tests.adapters.postgres.test_bounded_reads import read_so_far
from tests.builders import NOW

TYPES = ("account.changed", "account.opened", "transaction.posted")
_ADD_LEDGERS = text("""
INSERT INTO ledgers (organisation_id, id, slug)
SELECT :organisation, nextval('stream_numbers'), 'ledger-' || number FROM generate_series(1, :count) AS number
RETURNING id
""")
_ADD_EVENTS = text("""
INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
SELECT :organisation, stream_id, sequence, recorded_at, sha256(''), content
FROM unnest(:streams, :sequences, :times, :contents) AS rows (stream_id, sequence, recorded_at, content)
""").bindparams(
    bindparam("streams", type_=ARRAY(BIGINT)),
    bindparam("sequences", type_=ARRAY(BIGINT)),
    bindparam("times", type_=ARRAY(TIMESTAMP(timezone=True))),
    bindparam("contents", type_=ARRAY(BYTEA)),
)
_ADD_MANY = text("""
INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
SELECT :organisation, CAST(:stream AS bigint), number, CAST(:beginning AS timestamptz) + number * interval '1 second',
       sha256(''),
       convert_to(format('{"actor":"%s","data":{"n":%s},"id":"evt_%s","recorded_at":"x","request_id":"r%s",'
                         '"sequence":%s,"type":"a.b"}',
                         CASE WHEN number = 10 THEN 'key_rare' ELSE 'key_common' END, number, number, number, number),
                  'UTF8')
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number
""")

Event = tuple[int, int, datetime, str, str]  # log, sequence, time, actor, type


async def add_ledgers(owner: AsyncEngine, address: LedgerAddress, count: int) -> list[int]:
    """Give the organisation more ledgers, without a single event yet."""
    async with tenant_transaction(owner, address.organisation_id) as connection:
        parameters = {"organisation": address.organisation_id, "count": count}
        return sorted(await connection.scalars(_ADD_LEDGERS, parameters))


async def add_events(owner: AsyncEngine, address: LedgerAddress, events: Sequence[Event]) -> None:
    contents = [
        canonical_json(
            {
                "actor": actor,
                "data": {"text": "\u00e4" * (number % 7) * 100},
                "id": f"evt_{number}",
                "recorded_at": format_time(at),
                "request_id": f"req_{number}",
                "sequence": sequence,
                "type": kind,
            }
        )
        for number, (_, sequence, at, actor, kind) in enumerate(events)
    ]
    async with tenant_transaction(owner, address.organisation_id) as connection:
        await connection.execute(
            _ADD_EVENTS,
            {
                "organisation": address.organisation_id,
                "streams": [event[0] for event in events],
                "sequences": [event[1] for event in events],
                "times": [event[2] for event in events],
                "contents": contents,
            },
        )


async def all_pages(
    service: AsyncEngine, address: LedgerAddress, where: AuditFilter, *, limit: int, rows_max: int = ROWS_READ_MAX
) -> list[AuditEntry]:
    found: list[AuditEntry] = []
    after: Position | None = None
    while True:
        page = await one_page(service, address, where, limit=limit, rows_max=rows_max, after=after)
        assert len(page.items) <= limit
        assert page.next_after is None or page.next_after != after
        found += page.items
        after = page.next_after
        if after is None:
            return found


async def one_page(
    service: AsyncEngine,
    address: LedgerAddress,
    where: AuditFilter,
    *,
    limit: int = 50,
    rows_max: int = ROWS_READ_MAX,
    after: Position | None = None,
) -> Page[AuditEntry]:
    async with tenant_view(service, address.organisation_id) as connection:
        reads = PostgresLedgerReads(connection, address.organisation_id, rows_max=rows_max)
        return await reads.audit.entries(where, PageRequest(AUDIT_SORT, limit, after))


@pytest.fixture(scope="module")
async def many_logs(
    owner_engine: AsyncEngine, new_ledger: NewLedger
) -> tuple[LedgerAddress, list[tuple[datetime, int, int, str, str]]]:
    """An organisation with 90 more ledgers of 1 to 12 events each, many of which share their times."""
    address = await new_ledger()
    logs = await add_ledgers(owner_engine, address, 90)
    events: list[Event] = []
    for index, log in enumerate(logs):
        for sequence in range(1, 2 + index % 12):
            # Steps of ten seconds, from each ledger's own beginning on; every third event has the time of the last.
            at = NOW + timedelta(seconds=10 * (index % 5 + sequence - sequence % 3))
            events.append((log, sequence, at, f"key_{index % 3}", TYPES[(index + sequence) % 3]))
    await add_events(owner_engine, address, events)
    in_order = sorted([(at, log, sequence, actor, kind) for log, sequence, at, actor, kind in events], reverse=True)
    return address, in_order


MIDDLE = NOW + timedelta(seconds=60)
# Only events of keys, so that the organisation's first events, which are the tests' own, stay out.
KEYS = ("key_0", "key_1", "key_2")


@pytest.mark.parametrize(("limit", "rows_max"), [(7, 10_000), (500, 10_000), (7, 20), (3, 1), (50, 100)])
async def test_pages_give_every_event_once_in_order(
    service_engine: AsyncEngine,
    many_logs: tuple[LedgerAddress, list[tuple[datetime, int, int, str, str]]],
    limit: int,
    rows_max: int,
) -> None:
    address, expected = many_logs
    found = await all_pages(service_engine, address, AuditFilter(actor=KEYS), limit=limit, rows_max=rows_max)
    assert [(each.at, each.sequence, each.actor, each.type) for each in found] == [
        (at, sequence, actor, kind) for at, _, sequence, actor, kind in expected
    ]


FILTERS: dict[str, tuple[AuditFilter, Callable[[datetime, str, str], bool]]] = {
    "actor": (AuditFilter(actor=("key_1",)), lambda at, actor, kind: actor == "key_1"),
    "type": (
        AuditFilter(actor=KEYS, type=("account.opened",)),
        lambda at, actor, kind: kind == "account.opened",
    ),
    "types that begin so": (
        AuditFilter(actor=KEYS, type_prefix="account."),
        lambda at, actor, kind: kind.startswith("account."),
    ),
    "gt": (AuditFilter(actor=KEYS, at=Span(gt=MIDDLE)), lambda at, actor, kind: at > MIDDLE),
    "gte": (AuditFilter(actor=KEYS, at=Span(gte=MIDDLE)), lambda at, actor, kind: at >= MIDDLE),
    "lt": (AuditFilter(actor=KEYS, at=Span(lt=MIDDLE)), lambda at, actor, kind: at < MIDDLE),
    "lte": (AuditFilter(actor=KEYS, at=Span(lte=MIDDLE)), lambda at, actor, kind: at <= MIDDLE),
    "at": (AuditFilter(actor=KEYS, at=Span(gte=MIDDLE, lte=MIDDLE)), lambda at, actor, kind: at == MIDDLE),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(("limit", "rows_max"), [(11, 10_000), (4, 30)])
async def test_filtered_pages_give_what_belongs_there(
    service_engine: AsyncEngine,
    many_logs: tuple[LedgerAddress, list[tuple[datetime, int, int, str, str]]],
    name: str,
    limit: int,
    rows_max: int,
) -> None:
    address, whole = many_logs
    where, belongs = FILTERS[name]
    expected = [(at, sequence, actor, kind) for at, _, sequence, actor, kind in whole if belongs(at, actor, kind)]
    found = await all_pages(service_engine, address, where, limit=limit, rows_max=rows_max)
    assert [(each.at, each.sequence, each.actor, each.type) for each in found] == expected
    assert expected


@pytest.fixture(scope="module")
async def long_log(owner_engine: AsyncEngine, new_ledger: NewLedger) -> LedgerAddress:
    """An organisation with a log of 60,000 events, beside 300 ledgers that nobody has used for long."""
    address = await new_ledger()
    busy, *idle = await add_ledgers(owner_engine, address, 301)
    await add_events(
        owner_engine, address, [(log, 1, NOW - timedelta(days=1), "key_idle", "ledger.created") for log in idle]
    )
    async with tenant_transaction(owner_engine, address.organisation_id) as connection:
        parameters = {"organisation": address.organisation_id, "stream": busy, "beginning": NOW}
        await connection.execute(_ADD_MANY, parameters | {"first": 1, "last": 60_000})
    return address


@pytest.mark.parametrize(
    ("where", "after_seconds", "found", "rows_read_max"),
    [
        # The heads of 302 logs, at four or five blocks each, and the page.
        (AuditFilter(), 60_000, 50, 4_000),
        (AuditFilter(at=Span(lt=NOW + timedelta(seconds=30_000))), 29_999, 50, 4_500),
        (AuditFilter(ledger=("ledger-1",)), 60_000, 50, 1_000),
        (AuditFilter(ledger=("ledger-1",), at=Span(lte=NOW + timedelta(seconds=10))), 10, 10, 1_000),
        # Nothing is found in the 10,000 that a page looks at.
        (AuditFilter(actor=("key_rare",)), None, 0, 30_000),
    ],
    ids=["first page", "a page in the middle", "of one ledger", "its beginning", "what is rare"],
)
async def test_a_page_reads_a_bounded_number_of_rows(
    service_engine: AsyncEngine,
    long_log: LedgerAddress,
    where: AuditFilter,
    after_seconds: int | None,
    found: int,
    rows_read_max: int,
) -> None:
    async with tenant_view(service_engine, long_log.organisation_id) as connection:
        before = await read_so_far(connection)
        reads = PostgresLedgerReads(connection, long_log.organisation_id)
        page = await reads.audit.entries(where, PageRequest(AUDIT_SORT, 50))
        read = await read_so_far(connection) - before
    assert len(page.items) == found
    if after_seconds is not None:
        assert page.items[0].at == NOW + timedelta(seconds=after_seconds)
    else:
        assert page.next_after is not None
        # It has looked at the last event of 63 idle ledgers beside 9,937 of the 60,000.
        assert page.next_after[0] == format_time(NOW + timedelta(seconds=50_064))
    assert read < rows_read_max


async def test_what_is_rare_is_found_by_following_the_pages(
    service_engine: AsyncEngine, long_log: LedgerAddress
) -> None:
    found = await all_pages(service_engine, long_log, AuditFilter(actor=("key_rare",)), limit=50)
    assert [(each.sequence, each.request_id) for each in found] == [(10, "r10")]
