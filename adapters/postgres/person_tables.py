"""Tables of persons, who belong to no organisation: no policy binds them, and no tenant's query names them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from adapters.postgres.columns import metadata, moment_column, ordered_text_column

persons = Table(
    "persons",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("email", Text(collation="C")),
    Column("password_hash", Text),
    moment_column("email_verified_at", nullable=True),
    moment_column("created_at"),
    moment_column("erased_at", nullable=True),
    UniqueConstraint("email", name="persons_email"),
)
Index(
    "persons_unverified",
    persons.c.created_at,
    postgresql_where=persons.c.email_verified_at.is_(None) & persons.c.erased_at.is_(None),
)

person_identities = Table(
    "person_identities",
    metadata,
    ordered_text_column("issuer", primary_key=True),
    ordered_text_column("subject", primary_key=True),
    Column("person_id", UUID(as_uuid=True), ForeignKey("persons.id"), nullable=False),
    moment_column("created_at"),
)
Index("person_identities_person", person_identities.c.person_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("person_id", UUID(as_uuid=True), ForeignKey("persons.id"), nullable=False),
    moment_column("created_at"),
    moment_column("last_used_at"),
    moment_column("expires_at"),
    moment_column("revoked_at", nullable=True),
    Column("address", Text),
    Column("user_agent", Text),
)
Index("sessions_person", sessions.c.person_id, sessions.c.created_at)
Index("sessions_expiry", sessions.c.expires_at)

session_tokens = Table(
    "session_tokens",
    metadata,
    Column("digest", LargeBinary, CheckConstraint("octet_length(digest) = 32"), primary_key=True),
    Column("session_id", UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    moment_column("created_at"),
    moment_column("used_at", nullable=True),
)
Index("session_tokens_session", session_tokens.c.session_id)

mailed_tokens = Table(
    "mailed_tokens",
    metadata,
    Column("digest", LargeBinary, CheckConstraint("octet_length(digest) = 32"), primary_key=True),
    Column("person_id", UUID(as_uuid=True), ForeignKey("persons.id"), nullable=False),
    ordered_text_column("purpose"),
    moment_column("created_at"),
    moment_column("expires_at"),
)
Index("mailed_tokens_person", mailed_tokens.c.person_id, mailed_tokens.c.purpose)
Index("mailed_tokens_expiry", mailed_tokens.c.expires_at)

security_log = Table(
    "security_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    moment_column("at"),
    ordered_text_column("type"),
    Column("person_id", UUID(as_uuid=True)),
    Column("address", Text),
    Column("user_agent", Text),
    Column("details", JSONB, nullable=False),
)
Index("security_log_person", security_log.c.person_id, security_log.c.id)
Index("security_log_at", security_log.c.at)

token_keys = Table(
    "token_keys",
    metadata,
    ordered_text_column("id", primary_key=True),
    Column("public_key", LargeBinary, CheckConstraint("octet_length(public_key) = 32"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    moment_column("created_at"),
    moment_column("signs_from"),
    moment_column("verifies_until", nullable=True),
)
