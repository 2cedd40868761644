"""Limits, freezing, archiving, holds, what is left of holds and transactions, and closed periods."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TENANT_TABLES = {
    "holds": "SELECT, INSERT, UPDATE",
    "hold_entries": "SELECT, INSERT",
    "held_totals": "SELECT, INSERT",
    "remainders": "SELECT, INSERT",
    "periods": "SELECT, INSERT, UPDATE",
}

SCHEMA = """
-- `limits` are the account's own, by asset: its scale, minimum and maximum, in minor units as text.
ALTER TABLE accounts
    ADD COLUMN limits jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN frozen_debits boolean NOT NULL DEFAULT false,
    ADD COLUMN frozen_credits boolean NOT NULL DEFAULT false;

-- Whether limits or holds have used the asset, so that its scale is fixed; entries show that by themselves.
ALTER TABLE assets ADD COLUMN is_used boolean NOT NULL DEFAULT false;

ALTER TABLE ledger_settings
    ADD COLUMN is_frozen boolean NOT NULL DEFAULT false,
    ADD COLUMN is_archived boolean NOT NULL DEFAULT false,
    ADD COLUMN closed_until timestamptz,
    ADD COLUMN closed_until_day date;

-- The sequences of the hold that was captured, and of the transaction that was reversed.
ALTER TABLE transactions ADD COLUMN hold_sequence bigint, ADD COLUMN reverses bigint;
CREATE INDEX transactions_of_hold ON transactions (ledger_id, hold_sequence, sequence)
    WHERE hold_sequence IS NOT NULL;
CREATE INDEX transactions_reversing ON transactions (ledger_id, reverses, sequence) WHERE reverses IS NOT NULL;

CREATE TABLE holds (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    id uuid NOT NULL,
    reference text COLLATE "C",
    description text NOT NULL,
    metadata jsonb NOT NULL,
    expires_at timestamptz,
    placed_at timestamptz NOT NULL,
    status text COLLATE "C" NOT NULL,
    closed_at timestamptz,
    entries integer NOT NULL CHECK (entries > 0),
    PRIMARY KEY (ledger_id, sequence),
    CONSTRAINT holds_id UNIQUE (ledger_id, id)
);
CREATE UNIQUE INDEX holds_reference ON holds (ledger_id, reference) WHERE reference IS NOT NULL;
CREATE INDEX holds_due ON holds (ledger_id, expires_at, sequence) WHERE status = 'open' AND expires_at IS NOT NULL;
CREATE INDEX holds_status ON holds (ledger_id, status, sequence);

CREATE TABLE hold_entries (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL,
    position integer NOT NULL,
    account_number bigint NOT NULL,
    is_debit boolean NOT NULL,
    asset text COLLATE "C" NOT NULL,
    amount numeric NOT NULL CHECK (amount > 0),
    PRIMARY KEY (ledger_id, sequence, position)
);
CREATE INDEX hold_entries_of_account ON hold_entries (ledger_id, account_number, sequence);

-- What is held on an account: the last row of (ledger, account, asset), or the last one up to a sequence. Apart from
-- the history, so that accounts without holds pay nothing for them.
CREATE TABLE held_totals (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    account_number bigint NOT NULL,
    asset text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    held_debits numeric NOT NULL CHECK (held_debits >= 0),
    held_credits numeric NOT NULL CHECK (held_credits >= 0),
    PRIMARY KEY (ledger_id, account_number, asset, sequence)
);

-- What is left of a hold to capture, or of a transaction to reverse: the last row of each side. No row: all of it.
CREATE TABLE remainders (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    of_sequence bigint NOT NULL,
    account_number bigint NOT NULL,
    is_debit boolean NOT NULL,
    asset text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    remaining numeric NOT NULL CHECK (remaining >= 0),
    PRIMARY KEY (ledger_id, of_sequence, account_number, is_debit, asset, sequence)
);

CREATE TABLE periods (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    id uuid NOT NULL,
    starts_on date,
    starts_at timestamptz,
    ends_on date NOT NULL,
    ends_at timestamptz NOT NULL,
    is_closed boolean NOT NULL,
    reason text NOT NULL,
    closed_at timestamptz NOT NULL,
    reopened_at timestamptz,
    reopen_reason text,
    PRIMARY KEY (ledger_id, sequence),
    CONSTRAINT periods_id UNIQUE (ledger_id, id)
);

-- What is due across all tenants, by time: who has something to do, and nothing of what it is.
CREATE TABLE agenda (
    due_at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL,
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    PRIMARY KEY (due_at, kind, organisation_id, ledger_id)
);
"""


def upgrade() -> None:
    for statement in SCHEMA.strip().removesuffix(";").split(";\n"):
        op.execute(statement)
    op.execute("GRANT SELECT, INSERT, DELETE ON agenda TO partita_service")
    for table, privileges in TENANT_TABLES.items():
        op.execute(f"GRANT {privileges} ON {table} TO partita_service")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )


def downgrade() -> None:
    for table in ("agenda", *reversed(TENANT_TABLES)):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP INDEX transactions_of_hold, transactions_reversing")
    op.execute("ALTER TABLE transactions DROP COLUMN hold_sequence, DROP COLUMN reverses")
    op.execute(
        "ALTER TABLE ledger_settings DROP COLUMN is_frozen, DROP COLUMN is_archived, DROP COLUMN closed_until, "
        "DROP COLUMN closed_until_day"
    )
    op.execute("ALTER TABLE assets DROP COLUMN is_used")
    op.execute("ALTER TABLE accounts DROP COLUMN limits, DROP COLUMN frozen_debits, DROP COLUMN frozen_credits")
