"""What balances at any effective time are read by: running maxima and counts of late entries, and sums of these."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_TABLES = ("late_entries", "late_blocks")

# An entry is late when one before it, of its account and asset, is effective later. `late` counts those so far.
COLUMNS = """
ALTER TABLE entries
    ADD COLUMN latest_effective_at timestamptz,
    ADD COLUMN late bigint CHECK (late >= 0),
    ADD COLUMN is_milestone boolean;

UPDATE entries SET latest_effective_at = filled.latest_effective_at, late = filled.late,
                   is_milestone = balance_version % 64 = 0
FROM (
    SELECT ledger_id, sequence, position, latest_effective_at,
           count(*) FILTER (WHERE effective_at < latest_effective_at) OVER so_far AS late
    FROM (
        SELECT ledger_id, account_number, asset, sequence, position, effective_at,
               max(effective_at) OVER so_far AS latest_effective_at
        FROM entries JOIN transactions USING (ledger_id, sequence)
        WINDOW so_far AS (PARTITION BY ledger_id, account_number, asset ORDER BY sequence, position)
    ) AS running
    WINDOW so_far AS (PARTITION BY ledger_id, account_number, asset ORDER BY sequence, position)
) AS filled
WHERE entries.ledger_id = filled.ledger_id AND entries.sequence = filled.sequence
  AND entries.position = filled.position;

ALTER TABLE entries
    ALTER COLUMN latest_effective_at SET NOT NULL,
    ALTER COLUMN late SET NOT NULL,
    ALTER COLUMN is_milestone SET NOT NULL;

CREATE INDEX entries_milestones
    ON entries (ledger_id, account_number, asset, latest_effective_at, sequence, position) WHERE is_milestone
"""

TABLES = """
-- The late entries of each account and asset, numbered in the order in which they came, with their running totals.
CREATE TABLE late_entries (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    account_number bigint NOT NULL,
    asset text COLLATE "C" NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    sequence bigint NOT NULL,
    position integer NOT NULL,
    effective_at timestamptz NOT NULL,
    is_debit boolean NOT NULL,
    amount numeric NOT NULL CHECK (amount > 0),
    late_debits numeric NOT NULL CHECK (late_debits >= 0),
    late_credits numeric NOT NULL CHECK (late_credits >= 0),
    PRIMARY KEY (ledger_id, account_number, asset, number)
);

INSERT INTO late_entries
SELECT organisation_id, ledger_id, account_number, asset, late, sequence, position, effective_at, is_debit, amount,
       coalesce(sum(amount) FILTER (WHERE is_debit) OVER so_far, 0),
       coalesce(sum(amount) FILTER (WHERE NOT is_debit) OVER so_far, 0)
FROM (
    SELECT entries.*, transactions.effective_at FROM entries JOIN transactions USING (ledger_id, sequence)
    WHERE transactions.effective_at < entries.latest_effective_at
) AS written
WINDOW so_far AS (PARTITION BY ledger_id, account_number, asset ORDER BY late);

CREATE INDEX late_entries_effective
    ON late_entries (ledger_id, account_number, asset, effective_at, sequence, position);

-- Each 32 late entries in a row, and each 1,024, once more: in the order of their effective times, with running totals
-- that begin with the block. Block 1 of a size has the first so many.
CREATE TABLE late_blocks (
    organisation_id bigint NOT NULL,
    ledger_id bigint NOT NULL,
    account_number bigint NOT NULL,
    asset text COLLATE "C" NOT NULL,
    size integer NOT NULL CHECK (size > 0),
    number bigint NOT NULL CHECK (number > 0),
    effective_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    position integer NOT NULL,
    late_debits numeric NOT NULL CHECK (late_debits >= 0),
    late_credits numeric NOT NULL CHECK (late_credits >= 0),
    PRIMARY KEY (ledger_id, account_number, asset, size, number, effective_at, sequence, position)
);

INSERT INTO late_blocks
SELECT organisation_id, ledger_id, account_number, asset, size, number, effective_at, sequence, position,
       coalesce(sum(amount) FILTER (WHERE is_debit) OVER so_far, 0),
       coalesce(sum(amount) FILTER (WHERE NOT is_debit) OVER so_far, 0)
FROM (
    SELECT organisation_id, ledger_id, account_number, asset, size, (number - 1) / size + 1 AS number, effective_at,
           sequence, position, is_debit, amount,
           number <= count(*) OVER (PARTITION BY ledger_id, account_number, asset, size) / size * size AS is_full
    FROM late_entries CROSS JOIN (VALUES (32), (1024)) AS sizes (size)
) AS written
WHERE is_full
WINDOW so_far AS (
    PARTITION BY ledger_id, account_number, asset, size, number ORDER BY effective_at, sequence, position
)
"""


def upgrade() -> None:
    # Row-level security binds even the owner, who has to see the entries of all tenants now.
    for table in ("entries", "transactions"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in f"{COLUMNS.strip()};\n{TABLES.strip()}".split(";\n"):
        op.execute(statement)
    for table in ("entries", "transactions"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in NEW_TABLES:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO partita_service")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
        )


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.execute(f"DROP TABLE {table}")
    # Its index goes with the columns.
    op.execute("ALTER TABLE entries DROP COLUMN latest_effective_at, DROP COLUMN late, DROP COLUMN is_milestone")
