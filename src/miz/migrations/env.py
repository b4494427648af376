"""Alembic's entry: runs the steps on the connection that `infra.db.migrate` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=context.config.attributes.get("metadata"), transactional_ddl=False)
context.run_migrations()
