"""The tables that late entries are filed in, and summed by."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Integer, Numeric, Table

from adapters.postgres.columns import (
    key_column,
    ledger_column,
    metadata,
    moment_column,
    number_column,
    ordered_text_column,
    organisation_column,
    positive_column,
    sum_column,
)

late_entries = Table(
    "late_entries",
    metadata,
    organisation_column(),
    ledger_column(),
    key_column("account_number"),
    ordered_text_column("asset", primary_key=True),
    positive_column("number", primary_key=True),
    number_column("sequence"),
    Column("position", Integer, nullable=False),
    moment_column("effective_at"),
    Column("is_debit", Boolean, nullable=False),
    Column("amount", Numeric, CheckConstraint("amount > 0"), nullable=False),
    sum_column("late_debits"),
    sum_column("late_credits"),
    Index("late_entries_effective", "ledger_id", "account_number", "asset", "effective_at", "sequence", "position"),
)

late_blocks = Table(
    "late_blocks",
    metadata,
    organisation_column(),
    ledger_column(),
    key_column("account_number"),
    ordered_text_column("asset", primary_key=True),
    Column("size", Integer, CheckConstraint("size > 0"), primary_key=True, autoincrement=False),
    positive_column("number", primary_key=True),
    Column("effective_at", DateTime(timezone=True), primary_key=True),
    key_column("sequence"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    sum_column("late_debits"),
    sum_column("late_credits"),
)
