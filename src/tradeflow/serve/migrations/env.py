"""What Alembic runs: the steps that are missing, in the connection that it was given."""

from __future__ import annotations

from alembic import context

from tradeflow.serve.migrations import VERSION_TABLE
from tradeflow.serve.store import CaseStore

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=CaseStore.metadata, version_table=VERSION_TABLE, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
