"""The table of extensions: how far those that are told of events have come."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table
from sqlalchemy.dialects.postgresql import UUID

from adapters.postgres.columns import key_column, metadata, moment_column, ordered_text_column

extension_cursors = Table(
    "extension_cursors",
    metadata,
    key_column("organisation_id"),
    ordered_text_column("handler", primary_key=True),
    key_column("ledger_id"),
    Column("sequence", BigInteger, CheckConstraint("sequence >= 0"), nullable=False),
    Column("attempts", Integer, CheckConstraint("attempts >= 0"), nullable=False),
    moment_column("due_at"),
    Column("lease", UUID(as_uuid=True)),
)
