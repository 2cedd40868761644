"""The tables, as the readers' queries name them. The migrations make them; a test holds the two together."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

import adapters.postgres.access_tables
import adapters.postgres.extension_tables
import adapters.postgres.job_tables
import adapters.postgres.person_tables
import adapters.postgres.webhook_tables  # noqa: F401 # so that its tables and those above are in the metadata, too
from adapters.postgres.columns import (
    flag_column,
    key_column,
    ledger_column,
    moment_column,
    number_column,
    ordered_text_column,
    organisation_column,
    positive_column,
    sum_column,
    text_column,
)
from adapters.postgres.columns import metadata as metadata  # noqa: PLC0414 # it comes with all of its tables from here
from adapters.postgres.file_tables import attachments
from adapters.postgres.hold_tables import held_totals, hold_entries, holds, remainders
from adapters.postgres.late_tables import late_blocks, late_entries

organisations = Table(
    "organisations",
    metadata,
    key_column("id"),
    text_column("name"),
    moment_column("created_at"),
    Column("quotas", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
)

ledgers = Table(
    "ledgers",
    metadata,
    Column("organisation_id", BigInteger, ForeignKey("organisations.id"), primary_key=True, autoincrement=False),
    key_column("id"),
    ordered_text_column("slug"),
    Column("rebuilds", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("organisation_id", "slug", name="ledgers_slug"),
)

event_log = Table(
    "event_log",
    metadata,
    organisation_column(),
    key_column("stream_id"),
    positive_column("sequence", primary_key=True),
    moment_column("recorded_at"),
    Column("hash", LargeBinary, CheckConstraint("octet_length(hash) = 32"), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    organisation_column(),
    key_column("stream_id"),
    ordered_text_column("key", primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    positive_column("first_sequence"),
    number_column("last_sequence"),
    moment_column("used_at"),
    Index("idempotency_keys_used", "used_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("organisation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", UUID(as_uuid=True), primary_key=True),
    text_column("name"),
    Column("digest", LargeBinary, nullable=False),
    text_column("hint"),
    moment_column("created_at"),
    moment_column("revoked_at", nullable=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("ledgers", ARRAY(Text)),
    Column("accounts", ARRAY(Text)),
    Column("networks", ARRAY(Text)),
    moment_column("expires_at", nullable=True),
    moment_column("last_used_at", nullable=True),
    Column("replaced_by", UUID(as_uuid=True)),
    UniqueConstraint("organisation_id", "digest", name="api_keys_digest"),
    Index("api_keys_working", "organisation_id", "id", postgresql_where=text("revoked_at IS NULL")),
    Index("api_keys_replaced", "organisation_id", "replaced_by", postgresql_where=text("replaced_by IS NOT NULL")),
)

ledger_settings = Table(
    "ledger_settings",
    metadata,
    organisation_column(),
    ledger_column(),
    text_column("name"),
    text_column("time_zone"),
    Column("metadata", JSONB, nullable=False),
    positive_column("version"),
    moment_column("created_at"),
    Column("chart", JSONB, nullable=False),
    positive_column("chart_version"),
    flag_column("is_frozen", added=True),
    flag_column("is_archived", added=True),
    moment_column("closed_until", nullable=True),
    Column("closed_until_day", Date),
)

assets = Table(
    "assets",
    metadata,
    organisation_column(),
    ledger_column(),
    ordered_text_column("code", primary_key=True),
    Column("scale", SmallInteger, CheckConstraint("scale >= 0"), nullable=False),
    positive_column("version"),
    flag_column("is_used", added=True),
)

accounts = Table(
    "accounts",
    metadata,
    organisation_column(),
    ledger_column(),
    positive_column("number", primary_key=True),
    ordered_text_column("path"),
    ordered_text_column("type"),
    text_column("status"),
    Column("metadata", JSONB, nullable=False),
    positive_column("version"),
    moment_column("opened_at"),
    Column("limits", JSONB, nullable=False, server_default=text("'{}'")),
    flag_column("frozen_debits", added=True),
    flag_column("frozen_credits", added=True),
    UniqueConstraint("ledger_id", "path", name="accounts_path"),
    Index(
        "accounts_of_results",
        "ledger_id",
        "type",
        "number",
        postgresql_where=text("type IN ('income', 'expense')"),
    ),
)

transactions = Table(
    "transactions",
    metadata,
    organisation_column(),
    ledger_column(),
    positive_column("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    ordered_text_column("reference", nullable=True),
    text_column("description"),
    text_column("kind"),
    moment_column("effective_at"),
    moment_column("recorded_at"),
    Column("metadata", JSONB, nullable=False),
    positive_column("version"),
    Column("hold_sequence", BigInteger),
    Column("reverses", BigInteger),
    UniqueConstraint("ledger_id", "id", name="transactions_id"),
    Index(
        "transactions_reference",
        "ledger_id",
        "reference",
        unique=True,
        postgresql_where=text("reference IS NOT NULL"),
    ),
    Index("transactions_effective", "ledger_id", "effective_at", "sequence"),
    Index(
        "transactions_of_hold",
        "ledger_id",
        "hold_sequence",
        "sequence",
        postgresql_where=text("hold_sequence IS NOT NULL"),
    ),
    Index("transactions_reversing", "ledger_id", "reverses", "sequence", postgresql_where=text("reverses IS NOT NULL")),
    Index(
        "transactions_closing",
        "ledger_id",
        "effective_at",
        "sequence",
        postgresql_where=text("kind = 'closing'"),
    ),
)

entries = Table(
    "entries",
    metadata,
    organisation_column(),
    ledger_column(primary_key=False),
    number_column("account_number"),
    number_column("sequence"),
    Column("position", Integer, nullable=False),
    Column("is_debit", Boolean, nullable=False),
    ordered_text_column("asset"),
    Column("amount", Numeric, CheckConstraint("amount > 0"), nullable=False),
    sum_column("posted_debits"),
    sum_column("posted_credits"),
    positive_column("balance_version"),
    moment_column("latest_effective_at"),
    Column("late", BigInteger, CheckConstraint("late >= 0"), nullable=False),
    Column("is_milestone", Boolean, nullable=False),
    PrimaryKeyConstraint("ledger_id", "account_number", "asset", "sequence", "position"),
    Index("entries_of_transaction", "ledger_id", "sequence", "position", unique=True),
    Index("entries_first", "ledger_id", "asset", "account_number", postgresql_where=text("balance_version = 1")),
    Index(
        "entries_milestones",
        "ledger_id",
        "account_number",
        "asset",
        "latest_effective_at",
        "sequence",
        "position",
        postgresql_where=text("is_milestone"),
    ),
)

periods = Table(
    "periods",
    metadata,
    organisation_column(),
    ledger_column(),
    positive_column("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    Column("starts_on", Date),
    moment_column("starts_at", nullable=True),
    Column("ends_on", Date, nullable=False),
    moment_column("ends_at"),
    flag_column("is_closed"),
    text_column("reason"),
    moment_column("closed_at"),
    moment_column("reopened_at", nullable=True),
    Column("reopen_reason", Text),
    UniqueConstraint("ledger_id", "id", name="periods_id"),
)

# Of no tenant: it tells who has something to do and when, across all of them, and nothing of what that is.
agenda = Table(
    "agenda",
    metadata,
    Column("due_at", DateTime(timezone=True), primary_key=True),
    ordered_text_column("kind", primary_key=True),
    key_column("organisation_id"),
    key_column("ledger_id"),
)

metadata_values = Table(
    "metadata_values",
    metadata,
    organisation_column(),
    ledger_column(),
    ordered_text_column("subject", primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    key_column("sequence"),
)

# What follows from a ledger's events, and can be built anew from them.
PROJECTIONS = (
    ledger_settings,
    assets,
    accounts,
    transactions,
    entries,
    late_entries,
    late_blocks,
    holds,
    hold_entries,
    held_totals,
    remainders,
    periods,
    attachments,
    metadata_values,
)
