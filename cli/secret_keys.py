"""`secrets rotate`: what is sealed in the database gets the newest of ENCRYPTION_KEYS."""

import click

from cli.office import Office
from database.sealed_columns import rotate_secrets


def secret_commands(office: Office) -> click.Group:
    """Return the group `secrets`."""
    group = click.Group("secrets", help="Secrets that are sealed in the database.")

    @group.command("rotate")
    def rotate() -> None:
        """Seal everything with the first of ENCRYPTION_KEYS; the service may run with the same keys.

        Put a new key in front of the old one, restart the service, run this, take the old one away, restart.
        """
        with office.open() as db:
            count = rotate_secrets(db, office.secrets.box)
        click.echo(f"{count} secrets were sealed anew; only the first of ENCRYPTION_KEYS is needed now")

    return group
