"""The statements that dispatchers do their work with, written out."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTEGER, TEXT, TIMESTAMP, UUID

_MOMENTS = ARRAY(TIMESTAMP(timezone=True))
_ACTIVE = "endpoints.paused_at IS NULL AND endpoints.deleted_at IS NULL"
_IS_ABOUT = """(
    endpoints.ledgers IS NULL
    OR EXISTS (SELECT FROM unnest(endpoints.ledgers) AS pattern WHERE ledgers.slug LIKE replace(pattern, '*', '%'))
)"""
_OF_CURSOR = """
    deliveries.organisation_id = cursors.organisation_id
    AND deliveries.endpoint_id = cursors.endpoint_id
    AND deliveries.ledger_id = cursors.ledger_id
    AND deliveries.state = 'pending'
"""
# What is due further ahead than the longest pause was decided on by a clock that had jumped.
IS_DUE = "(deliveries.due_at <= :now OR deliveries.due_at > :too_late)"
# Leases are of one clock, the database's, whatever those of the servers say.
IS_FREE = "(deliveries.leased_until IS NULL OR deliveries.leased_until < clock_timestamp())"

# A ledger that was created after the endpoint is looked at from its beginning. Each pair is looked up by its key, as
# OFFSET keeps it from becoming a join: so of a few ledgers no others are read, whatever is known of the tables.
ADD_CURSORS = text(f"""
INSERT INTO webhook_cursors (organisation_id, endpoint_id, ledger_id, sequence)
SELECT :organisation, endpoints.id, ledgers.id, 0
FROM webhook_endpoints AS endpoints JOIN ledgers ON ledgers.organisation_id = endpoints.organisation_id
WHERE endpoints.organisation_id = :organisation AND {_ACTIVE} AND {_IS_ABOUT}
AND (CAST(:slugs AS text[]) IS NULL OR ledgers.slug = ANY(:slugs))
AND NOT EXISTS (
    SELECT FROM webhook_cursors AS cursors
    WHERE cursors.organisation_id = :organisation
    AND cursors.endpoint_id = endpoints.id AND cursors.ledger_id = ledgers.id
    OFFSET 0
)
LIMIT :limit
ON CONFLICT DO NOTHING
""").bindparams(bindparam("slugs", type_=ARRAY(TEXT)))  # noqa: S608 # only constants are joined

# Which endpoints have not seen the last events of which ledgers, unless much waits for them already: those first for
# which something has waited longest.
LAGGING = text(f"""
SELECT cursors.endpoint_id, cursors.ledger_id, cursors.sequence, ledgers.slug
FROM webhook_endpoints AS endpoints
JOIN webhook_cursors AS cursors
    ON cursors.organisation_id = endpoints.organisation_id AND cursors.endpoint_id = endpoints.id
JOIN ledgers ON ledgers.organisation_id = cursors.organisation_id AND ledgers.id = cursors.ledger_id
CROSS JOIN LATERAL (
    SELECT recorded_at FROM event_log
    WHERE stream_id = cursors.ledger_id AND sequence > cursors.sequence ORDER BY sequence LIMIT 1
) AS next
WHERE endpoints.organisation_id = :organisation AND {_ACTIVE} AND {_IS_ABOUT}
AND (CAST(:slugs AS text[]) IS NULL OR ledgers.slug = ANY(:slugs))
AND NOT EXISTS (SELECT FROM webhook_deliveries AS deliveries WHERE {_OF_CURSOR} OFFSET :pending_max LIMIT 1)
ORDER BY next.recorded_at
LIMIT :limit
FOR UPDATE OF cursors SKIP LOCKED
""").bindparams(bindparam("slugs", type_=ARRAY(TEXT)))  # noqa: S608 # only constants are joined

# One that is there already was sent before: the ledger is replayed.
ADD_DELIVERIES = text("""
INSERT INTO webhook_deliveries
    (organisation_id, endpoint_id, ledger_id, sequence, id, event_id, type, state, attempts, created_at, due_at)
