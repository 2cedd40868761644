"""The tables of holds, of what they hold, and of what is left of holds and transactions."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Numeric, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from adapters.postgres.columns import (
    flag_column,
    key_column,
    ledger_column,
    metadata,
    moment_column,
    number_column,
    ordered_text_column,
    organisation_column,
    positive_column,
    sum_column,
    text_column,
)

holds = Table(
    "holds",
    metadata,
    organisation_column(),
    ledger_column(),
    positive_column("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    ordered_text_column("reference", nullable=True),
    text_column("description"),
    Column("metadata", JSONB, nullable=False),
    moment_column("expires_at", nullable=True),
    moment_column("placed_at"),
    ordered_text_column("status"),
    moment_column("closed_at", nullable=True),
    Column("entries", Integer, CheckConstraint("entries > 0"), nullable=False),
    UniqueConstraint("ledger_id", "id", name="holds_id"),
    Index("holds_reference", "ledger_id", "reference", unique=True, postgresql_where=text("reference IS NOT NULL")),
    Index(
        "holds_due",
        "ledger_id",
        "expires_at",
        "sequence",
        postgresql_where=text("status = 'open' AND expires_at IS NOT NULL"),
    ),
    Index("holds_status", "ledger_id", "status", "sequence"),
)

hold_entries = Table(
    "hold_entries",
    metadata,
    organisation_column(),
    ledger_column(),
    key_column("sequence"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    number_column("account_number"),
    flag_column("is_debit"),
    ordered_text_column("asset"),
    Column("amount", Numeric, CheckConstraint("amount > 0"), nullable=False),
    Index("hold_entries_of_account", "ledger_id", "account_number", "sequence"),
)

held_totals = Table(
    "held_totals",
    metadata,
    organisation_column(),
    ledger_column(),
    key_column("account_number"),
    ordered_text_column("asset", primary_key=True),
    key_column("sequence"),
    sum_column("held_debits"),
    sum_column("held_credits"),
)

remainders = Table(
    "remainders",
    metadata,
    organisation_column(),
    ledger_column(),
    key_column("of_sequence"),
    key_column("account_number"),
    Column("is_debit", Boolean, primary_key=True),
    ordered_text_column("asset", primary_key=True),
    key_column("sequence"),
    sum_column("remaining"),
)
