"""Alembic's way in: runs the migrations on the connection that stores.ledger.migrate opened."""

from alembic import context

from hindcast import names
from hindcast.stores.ledger.columns import metadata
from hindcast.stores.ledger.tables import VERSION_TABLE

# The connection is in a transaction already, which its opener commits: all revisions or none.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=names.LEDGER_SCHEMA,
)
context.run_migrations()
