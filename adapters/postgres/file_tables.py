"""Tables of what is attached, and of the files behind that."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import UUID

from adapters.postgres.columns import (
    ledger_column,
    metadata,
    moment_column,
    number_column,
    ordered_text_column,
    organisation_column,
    positive_column,
    text_column,
)


def _digest_column(*, primary_key: bool = False) -> "Column[bytes]":
    check = CheckConstraint("octet_length(sha256) = 32")
    return Column("sha256", LargeBinary, check, primary_key=primary_key, nullable=False)


attachments = Table(
    "attachments",
    metadata,
    organisation_column(),
    ledger_column(),
    positive_column("sequence", primary_key=True),
    Column("id", UUID(as_uuid=True), nullable=False),
    ordered_text_column("subject_kind"),
    ordered_text_column("subject"),
    text_column("name"),
    text_column("media_type"),
    number_column("size"),
    _digest_column(),
    moment_column("added_at"),
    moment_column("removed_at", nullable=True),
    Column("reason", Text),
    UniqueConstraint("ledger_id", "id", name="attachments_id"),
)
Index(
    "attachments_subject",
    attachments.c.ledger_id,
    attachments.c.subject_kind,
    attachments.c.subject,
    attachments.c.sequence,
)
Index("attachments_file", attachments.c.organisation_id, attachments.c.sha256)

files = Table(
    "files",
    metadata,
    Column("organisation_id", BigInteger, primary_key=True, autoincrement=False),
    _digest_column(primary_key=True),
    number_column("size"),
    text_column("place"),
    moment_column("created_at"),
    moment_column("check_at", nullable=True),
)
Index("files_check", files.c.check_at, postgresql_where=files.c.check_at.is_not(None))

loose_contents = Table(
    "loose_contents",
    metadata,
    Column("organisation_id", BigInteger, primary_key=True, autoincrement=False),
    ordered_text_column("place", primary_key=True),
    moment_column("due_at"),
)
Index("loose_contents_due", loose_contents.c.due_at)
