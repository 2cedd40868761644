"""Webhooks: endpoints, how far their ledgers were looked at, deliveries, and when to look again."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TENANT_TABLES = {
    "webhook_endpoints": "SELECT, INSERT, UPDATE, DELETE",
    "webhook_cursors": "SELECT, INSERT, UPDATE, DELETE",
    "webhook_deliveries": "SELECT, INSERT, UPDATE, DELETE",
}

SCHEMA = """
-- `sealed` and `sealed_before` are secrets, encrypted. One that was deleted is kept as long as its deliveries are.
CREATE TABLE webhook_endpoints (
    organisation_id bigint NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    ledgers text[],
    types text[] NOT NULL,
    account text,
    is_ordered boolean NOT NULL,
    sealed bytea NOT NULL,
    sealed_before bytea,
    before_until timestamptz,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    paused_at timestamptz,
    pause_reason text,
    failing_since timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (organisation_id, id)
);

-- Up to which event a ledger was looked at for an endpoint. A ledger without a row is looked at from its beginning.
CREATE TABLE webhook_cursors (
    organisation_id bigint NOT NULL,
    endpoint_id uuid NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    PRIMARY KEY (organisation_id, endpoint_id, ledger_id)
);

-- Events on their way. What they say stands in the log alone.
-- `leased_until` is of the database's clock; until then the process of the `claim` tries it, and nobody else.
CREATE TABLE webhook_deliveries (
    organisation_id bigint NOT NULL,
    endpoint_id uuid NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    state text COLLATE "C" NOT NULL,
    attempts integer NOT NULL CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    first_tried_at timestamptz,
    finished_at timestamptz,
    leased_until timestamptz,
    claim uuid,
    status integer,
    error text,
    PRIMARY KEY (organisation_id, endpoint_id, ledger_id, sequence)
);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (organisation_id, endpoint_id, state, id);
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (organisation_id, endpoint_id, ledger_id, sequence)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (organisation_id, endpoint_id, ledger_id, due_at)
    WHERE state = 'pending';

-- That an organisation may have something to send, and when to look: across organisations, and nothing else of them.
CREATE TABLE webhook_agenda (
    organisation_id bigint PRIMARY KEY,
    look_at timestamptz NOT NULL
);
CREATE INDEX webhook_agenda_time ON webhook_agenda (look_at);
"""


def upgrade() -> None:
    for statement in SCHEMA.strip().removesuffix(";").split(";\n"):
        op.execute(statement)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_agenda TO partita_service")
    for table, privileges in TENANT_TABLES.items():
        op.execute(f"GRANT {privileges} ON {table} TO partita_service")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )


def downgrade() -> None:
    for table in ("webhook_agenda", *reversed(TENANT_TABLES)):
        op.execute(f"DROP TABLE {table}")
