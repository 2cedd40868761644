"""How far extensions have come in the logs of ledgers."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
OLDEST_SERVER = "0009"

# Whoever has the lease tells `handler` of what comes after `sequence`, until `due_at`; without one, from then on.
CURSORS = """
CREATE TABLE extension_cursors (
    organisation_id bigint NOT NULL,
    handler text COLLATE "C" NOT NULL,
    ledger_id bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    attempts integer NOT NULL CHECK (attempts >= 0),
    due_at timestamptz NOT NULL,
    lease uuid,
    PRIMARY KEY (organisation_id, handler, ledger_id)
)
"""

# That there are organisations, for what is done for each of them.
EVERY_ORGANISATION = """
CREATE POLICY every ON organisations FOR SELECT USING
((SELECT current_setting('app.every_organisation', true)) = 'on')
"""


def upgrade() -> None:
    op.execute(CURSORS)
    op.execute("GRANT SELECT, INSERT, UPDATE ON extension_cursors TO partita_service")
    op.execute("ALTER TABLE extension_cursors ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE extension_cursors FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON extension_cursors USING "
        "(organisation_id = (SELECT nullif(current_setting('app.organisation_id', true), '')::bigint))"
    )
    op.execute(EVERY_ORGANISATION)


def downgrade() -> None:
    op.execute("DROP POLICY every ON organisations")
    op.execute("DROP TABLE extension_cursors")
