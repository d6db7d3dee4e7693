"""Run migrations on the connection that the store has open, in its transaction. No configuration file, no logging."""

from alembic import context

from daemon.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
