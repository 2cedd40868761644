"""The tables, as the readers' queries name them. The migrations make them; a test holds the two together."""

from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()


def _organisation() -> "Column[int]":
    return Column("organisation_id", BigInteger, nullable=False)


def _ledger(*, primary_key: bool = True) -> "Column[int]":
    return Column("ledger_id", BigInteger, primary_key=primary_key, autoincrement=False, nullable=False)


def _key(name: str) -> "Column[int]":
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _number(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _positive(name: str, *, primary_key: bool = False) -> "Column[int]":
    return Column(
        name,
        BigInteger,
        CheckConstraint(f"{name} > 0"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


def _sum(name: str) -> "Column[Decimal]":
    return Column(name, Numeric, CheckConstraint(f"{name} >= 0"), nullable=False)


def _ordered_text(name: str, *, primary_key: bool = False, nullable: bool = False) -> "Column[str]":
    return Column(name, Text(collation="C"), primary_key=primary_key, nullable=nullable)


def _text(name: str) -> "Column[str]":
    return Column(name, Text, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=nullable)


organisations = Table("organisations", metadata, _key("id"), _text("name"), _moment("created_at"))

ledgers = Table(
    "ledgers",
    metadata,
    Column("organisation_id", BigInteger, ForeignKey("organisations.id"), primary_key=True, autoincrement=False),
    _key("id"),
    _ordered_text("slug"),
    Column("rebuilds", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("organisation_id", "slug", name="ledgers_slug"),
)

event_log = Table(
    "event_log",
    metadata,
    _organisation(),
    _key("stream_id"),
    _positive("sequence", primary_key=True),
    _moment("recorded_at"),
    Column("hash", LargeBinary, CheckConstraint("octet_length(hash) = 32"), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _organisation(),
    _key("stream_id"),
    _ordered_text("key", primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    _positive("first_sequence"),
    _number("last_sequence"),
    _moment("used_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("organisation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", UUID(as_uuid=True), primary_key=True),
    _text("name"),
    Column("digest", LargeBinary, nullable=False),
    _text("hint"),
    _moment("created_at"),
    _moment("revoked_at", nullable=True),
    UniqueConstraint("organisation_id", "digest", name="api_keys_digest"),
)

ledger_settings = Table(
    "ledger_settings",
    metadata,
    _organisation(),
    _ledger(),
    _text("name"),
    _text("time_zone"),
    Column("metadata", JSONB, nullable=False),
    _positive("version"),
    _moment("created_at"),
    Column("chart", JSONB, nullable=False),
    _positive("chart_version"),
)

assets = Table(
    "assets",
    metadata,
    _organisation(),
    _ledger(),
    _ordered_text("code", primary_key=True),
    Column("scale", SmallInteger, CheckConstraint("scale >= 0"), nullable=False),
    _positive("version"),
)

accounts = Table(
    "accounts",
    metadata,
    _organisation(),
    _ledger(),
    _positive("number", primary_key=True),
    _ordered_text("path"),
    _text("type"),
    _text("status"),
    Column("metadata", JSONB, nullable=False),
    _positive("version"),
    _moment("opened_at"),
    UniqueConstraint("ledger_id", "path", name="accounts_path"),
)

transactions = Table(
    "transactions",
    metadata,
    _organisation(),
    _ledger(),
    _positive("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    _ordered_text("reference", nullable=True),
    _text("description"),
    _text("kind"),
    _moment("effective_at"),
    _moment("recorded_at"),
    Column("metadata", JSONB, nullable=False),
    _positive("version"),
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
    _organisation(),
    _ledger(primary_key=False),
    _number("account_number"),
    _number("sequence"),
    Column("position", Integer, nullable=False),
    Column("is_debit", Boolean, nullable=False),
    _ordered_text("asset"),
    Column("amount", Numeric, CheckConstraint("amount > 0"), nullable=False),
    _sum("posted_debits"),
    _sum("posted_credits"),
    _positive("balance_version"),
    _moment("latest_effective_at"),
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

late_entries = Table(
    "late_entries",
    metadata,
    _organisation(),
    _ledger(),
    _key("account_number"),
    _ordered_text("asset", primary_key=True),
    _positive("number", primary_key=True),
    _number("sequence"),
    Column("position", Integer, nullable=False),
    _moment("effective_at"),
    Column("is_debit", Boolean, nullable=False),
    Column("amount", Numeric, CheckConstraint("amount > 0"), nullable=False),
    _sum("late_debits"),
    _sum("late_credits"),
    Index("late_entries_effective", "ledger_id", "account_number", "asset", "effective_at", "sequence", "position"),
)

late_blocks = Table(
    "late_blocks",
    metadata,
    _organisation(),
    _ledger(),
    _key("account_number"),
    _ordered_text("asset", primary_key=True),
    Column("size", Integer, CheckConstraint("size > 0"), primary_key=True, autoincrement=False),
    _positive("number", primary_key=True),
    Column("effective_at", DateTime(timezone=True), primary_key=True),
    _key("sequence"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _sum("late_debits"),
    _sum("late_credits"),
)

metadata_values = Table(
    "metadata_values",
    metadata,
    _organisation(),
    _ledger(),
    _ordered_text("subject", primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    _key("sequence"),
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
    metadata_values,
)
