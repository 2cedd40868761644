"""Organisations, ledgers, the event log and its projections, under row-level security."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What the service may do with each table. It can neither change nor delete an event or an entry, whatever a bug or an
# intruder asks of it. (A lock on a row needs the privilege to update it: hence `organisations` and `ledgers`.)
TENANT_TABLES = {
    "organisations": "SELECT, INSERT, UPDATE",
    "ledgers": "SELECT, INSERT, UPDATE",
    "event_log": "SELECT, INSERT",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "api_keys": "SELECT, INSERT, UPDATE",
    "ledger_settings": "SELECT, INSERT, UPDATE",
    "assets": "SELECT, INSERT, UPDATE",
    "accounts": "SELECT, INSERT, UPDATE",
    "transactions": "SELECT, INSERT, UPDATE",
    "entries": "SELECT, INSERT",
    "metadata_values": "SELECT, INSERT, DELETE",
}

SCHEMA = """
-- Organisations and ledgers are streams of events; one sequence numbers both, so that a stream's number is its own.
CREATE SEQUENCE stream_numbers AS bigint;

CREATE TABLE organisations (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

-- `rebuilds` counts how often projections were replaced: what a server remembers of them is then no longer true.
CREATE TABLE ledgers (
    organisation_id bigint NOT NULL REFERENCES organisations (id),
    id bigint NOT NULL,
    slug text COLLATE "C" NOT NULL,
    rebuilds bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT ledgers_slug UNIQUE (organisation_id, slug)
);

-- The truth. `content` holds the very bytes that were hashed.
CREATE TABLE event_log (
    organisation_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    recorded_at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    content bytea NOT NULL,
    PRIMARY KEY (stream_id, sequence)
);

CREATE TABLE idempotency_keys (
    organisation_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    first_sequence bigint NOT NULL CHECK (first_sequence > 0),
    last_sequence bigint NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (stream_id, key)
);

CREATE TABLE api_keys (
    organisation_id bigint NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    hint text NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT api_keys_digest UNIQUE (organisation_id, digest)
);

-- Projections: everything from here on follows from the event log.

CREATE TABLE ledger_settings (
    organisation_id bigint NOT NULL,
    ledger_id bigint PRIMARY KEY,
    name text NOT NULL,
    time_zone text NOT NULL,
    metadata jsonb NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    chart jsonb NOT NULL,
    chart_version bigint NOT NULL CHECK (chart_version > 0)
);

CREATE TABLE assets (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    code text COLLATE "C" NOT NULL,
    scale smallint NOT NULL CHECK (scale >= 0),
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (ledger_id, code)
);

-- An account's number is the sequence of the event that opened it.
CREATE TABLE accounts (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    path text COLLATE "C" NOT NULL,
    type text NOT NULL,
    status text NOT NULL,
    metadata jsonb NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (ledger_id, number),
    CONSTRAINT accounts_path UNIQUE (ledger_id, path)
);

CREATE TABLE transactions (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    id uuid NOT NULL,
    reference text COLLATE "C",
    description text NOT NULL,
    kind text NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    metadata jsonb NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (ledger_id, sequence),
    CONSTRAINT transactions_id UNIQUE (ledger_id, id)
);
CREATE UNIQUE INDEX transactions_reference ON transactions (ledger_id, reference) WHERE reference IS NOT NULL;
CREATE INDEX transactions_effective ON transactions (ledger_id, effective_at, sequence);

-- The history of every account, and with it its balance: the last row of (ledger, account, asset), or the last one up
-- to a sequence. Rows are only ever inserted.
CREATE TABLE entries (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    account_number bigint NOT NULL,
    sequence bigint NOT NULL,
    position integer NOT NULL,
    is_debit boolean NOT NULL,
    asset text COLLATE "C" NOT NULL,
    amount numeric NOT NULL CHECK (amount > 0),
    posted_debits numeric NOT NULL CHECK (posted_debits >= 0),
    posted_credits numeric NOT NULL CHECK (posted_credits >= 0),
    balance_version bigint NOT NULL CHECK (balance_version > 0),
    PRIMARY KEY (ledger_id, account_number, asset, sequence, position)
);
CREATE UNIQUE INDEX entries_of_transaction ON entries (ledger_id, sequence, position);
-- One row for each account and asset that was ever used together: what a trial balance is a list of.
CREATE INDEX entries_first ON entries (ledger_id, asset, account_number) WHERE balance_version = 1;

-- Metadata are filtered through this table: beside a policy, only leakproof operators reach an index. `digest` is of
-- key and value, whatever their length; `sequence` is that of the transaction, or the number of the account.
CREATE TABLE metadata_values (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    subject text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (ledger_id, subject, digest, sequence)
);
"""

ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partita_service') THEN
        CREATE ROLE partita_service NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this cluster is migrated at the same moment
END
$$;
"""


# Whoever is a member already may lack the right to make anyone one.
MEMBERSHIP = """
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'partita_service', 'MEMBER') THEN
        GRANT partita_service TO CURRENT_USER;
    END IF;
END
$$;
"""


def upgrade() -> None:
    op.execute(ROLE)
    op.execute(MEMBERSHIP)
    op.execute("GRANT USAGE ON SCHEMA public TO partita_service")
    for statement in SCHEMA.strip().removesuffix(";").split(";\n"):
        op.execute(statement)
    op.execute("GRANT USAGE ON SEQUENCE stream_numbers TO partita_service")
    op.execute("GRANT SELECT ON alembic_version TO partita_service")
    for table, privileges in TENANT_TABLES.items():
        key = "id" if table == "organisations" else "organisation_id"
        op.execute(f"GRANT {privileges} ON {table} TO partita_service")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # The sub-select is worked out once for a statement, not once for a row. Without a tenant, no row matches.
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            f"({key} = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )


def downgrade() -> None:
    for table in reversed(TENANT_TABLES):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP SEQUENCE stream_numbers")
