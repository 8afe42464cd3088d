"""The operator's commands: `flask --app app db upgrade`, `account add`, `bracket list` and their kin.

Each opens the database for itself, so it works beside a running server, which sees the change within
a second. A fault is one sentence and exit code 2.
"""

from collections.abc import Collection

from flask import Flask

from cli.accounts import account_commands, db_commands, key_commands
from cli.backups import backup_command, restore_command
from cli.brackets import bracket_commands
from cli.doctor import doctor_command
from cli.instruments import instrument_commands
from cli.office import Office, Refused
from cli.outbound import hook_commands, telegram_commands
from cli.safety import safety_commands
from cli.secret_keys import secret_commands
from cli.settings import config_commands
from cli.users import user_commands
from cli.webhooks import webhook_commands
from utils.clock import Clock
from utils.config import Config

__all__ = ["Refused", "register_commands"]


def register_commands(app: Flask, *, config: Config, clock: Clock, brokers: Collection[str]) -> None:
    """Add the commands to the app's command line. brokers are the names an account may have."""
    office = Office(config, clock)
    app.cli.add_command(db_commands(office))
    app.cli.add_command(account_commands(office, sorted(brokers)))
    app.cli.add_command(key_commands(office))
    app.cli.add_command(webhook_commands(office))
    app.cli.add_command(bracket_commands(office))
    app.cli.add_command(hook_commands(office))
    app.cli.add_command(telegram_commands(office))
    app.cli.add_command(instrument_commands(office, sorted(brokers)))
    app.cli.add_command(safety_commands(office))
    app.cli.add_command(user_commands(office))
    app.cli.add_command(doctor_command(office))
    app.cli.add_command(backup_command(office))
    app.cli.add_command(config_commands(office))
    app.cli.add_command(secret_commands(office))
    app.cli.add_command(restore_command(office))
