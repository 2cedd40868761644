"""Tables of webhooks: who is told of events, how far their ledgers were looked at, and what became of each event."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from adapters.postgres.columns import (
    flag_column,
    key_column,
    metadata,
    moment_column,
    ordered_text_column,
    positive_column,
    text_column,
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    key_column("organisation_id"),
    Column("id", UUID(as_uuid=True), primary_key=True),
    text_column("url"),
    text_column("description"),
    Column("ledgers", ARRAY(Text)),
    Column("types", ARRAY(Text), nullable=False),
    Column("account", Text),
    flag_column("is_ordered"),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_before", LargeBinary),
    moment_column("before_until", nullable=True),
    moment_column("created_at"),
    positive_column("version"),
    moment_column("paused_at", nullable=True),
    Column("pause_reason", Text),
    moment_column("failing_since", nullable=True),
    moment_column("deleted_at", nullable=True),
)
Index(
    "webhook_endpoints_there",
    webhook_endpoints.c.organisation_id,
    webhook_endpoints.c.id,
    postgresql_where=webhook_endpoints.c.deleted_at.is_(None),
)

webhook_cursors = Table(
    "webhook_cursors",
    metadata,
    key_column("organisation_id"),
    Column("endpoint_id", UUID(as_uuid=True), primary_key=True),
    key_column("ledger_id"),
    Column("sequence", BigInteger, CheckConstraint("sequence >= 0"), nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    key_column("organisation_id"),
    Column("endpoint_id", UUID(as_uuid=True), primary_key=True),
    key_column("ledger_id"),
    positive_column("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    Column("event_id", UUID(as_uuid=True), nullable=False),
    text_column("type"),
    ordered_text_column("state"),
    Column("attempts", Integer, CheckConstraint("attempts >= 0"), nullable=False),
    moment_column("created_at"),
    moment_column("due_at"),
    moment_column("first_tried_at", nullable=True),
    moment_column("finished_at", nullable=True),
    moment_column("leased_until", nullable=True),
    Column("claim", UUID(as_uuid=True)),
    Column("status", Integer),
    Column("error", Text),
)
_deliveries = webhook_deliveries.c
Index(
    "webhook_deliveries_log",
    _deliveries.organisation_id,
    _deliveries.endpoint_id,
    _deliveries.state,
    _deliveries.id,
)
Index(
    "webhook_deliveries_order",
    _deliveries.organisation_id,
    _deliveries.endpoint_id,
    _deliveries.ledger_id,
    _deliveries.sequence,
    postgresql_where=text("state = 'pending'"),
)
Index(
    "webhook_deliveries_due",
    _deliveries.organisation_id,
    _deliveries.endpoint_id,
    _deliveries.ledger_id,
    _deliveries.due_at,
    postgresql_where=text("state = 'pending'"),
)

# Across organisations, and without a policy: that one may have something to send, and when to look.
webhook_agenda = Table(
    "webhook_agenda",
    metadata,
    key_column("organisation_id"),
    moment_column("look_at"),
)
Index("webhook_agenda_time", webhook_agenda.c.look_at)
