"""Run migrations on the connection that the store has open, in its transaction. No configuration file, no logging."""

from alembic import context

from daemon.store.control_tables import leases

context.configure(connection=context.config.attributes["connection"], target_metadata=leases.metadata)
context.run_migrations()
