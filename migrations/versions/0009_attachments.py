"""Attachments, and the files behind them."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TENANT_TABLES = {
    "attachments": "SELECT, INSERT, UPDATE",
    "files": "SELECT, INSERT, UPDATE, DELETE",
    "loose_contents": "SELECT, INSERT, DELETE",
}

SCHEMA = """
-- A projection. `subject` is the path of an account, or the id of a transaction or a hold.
CREATE TABLE attachments (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    id uuid NOT NULL,
    subject_kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    added_at timestamptz NOT NULL,
    removed_at timestamptz,
    reason text,
    PRIMARY KEY (ledger_id, sequence),
    CONSTRAINT attachments_id UNIQUE (ledger_id, id)
);
CREATE INDEX attachments_subject ON attachments (ledger_id, subject_kind, subject, sequence);
CREATE INDEX attachments_file ON attachments (organisation_id, sha256);

-- Contents, each once for an organisation: `place` is where it lies in the store. From `check_at` on, someone has to
-- look whether it is still attached to anything; null is that nobody has to.
CREATE TABLE files (
    organisation_id bigint NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size bigint NOT NULL,
    place text NOT NULL,
    created_at timestamptz NOT NULL,
    check_at timestamptz,
    PRIMARY KEY (organisation_id, sha256)
);
CREATE INDEX files_check ON files (check_at) WHERE check_at IS NOT NULL;

-- What may lie in the store without being a file: on its way in, or out. It is erased when it is due.
CREATE TABLE loose_contents (
    organisation_id bigint NOT NULL,
    place text COLLATE "C" NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, place)
);
CREATE INDEX loose_contents_due ON loose_contents (due_at);
"""

# Whose files have to be looked at, and which contents are to be erased, whichever the organisation.
DUE = """
CREATE POLICY due ON {table} FOR SELECT USING
({column} <= (SELECT nullif(current_setting('app.expired_before', true), '')::timestamptz))
"""


def upgrade() -> None:
    for statement in SCHEMA.strip().removesuffix(";").split(";\n"):
        op.execute(statement)
    for table, privileges in TENANT_TABLES.items():
        op.execute(f"GRANT {privileges} ON {table} TO partita_service")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )
    op.execute(DUE.format(table="files", column="check_at"))
    op.execute(DUE.format(table="loose_contents", column="due_at"))


def downgrade() -> None:
    for table in reversed(TENANT_TABLES):
        op.execute(f"DROP TABLE {table}")
