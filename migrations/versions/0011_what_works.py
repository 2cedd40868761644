"""What still works, among all that was revoked, deleted or done: found without reading the rest."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Indexes alone, which servers of before need not know of.
OLDEST_SERVER = "0009"

INDEXES = {
    "jobs_unfinished": "jobs (organisation_id) WHERE finished_at IS NULL",
    "jobs_keeping": "jobs (organisation_id, kept_bytes) WHERE kept_bytes > 0",
    "api_keys_working": "api_keys (organisation_id, id) WHERE revoked_at IS NULL",
    "api_keys_replaced": "api_keys (organisation_id, replaced_by) WHERE replaced_by IS NOT NULL",
    "oauth_clients_working": "oauth_clients (organisation_id, id) WHERE revoked_at IS NULL",
    "webhook_endpoints_there": "webhook_endpoints (organisation_id, id) WHERE deleted_at IS NULL",
    "invitations_over": "invitations (organisation_id, expires_at)",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {columns}")


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
