"""Tables of who may act for an organisation, and of where its requests came from."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from adapters.postgres.columns import (
    key_column,
    metadata,
    moment_column,
    number_column,
    ordered_text_column,
    positive_column,
    text_column,
)


def _organisation_key() -> "Column[int]":
    return Column("organisation_id", BigInteger, primary_key=True, autoincrement=False)


def _digest_column(*, primary_key: bool = False) -> "Column[bytes]":
    check = CheckConstraint("octet_length(digest) = 32")
    return Column("digest", LargeBinary, check, primary_key=primary_key, nullable=False)


members = Table(
    "members",
    metadata,
    _organisation_key(),
    Column("person_id", UUID(as_uuid=True), primary_key=True),
    Column("assignments", JSONB, nullable=False),
    moment_column("joined_at"),
    positive_column("version"),
)
Index("members_person", members.c.person_id)

roles = Table(
    "roles",
    metadata,
    _organisation_key(),
    ordered_text_column("name", primary_key=True),
    text_column("description"),
    Column("permissions", ARRAY(Text), nullable=False),
    positive_column("version"),
)

invitations = Table(
    "invitations",
    metadata,
    _organisation_key(),
    Column("id", UUID(as_uuid=True), primary_key=True),
    _digest_column(),
    ordered_text_column("email"),
    Column("assignments", JSONB, nullable=False),
    text_column("invited_by"),
    moment_column("created_at"),
    moment_column("expires_at"),
    UniqueConstraint("organisation_id", "digest", name="invitations_digest"),
    UniqueConstraint("organisation_id", "email", name="invitations_email"),
)
Index("invitations_person", invitations.c.email)
Index("invitations_expiry", invitations.c.expires_at)
Index("invitations_over", invitations.c.organisation_id, invitations.c.expires_at)

log_sizes = Table(
    "log_sizes",
    metadata,
    _organisation_key(),
    key_column("stream_id"),
    positive_column("through_sequence"),
    number_column("bytes"),
)

oauth_clients = Table(
    "oauth_clients",
    metadata,
    _organisation_key(),
    Column("id", UUID(as_uuid=True), primary_key=True),
    text_column("name"),
    Column("secret_digest", LargeBinary),
    Column("redirect_uris", ARRAY(Text), nullable=False),
    Column("grant_types", ARRAY(Text), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("ledgers", ARRAY(Text)),
    Column("accounts", ARRAY(Text)),
    moment_column("created_at"),
    moment_column("revoked_at", nullable=True),
    positive_column("version"),
)
Index(
    "oauth_clients_working",
    oauth_clients.c.organisation_id,
    oauth_clients.c.id,
    postgresql_where=oauth_clients.c.revoked_at.is_(None),
)

oauth_grants = Table(
    "oauth_grants",
    metadata,
    _organisation_key(),
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("client_id", UUID(as_uuid=True), nullable=False),
    Column("person_id", UUID(as_uuid=True)),
    Column("scopes", ARRAY(Text), nullable=False),
    moment_column("created_at"),
    moment_column("revoked_at", nullable=True),
    ForeignKeyConstraint(("organisation_id", "client_id"), ("oauth_clients.organisation_id", "oauth_clients.id")),
)
Index("oauth_grants_person", oauth_grants.c.organisation_id, oauth_grants.c.person_id)
Index("oauth_grants_client", oauth_grants.c.organisation_id, oauth_grants.c.client_id, oauth_grants.c.created_at)
Index(
    "oauth_grants_holding",
    oauth_grants.c.organisation_id,
    oauth_grants.c.id,
    postgresql_where=oauth_grants.c.revoked_at.is_(None),
)

oauth_codes = Table(
    "oauth_codes",
    metadata,
    _organisation_key(),
    _digest_column(primary_key=True),
    Column("grant_id", UUID(as_uuid=True), nullable=False),
    text_column("redirect_uri"),
    text_column("code_challenge"),
    moment_column("created_at"),
    moment_column("expires_at"),
    moment_column("used_at", nullable=True),
)
Index("oauth_codes_grant", oauth_codes.c.organisation_id, oauth_codes.c.grant_id)

oauth_refresh_tokens = Table(
    "oauth_refresh_tokens",
    metadata,
    _organisation_key(),
    _digest_column(primary_key=True),
    Column("grant_id", UUID(as_uuid=True), nullable=False),
    moment_column("created_at"),
    moment_column("began_at"),
    moment_column("expires_at"),
    moment_column("used_at", nullable=True),
)
Index("oauth_refresh_tokens_grant", oauth_refresh_tokens.c.organisation_id, oauth_refresh_tokens.c.grant_id)

request_origins = Table(
    "request_origins",
    metadata,
    _organisation_key(),
    Column("stream_id", BigInteger, primary_key=True, autoincrement=False),
    positive_column("sequence", primary_key=True),
    Column("last_sequence", BigInteger, CheckConstraint("last_sequence >= sequence"), nullable=False),
    ordered_text_column("actor"),
    ordered_text_column("credential"),
    Column("address", Text),
    Column("user_agent", Text),
)
Index(
    "request_origins_person",
    request_origins.c.actor,
    postgresql_where=text("actor >= 'usr_' AND actor < 'usr`'"),
)

tickets = Table(
    "tickets",
    metadata,
    _organisation_key(),
    _digest_column(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    moment_column("expires_at"),
)
Index("tickets_expiry", tickets.c.organisation_id, tickets.c.expires_at)
Index("tickets_over", tickets.c.expires_at)