SELECT :organisation, new.*, 'pending', 0, :now, :now
FROM unnest(:endpoints, :ledgers, :sequences, :ids, :events, :types) AS new
ON CONFLICT (organisation_id, endpoint_id, ledger_id, sequence) DO UPDATE
SET id = excluded.id, state = 'pending', attempts = 0, created_at = :now, due_at = :now, first_tried_at = NULL,
    finished_at = NULL, leased_until = NULL, claim = NULL, status = NULL, error = NULL
""").bindparams(
    bindparam("endpoints", type_=ARRAY(UUID)),
    bindparam("ledgers", type_=ARRAY(BIGINT)),
    bindparam("sequences", type_=ARRAY(BIGINT)),
    bindparam("ids", type_=ARRAY(UUID)),
    bindparam("events", type_=ARRAY(UUID)),
    bindparam("types", type_=ARRAY(TEXT)),
)

ADVANCE = text("""
UPDATE webhook_cursors AS cursors SET sequence = seen.sequence
FROM unnest(:endpoints, :ledgers, :sequences) AS seen (endpoint_id, ledger_id, sequence)
WHERE cursors.organisation_id = :organisation
AND cursors.endpoint_id = seen.endpoint_id AND cursors.ledger_id = seen.ledger_id
""").bindparams(
    bindparam("endpoints", type_=ARRAY(UUID)),
    bindparam("ledgers", type_=ARRAY(BIGINT)),
    bindparam("sequences", type_=ARRAY(BIGINT)),
)

# To which endpoints something of which ledgers can be sent now, the longest due first. Where events are sent in order,
# that is so if the first is due and free.
READY = text(f"""
SELECT cursors.endpoint_id, cursors.ledger_id, ledgers.slug
FROM webhook_endpoints AS endpoints
JOIN webhook_cursors AS cursors
    ON cursors.organisation_id = endpoints.organisation_id AND cursors.endpoint_id = endpoints.id
JOIN ledgers ON ledgers.organisation_id = cursors.organisation_id AND ledgers.id = cursors.ledger_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN endpoints.is_ordered THEN (
        SELECT CASE WHEN {IS_DUE} AND {IS_FREE} THEN deliveries.due_at END FROM webhook_deliveries AS deliveries
        WHERE {_OF_CURSOR} ORDER BY deliveries.sequence LIMIT 1
    ) ELSE (
        SELECT deliveries.due_at FROM webhook_deliveries AS deliveries
        WHERE {_OF_CURSOR} AND {IS_DUE} AND {IS_FREE} ORDER BY deliveries.due_at LIMIT 1
    ) END AS due_at
) AS next
WHERE endpoints.organisation_id = :organisation AND {_ACTIVE} AND next.due_at IS NOT NULL
AND NOT EXISTS (
    SELECT FROM unnest(:busy, :busy_slugs) AS busy (id, slug)
    WHERE busy.id = cursors.endpoint_id AND busy.slug = ledgers.slug
)
ORDER BY next.due_at
LIMIT :limit
FOR UPDATE OF cursors SKIP LOCKED
""").bindparams(  # noqa: S608 # only constants are joined
    bindparam("busy", type_=ARRAY(UUID)), bindparam("busy_slugs", type_=ARRAY(TEXT))
)

_CHOSEN = """
SELECT deliveries.sequence, deliveries.attempts, octet_length(event_log.content) AS bytes,
    {is_due} AND {is_free} AS is_ready
