"""How does Alembic reach the store? Through the connection that `store.migrate` hands it."""

from alembic import context

from plurijudge.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds all of it
)
context.run_migrations()
