"""Alembic's environment: one connection, handed over by whoever migrates."""

from alembic import context
from sqlalchemy import text

from adapters.postgres.tables import metadata

connection = context.config.attributes["connection"]
# One transaction for all, so that an upgrade that fails leaves nothing behind; only a migration that asks for an
# `autocommit_block` commits what was done until then.
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
    for revision in context.get_context().get_current_heads():
        # What servers that know nothing of this revision need to know. The first ones did not say.
        oldest = getattr(context.script.get_revision(revision).module, "OLDEST_SERVER", revision)
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{oldest}'"))