FROM webhook_deliveries AS deliveries
JOIN event_log ON event_log.stream_id = deliveries.ledger_id AND event_log.sequence = deliveries.sequence
WHERE deliveries.organisation_id = :organisation AND deliveries.endpoint_id = :endpoint
AND deliveries.ledger_id = :ledger AND deliveries.state = 'pending'
{rest}
LIMIT :limit
"""
NEXT_IN_ORDER = text(_CHOSEN.format(is_due=IS_DUE, is_free=IS_FREE, rest="ORDER BY deliveries.sequence"))
NEXT_DUE = text(
    _CHOSEN.format(is_due=IS_DUE, is_free=IS_FREE, rest=f"AND {IS_DUE} AND {IS_FREE} ORDER BY deliveries.due_at")
)

# The rows of a parcel. They are pending, and those are few: whatever is done first, and whatever is thought of how many
# deliveries an endpoint has, the index that has no others is enough.
_OF_PARCEL = """
deliveries.organisation_id = :organisation AND deliveries.endpoint_id = :endpoint AND deliveries.ledger_id = :ledger
AND deliveries.state = 'pending' AND deliveries.sequence = parcel.sequence
"""
_SEQUENCES = bindparam("sequences", type_=ARRAY(BIGINT))

LEASE = text(f"""
UPDATE webhook_deliveries AS deliveries SET leased_until = clock_timestamp() + :lease, claim = :claim
FROM unnest(:sequences) AS parcel (sequence)
WHERE {_OF_PARCEL}
""").bindparams(_SEQUENCES)  # noqa: S608 # only constants are joined

# Each is looked up by its key, and the one before it: a join would also do to read the whole log.
CONTENTS = text("""
SELECT wanted.sequence, event.content, event.hash, event.recorded_at, before.hash AS previous_hash
FROM unnest(CAST(:sequences AS bigint[])) AS wanted (sequence)
CROSS JOIN LATERAL (
    SELECT content, hash, recorded_at FROM event_log
    WHERE stream_id = :ledger AND event_log.sequence = wanted.sequence LIMIT 1
) AS event
LEFT JOIN LATERAL (
    SELECT hash FROM event_log WHERE stream_id = :ledger AND event_log.sequence = wanted.sequence - 1 LIMIT 1
) AS before ON true
""")

KEEP = text(f"""
UPDATE webhook_deliveries AS deliveries
SET state = parcel.state, attempts = deliveries.attempts + 1, due_at = coalesce(parcel.due_at, deliveries.due_at),
    first_tried_at = coalesce(deliveries.first_tried_at, :now), leased_until = NULL, claim = NULL,
    finished_at = CASE WHEN parcel.state = 'pending' THEN NULL ELSE CAST(:now AS timestamptz) END,
    status = parcel.status, error = parcel.error
FROM unnest(:sequences, :states, :dues, :statuses, :errors) AS parcel (sequence, state, due_at, status, error)
WHERE {_OF_PARCEL} AND deliveries.claim = :claim
RETURNING deliveries.state, deliveries.first_tried_at
""").bindparams(  # noqa: S608 # only constants are joined
    _SEQUENCES,
    bindparam("now", type_=TIMESTAMP(timezone=True)),
    bindparam("states", type_=ARRAY(TEXT)),
    bindparam("dues", type_=_MOMENTS),
    bindparam("statuses", type_=ARRAY(INTEGER)),
    bindparam("errors", type_=ARRAY(TEXT)),
)

GIVE_BACK = text(f"""
UPDATE webhook_deliveries AS deliveries SET leased_until = NULL, claim = NULL
FROM unnest(:sequences) AS parcel (sequence)
WHERE {_OF_PARCEL} AND deliveries.claim = :claim
""").bindparams(_SEQUENCES)  # noqa: S608 # only constants are joined

# Of an organisation without webhooks, nothing is left to be looked at; who makes one at this moment has said so.
FORGET = text("""
DELETE FROM webhook_agenda WHERE organisation_id = :organisation AND look_at = 'infinity'
AND NOT EXISTS (SELECT FROM webhook_endpoints WHERE organisation_id = :organisation)
""")

# When the next thing is due: of those in order, the first of each ledger.
NEXT_LOOK = text(f"""
UPDATE webhook_agenda SET look_at = coalesce((
    SELECT min(CASE WHEN endpoints.is_ordered THEN (
        SELECT deliveries.due_at FROM webhook_deliveries AS deliveries
        WHERE {_OF_CURSOR} ORDER BY deliveries.sequence LIMIT 1
    ) ELSE (
        SELECT deliveries.due_at FROM webhook_deliveries AS deliveries
        WHERE {_OF_CURSOR} ORDER BY deliveries.due_at LIMIT 1
    ) END)
    FROM webhook_endpoints AS endpoints
    JOIN webhook_cursors AS cursors
        ON cursors.organisation_id = endpoints.organisation_id AND cursors.endpoint_id = endpoints.id
    WHERE endpoints.organisation_id = :organisation AND {_ACTIVE}
), 'infinity')
WHERE organisation_id = :organisation
""")  # noqa: S608 # only constants are joined
