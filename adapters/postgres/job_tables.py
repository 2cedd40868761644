"""Tables of jobs, and of what servers do now and then."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from adapters.postgres.columns import flag_column, key_column, metadata, moment_column, ordered_text_column, text_column


def _count_column(name: str, *, primary_key: bool = False) -> "Column[int]":
    check = CheckConstraint(f"{name} >= 0")
    return Column(name, BigInteger, check, primary_key=primary_key, autoincrement=False, nullable=False)


def _of_job() -> "tuple[Column[int], Column[object], ForeignKeyConstraint]":
    key = ForeignKeyConstraint(("organisation_id", "job_id"), ("jobs.organisation_id", "jobs.id"), ondelete="CASCADE")
    return key_column("organisation_id"), Column("job_id", UUID(as_uuid=True), primary_key=True), key


jobs = Table(
    "jobs",
    metadata,
    key_column("organisation_id"),
    Column("id", UUID(as_uuid=True), primary_key=True),
    ordered_text_column("kind"),
    ordered_text_column("ledger"),
    Column("arguments", JSONB, nullable=False),
    ordered_text_column("actor"),
    ordered_text_column("credential"),
    Column("permissions", ARRAY(Text), nullable=False),
    text_column("request_id"),
    ordered_text_column("idempotency_key", nullable=True),
    Column("fingerprint", LargeBinary),
    ordered_text_column("state"),
    _count_column("done"),
    _count_column("total"),
    text_column("unit"),
    _count_column("parts_done"),
    _count_column("attempts"),
    Column("lease", UUID(as_uuid=True)),
    moment_column("created_at"),
    moment_column("due_at", nullable=True),
    moment_column("started_at", nullable=True),
    moment_column("finished_at", nullable=True),
    Column("problem", JSONB(none_as_null=True)),
    Column("result_type", Text),
    Column("retry_key", Text),
    _count_column("kept_bytes"),
    UniqueConstraint("organisation_id", "idempotency_key", name="jobs_key"),
    Index("jobs_unfinished", "organisation_id", postgresql_where=text("finished_at IS NULL")),
    Index("jobs_keeping", "organisation_id", "kept_bytes", postgresql_where=text("kept_bytes > 0")),
)

job_inputs = Table(
    "job_inputs",
    metadata,
    *_of_job(),
    _count_column("number", primary_key=True),
    _count_column("first"),
    Column("content", LargeBinary, nullable=False),
)

job_results = Table(
    "job_results",
    metadata,
    *_of_job(),
    _count_column("number", primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# Of no tenant: it tells who has a job and when, across all of them, and nothing of what that is.
due_jobs = Table(
    "due_jobs",
    metadata,
    key_column("organisation_id"),
    Column("job_id", UUID(as_uuid=True), primary_key=True),
    flag_column("is_over"),
    moment_column("due_at"),
)
Index("due_jobs_at", due_jobs.c.is_over, due_jobs.c.due_at)

# Likewise: when an organisation's turn was.
job_turns = Table(
    "job_turns",
    metadata,
    key_column("organisation_id"),
    moment_column("served_at"),
)

duties = Table(
    "duties",
    metadata,
    ordered_text_column("name", primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
)
