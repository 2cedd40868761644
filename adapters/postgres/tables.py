"""The tables, as the readers' queries name them. The migrations make them; a test holds the two together."""

from decimal import Decimal

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


def _flag(name: str, *, added: bool = False) -> "Column[bool]":
    """A flag; one that was added to rows that were there is false in them."""
    return Column(name, Boolean, nullable=False, server_default=text("false") if added else None)


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
    _flag("is_frozen", added=True),
    _flag("is_archived", added=True),
    _moment("closed_until", nullable=True),
    Column("closed_until_day", Date),
)

assets = Table(
    "assets",
    metadata,
    _organisation(),
    _ledger(),
    _ordered_text("code", primary_key=True),
    Column("scale", SmallInteger, CheckConstraint("scale >= 0"), nullable=False),
    _positive("version"),
    _flag("is_used", added=True),
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
    Column("limits", JSONB, nullable=False, server_default=text("'{}'")),
    _flag("frozen_debits", added=True),
    _flag("frozen_credits", added=True),
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
    PrimaryKeyConstraint("ledger_id", "account_number", "asset", "sequence", "position"),
    Index("entries_of_transaction", "ledger_id", "sequence", "position", unique=True),
    Index("entries_first", "ledger_id", "asset", "account_number", postgresql_where=text("balance_version = 1")),
)

holds = Table(
    "holds",
    metadata,
    _organisation(),
    _ledger(),
    _positive("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    _ordered_text("reference", nullable=True),
    _text("description"),
    Column("metadata", JSONB, nullable=False),
    _moment("expires_at", nullable=True),
    _moment("placed_at"),
    _ordered_text("status"),
    _moment("closed_at", nullable=True),
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
    _organisation(),
    _ledger(),
    _key("sequence"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _number("account_number"),
    _flag("is_debit"),
    _ordered_text("asset"),
    Column("amount", Numeric, CheckConstraint("amount > 0"), nullable=False),
    Index("hold_entries_of_account", "ledger_id", "account_number", "sequence"),
)

held_totals = Table(
    "held_totals",
    metadata,
    _organisation(),
    _ledger(),
    _key("account_number"),
    _ordered_text("asset", primary_key=True),
    _key("sequence"),
    _sum("held_debits"),
    _sum("held_credits"),
)

remainders = Table(
    "remainders",
    metadata,
    _organisation(),
    _ledger(),
    _key("of_sequence"),
    _key("account_number"),
    Column("is_debit", Boolean, primary_key=True),
    _ordered_text("asset", primary_key=True),
    _key("sequence"),
    _sum("remaining"),
)

periods = Table(
    "periods",
    metadata,
    _organisation(),
    _ledger(),
    _positive("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    Column("starts_on", Date),
    _moment("starts_at", nullable=True),
    Column("ends_on", Date, nullable=False),
    _moment("ends_at"),
    _flag("is_closed"),
    _text("reason"),
    _moment("closed_at"),
    _moment("reopened_at", nullable=True),
    Column("reopen_reason", Text),
    UniqueConstraint("ledger_id", "id", name="periods_id"),
)

# Of no tenant: it tells who has something to do and when, across all of them, and nothing of what that is.
agenda = Table(
    "agenda",
    metadata,
    Column("due_at", DateTime(timezone=True), primary_key=True),
    _ordered_text("kind", primary_key=True),
    _key("organisation_id"),
    _key("ledger_id"),
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
    holds,
    hold_entries,
    held_totals,
    remainders,
    periods,
    metadata_values,
)
