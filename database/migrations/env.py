"""What alembic runs: our tables, over the connection that `upgrade` opened."""

from alembic import context

from database.schema import is_of_a_model, metadata


def run() -> None:
    """Run the migrations inside the caller's transaction, so a failed one leaves nothing behind."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,  # SQLite cannot alter columns in place
        user_module_prefix="session.",
        include_name=is_of_a_model,
    )
    context.run_migrations()


run()
