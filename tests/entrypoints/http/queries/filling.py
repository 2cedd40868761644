"""Many rows in every table that grows: what one organisation has, many times over, and the same for others.

The database makes them of what the application has written, in a second, and so that the application can read them.
"""

from typing import Final

import asyncpg
from sqlalchemy import BigInteger, Table

from adapters.postgres.tables import metadata

# Other organisations, which have all that the first one has, and how far apart their numbers are.
OTHERS: Final = 4
APART: Final = 1_000_000
# Why a table never has many rows; every other one grows.
SMALL: Final = {
    "alembic_version": "one row",
    "duties": "one row for each thing that servers do every hour",
    "token_keys": "one key a month, and those that are over are erased",
}
# How many of each row one more organisation has of what it makes for itself.
_TIMES: Final = {
    **dict.fromkeys(("persons", "members", "person_identities", "sessions", "session_tokens", "mailed_tokens"), 400),
    **dict.fromkeys(("api_keys", "oauth_clients", "oauth_grants", "oauth_codes", "oauth_refresh_tokens"), 400),
    **dict.fromkeys(("invitations", "tickets", "jobs", "webhook_endpoints", "files", "loose_contents"), 400),
    "roles": 40,
}
# Texts that are parts of keys, and digests: others in each copy.
_NAMES: Final = ("name", "email", "subject", "place", "idempotency_key", "issuer")
_DIGESTS: Final = ("digest", "sha256")
# Most of what an organisation has made is over; what waits for an answer still does.
_OVER: Final = {
    "api_keys": {"revoked_at": "now()"},
    "oauth_clients": {"revoked_at": "now()"},
    "oauth_grants": {"revoked_at": "now()"},
    "webhook_endpoints": {"deleted_at": "now()"},
    "jobs": {"state": "'done'", "finished_at": "now()", "due_at": "NULL", "kept_bytes": "0"},
    "invitations": {"expires_at": "now() + (50.5 - n) * interval '1 hour'"},
    "tickets": {"expires_at": "now() + interval '1 day'"},
    "loose_contents": {"due_at": "now() + interval '1 day'"},
}
# Of which organisation or ledger a row is, by whatever name.
_NUMBERS: Final = ("organisation_id", "ledger_id", "stream_id")
_FILLED_BY_HAND: Final = """
UPDATE webhook_cursors SET sequence = (SELECT max(sequence) FROM event_log WHERE stream_id = ledger_id);
INSERT INTO person_identities SELECT 'https://issuer.test', id::text, id, created_at FROM persons;
INSERT INTO session_tokens SELECT sha256(id::text::bytea), id, created_at, NULL FROM sessions;
INSERT INTO mailed_tokens
SELECT sha256(id::text::bytea), id, 'verify-email', created_at, now() + interval '1 day' FROM persons;
INSERT INTO job_inputs SELECT organisation_id, id, n, n, 'x' FROM jobs, generate_series(100, 101) AS n;
INSERT INTO job_results SELECT organisation_id, id, n, 'x' FROM jobs, generate_series(100, 101) AS n;
INSERT INTO security_log (at, type, person_id, details)
SELECT now() - n * interval '1 minute', 'logged-in', id, '{}'
FROM (SELECT id FROM persons LIMIT 200) AS persons, generate_series(1, 20) AS n;
INSERT INTO webhook_deliveries (organisation_id, endpoint_id, ledger_id, sequence, id, event_id, type, state, attempts,
                                created_at, due_at, finished_at)
SELECT organisation_id, endpoint.id, stream_id, sequence, gen_random_uuid(), gen_random_uuid(), 'transaction.posted',
       CASE WHEN sequence % 10 = 0 THEN 'pending' ELSE 'delivered' END, 1, recorded_at,
       now() + interval '1 day', recorded_at
FROM event_log CROSS JOIN LATERAL (
    SELECT id, deleted_at IS NULL AS is_first FROM webhook_endpoints AS other
    WHERE other.organisation_id = event_log.organisation_id AND other.url LIKE '%hook-%'
    ORDER BY created_at, id LIMIT 12
) AS endpoint
WHERE stream_id <> organisation_id AND (endpoint.is_first OR sequence % 10 = 0)
ON CONFLICT DO NOTHING;
INSERT INTO ledgers (organisation_id, id, slug) SELECT organisation_id, nextval('stream_numbers'), slug || '-' || n
FROM ledgers, generate_series(1, 100) AS n WHERE slug = 'main';
INSERT INTO ledger_settings (organisation_id, ledger_id, name, time_zone, metadata, version, created_at, chart,
                             chart_version)
SELECT organisation_id, id, slug, 'UTC', '{}', 1, now(), '[]', 1 FROM ledgers ON CONFLICT DO NOTHING;
INSERT INTO event_log
SELECT event_log.organisation_id, other.id, 1, recorded_at, hash, content
FROM event_log JOIN ledgers ON ledgers.id = stream_id AND slug = 'main' CROSS JOIN ledgers AS other
WHERE sequence = 1 ON CONFLICT DO NOTHING;
INSERT INTO assets (organisation_id, ledger_id, code, scale, version)
SELECT organisation_id, id, 'MADE' || n, 2, 1 FROM ledgers, generate_series(1, 10) AS n;
INSERT INTO periods
SELECT organisation_id, ledger_id, sequence + 100000 * n, md5(id::text || n)::uuid, starts_on, starts_at, ends_on,
       ends_at, false, reason, closed_at, now(), reason
FROM periods, generate_series(1, 200) AS n;
INSERT INTO idempotency_keys
SELECT organisation_id, stream_id, key || n, fingerprint, first_sequence, last_sequence, used_at
FROM idempotency_keys, generate_series(1, 200) AS n;
INSERT INTO request_origins
SELECT organisation_id, stream_id, sequence + 100000 * n, last_sequence + 100000 * n, actor, credential,
       address, user_agent
FROM request_origins, generate_series(1, 20) AS n;
INSERT INTO log_sizes SELECT organisation_id, id, 1, 1 FROM ledgers ON CONFLICT DO NOTHING;
INSERT INTO webhook_cursors
SELECT endpoint.organisation_id, endpoint.id, ledgers.id, 1
FROM webhook_endpoints AS endpoint JOIN ledgers USING (organisation_id)
WHERE endpoint.url LIKE '%hook-%' AND ledgers.slug LIKE 'main-1%' ON CONFLICT DO NOTHING;
INSERT INTO extension_cursors (organisation_id, handler, ledger_id, sequence, attempts, due_at)
SELECT organisation_id, 'made-up/' || n, id, 1, 0, now() + interval '1 day' FROM ledgers, generate_series(1, 10) AS n;
INSERT INTO attachments
SELECT organisation_id, ledger_id, sequence + 100000 * n, md5(id::text || n)::uuid, subject_kind, subject,
       name, media_type, size, sha256, added_at, removed_at, reason
FROM attachments, generate_series(1, 300) AS n;
"""
# Of no organisation, or read across them: in time to come, so that nothing of it is to be done now.
_OF_ALL: Final = """
INSERT INTO organisations (id, name, created_at)
SELECT 20000000 + n, 'made up', now() FROM generate_series(1, 4000) AS n;
INSERT INTO agenda (due_at, kind, organisation_id, ledger_id)
SELECT now() + n * interval '1 hour', 'hold-expiry', n, n FROM generate_series(1, 4000) AS n;
INSERT INTO due_jobs (organisation_id, job_id, is_over, due_at)
SELECT organisation_id, id, true, now() + row_number() OVER () * interval '1 minute'
FROM jobs ON CONFLICT DO NOTHING;
INSERT INTO job_turns (organisation_id, served_at)
SELECT n, now() - n * interval '1 minute' FROM generate_series(20000001, 20004000) AS n;
INSERT INTO webhook_agenda (organisation_id, look_at)
SELECT n, now() + n * interval '1 second' FROM generate_series(20000001, 20004000) AS n;
"""


