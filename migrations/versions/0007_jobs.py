"""Jobs, what they work on and what they make; what servers do now and then; and when idempotency keys were used."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What tells who has something to do and when, across all organisations, and nothing of what that is; and the server's.
GLOBAL_TABLES = {
    "due_jobs": "SELECT, INSERT, UPDATE, DELETE",
    "job_turns": "SELECT, INSERT, UPDATE",
    "duties": "SELECT, INSERT, UPDATE",
}
TENANT_TABLES = {
    "jobs": "SELECT, INSERT, UPDATE, DELETE",
    "job_inputs": "SELECT, INSERT, DELETE",
    "job_results": "SELECT, INSERT, DELETE",
}

SCHEMA = """
CREATE TABLE jobs (
    organisation_id bigint NOT NULL,
    id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    ledger text COLLATE "C" NOT NULL,
    arguments jsonb NOT NULL,
    actor text COLLATE "C" NOT NULL,
    credential text COLLATE "C" NOT NULL,
    permissions text[] NOT NULL,
    request_id text NOT NULL,
    idempotency_key text COLLATE "C",
    fingerprint bytea,
    state text COLLATE "C" NOT NULL,
    done bigint NOT NULL CHECK (done >= 0),
    total bigint NOT NULL CHECK (total >= 0),
    unit text NOT NULL,
    parts_done bigint NOT NULL CHECK (parts_done >= 0),
    attempts bigint NOT NULL CHECK (attempts >= 0),
    lease uuid,
    created_at timestamptz NOT NULL,
    due_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    problem jsonb,
    result_type text,
    retry_key text,
    kept_bytes bigint NOT NULL CHECK (kept_bytes >= 0),
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT jobs_key UNIQUE (organisation_id, idempotency_key)
);

-- Whole lines of what a job works on, each part until its result is kept.
CREATE TABLE job_inputs (
    organisation_id bigint NOT NULL,
    job_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number >= 0),
    first bigint NOT NULL CHECK (first >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (organisation_id, job_id, number),
    FOREIGN KEY (organisation_id, job_id) REFERENCES jobs (organisation_id, id) ON DELETE CASCADE
);

CREATE TABLE job_results (
    organisation_id bigint NOT NULL,
    job_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (organisation_id, job_id, number),
    FOREIGN KEY (organisation_id, job_id) REFERENCES jobs (organisation_id, id) ON DELETE CASCADE
);

-- Each job has one row here: until it ends, when it is to be begun, and afterwards, when it is to be forgotten.
CREATE TABLE due_jobs (
    organisation_id bigint NOT NULL,
    job_id uuid NOT NULL,
    is_over boolean NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, job_id)
);
CREATE INDEX due_jobs_at ON due_jobs (is_over, due_at);

-- When a job of an organisation was last begun: who has waited longest is next, whichever worker looks.
CREATE TABLE job_turns (
    organisation_id bigint PRIMARY KEY,
    served_at timestamptz NOT NULL
);

CREATE TABLE duties (
    name text COLLATE "C" PRIMARY KEY,
    due_at timestamptz NOT NULL
);

-- By which keys that have outlived their time are found. All keys of a group have the same time: it stays small.
CREATE INDEX idempotency_keys_used ON idempotency_keys (used_at);
"""

# The keys that were last used before a time, whichever the organisation: they are good for nothing any more.
OLD_KEYS = """
CREATE POLICY {name} ON idempotency_keys FOR {command} USING
(used_at < (SELECT nullif(current_setting('app.used_before', true), '')::timestamptz))
"""


def upgrade() -> None:
    for statement in SCHEMA.strip().removesuffix(";").split(";\n"):
        op.execute(statement)
    for table, privileges in (GLOBAL_TABLES | TENANT_TABLES).items():
        op.execute(f"GRANT {privileges} ON {table} TO partita_service")
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )
    for name, command in (("old", "SELECT"), ("tidied", "DELETE")):
        op.execute(OLD_KEYS.format(name=name, command=command))


def downgrade() -> None:
    for name in ("old", "tidied"):
        op.execute(f"DROP POLICY {name} ON idempotency_keys")
    op.execute("DROP INDEX idempotency_keys_used")
    for table in ("job_inputs", "job_results", "jobs", "due_jobs", "job_turns", "duties"):
        op.execute(f"DROP TABLE {table}")
