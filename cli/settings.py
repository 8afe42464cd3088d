"""`config check`: every setting with where it comes from, secrets masked, and names that are no settings."""

from difflib import get_close_matches

import click

from cli.office import Office, Refused
from utils.config import VARIABLE_NAMES, Config, Source, is_variable
from utils.config_shown import shown_settings


def config_commands(office: Office) -> click.Group:
    """Return the group `config`. A setting that cannot be used has ended the command before, by name."""
    group = click.Group("config", help="The service's settings.")

    @group.command("check")
    def check() -> None:
        """Show every setting and its source; exit 2 when .env has a name that is no setting."""
        for one in shown_settings(office.config):
            click.echo(f"{one.name}={one.value or ''}\t({one.source})")
        unknown = _unknown_names(office.config)
        for name in unknown:
            click.echo(f"WRONG  {name} in .env is no setting{_meant(name)}", err=True)
        if unknown:
            raise Refused("something is wrong, see above")

    return group


def _unknown_names(config: Config) -> list[str]:
    of_file = (name for name, source in config.sources.items() if source is Source.FILE)
    return sorted(name for name in of_file if not is_variable(name))


def _meant(name: str) -> str:
    close = get_close_matches(name, VARIABLE_NAMES, n=1)
    return f": do you mean {close[0]}?" if close else ""