async def fill(owner: asyncpg.Connection, organisation_id: int) -> None:
    """Fill the database with what the organisation has, which has been written by the application."""
    for table in metadata.sorted_tables:
        if table.name in _TIMES:
            await owner.execute(_times_over(table, _TIMES[table.name]))
    await owner.execute(_FILLED_BY_HAND)
    for table in metadata.sorted_tables:
        if any(name in table.columns for name in _NUMBERS) or table.name == "organisations":
            await owner.execute(_for_others(table, organisation_id))
    await owner.execute(_OF_ALL)
    await owner.execute("VACUUM ANALYZE")


def _times_over(table: Table, times: int) -> str:
    def made(name: str, kind: str) -> str:
        if kind == "UUID":
            # The same wherever the same thing is named.
            return f"md5({name}::text || n)::uuid"
        if name in _DIGESTS:
            return f"sha256({name} || n::text::bytea)"
        return f"{name} || '-' || n" if name in _NAMES else name

    columns = {column.name: made(column.name, type(column.type).__name__) for column in table.columns}
    columns |= _OVER.get(table.name, {})
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"  # noqa: S608 # names of ours
        f" FROM {table.name} CROSS JOIN generate_series(1, {times}) AS n"
    )


def _for_others(table: Table, organisation_id: int) -> str:
    numbers = {column.name for column in table.columns if column.name in _NUMBERS}
    if table.name in ("organisations", "ledgers"):
        numbers.add("id")
    own = "id" if table.name == "organisations" else "organisation_id"
    columns = {
        column.name: f"{column.name} + n * {APART}" if column.name in numbers else column.name
        for column in table.columns
        if isinstance(column.type, BigInteger) or column.name not in numbers
    }
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)})"  # noqa: S608 # names of ours
        f" SELECT {', '.join(columns.values())} FROM {table.name} CROSS JOIN generate_series(1, {OTHERS}) AS n"
        f" WHERE {own} = {organisation_id} ON CONFLICT DO NOTHING"
    )
