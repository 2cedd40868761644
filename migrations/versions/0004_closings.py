"""What an income statement leaves out is found at once: closing transactions, which are few."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX transactions_closing ON transactions (ledger_id, effective_at, sequence) WHERE kind = 'closing'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX transactions_closing")
