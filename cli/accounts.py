"""Commands for tables, accounts and API keys."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib import import_module

import click

from broker.base import BrokerSettings
from cli.durations import LASTS
from cli.office import Office, Refused, account_called, faults_as_sentences
from database import account_db, auth_db
from database.account_db import Account, Owner
from database.auth_db import ApiKeyEntry, Scope
from database.session import Database
from services.broker_login import (
    LoginPorts,
    daily_login,
    log_in_unattended,
    login_ends_at,
    login_ticket,
    request_token_of,
    take_request_token,
    take_token,
)
from services.errors import LoginRefused
from utils.constants import EXCHANGE_ZONE

OWNER_NAME = "owner"  # whose accounts those are that commands make

_TOKEN_HELP = "The token of the broker's session; - reads it from standard input."  # noqa: S105  # help text
_NEW_USER_HELP = "The account belongs to another user of the broker now."


def db_commands(office: Office) -> click.Group:
    group = click.Group("db", help="The database.")

    @group.command()
    def upgrade() -> None:
        """Make the tables, or bring them to the newest form."""
        # Alembic is imported for this command only: every start of the service would wait for it.
        bring_up: Callable[[str], None] = import_module("database.migrations").upgrade
        with faults_as_sentences():
            bring_up(office.config.database_url)

    return group


def account_commands(office: Office, brokers: Sequence[str]) -> click.Group:
    group = click.Group("account", help="Broker accounts.")

    @group.command("add")
    @click.option("--name", required=True, help="How people call it.")
    @click.option("--broker", required=True, type=click.Choice(brokers))
    @click.option("--auth-token", help=_TOKEN_HELP)
    def add(name: str, broker: str, auth_token: str | None) -> None:
        """Add an account."""
        token = _given_token(auth_token)
        with office.open() as db:
            owner = _the_owner(db, office)
            account = account_db.create_account(
                db, name, owner_id=owner.id, broker=broker, at=office.clock.now()
            )
            if token is not None:
                _store_token(db, office, account, token)
        click.echo(f"account {name} added: {account.id}")

    @group.command("set-token")
    @click.option("--name", required=True)
    @click.option("--auth-token", required=True, help=_TOKEN_HELP)
    @click.option("--new-user", is_flag=True, help=_NEW_USER_HELP)
    def set_token(name: str, auth_token: str, new_user: bool) -> None:
        """Store the token of a new broker session of the account's user."""
        token = _given_token(auth_token)
        with office.open() as db:
            account = account_called(db, name)
            try:
                take_token(_login_ports(office, db), account, token or "", is_new_user=new_user)
            except LoginRefused as exc:
                raise Refused(str(exc)) from exc
        click.echo(f"account {name} has a new token")

    @group.command("login")
    @click.argument("name")
    @click.option("--api-key", help="The app's key, when it is new or has changed.")
    @click.option("--api-secret", help="Its secret; - reads it from standard input. Asked for otherwise.")
    @click.option("--request-token", help="What the broker's page gave, or the whole address it led to.")
    @click.option("--secret", "others", multiple=True, metavar="NAME=VALUE", help="Another secret.")
    @click.option("--unattended", is_flag=True, help="By stored secrets alone, where the broker allows it.")
    @click.option("--new-user", is_flag=True, help=_NEW_USER_HELP)
    def login(
        *,
        name: str,
        api_key: str | None,
        api_secret: str | None,
        request_token: str | None,
        others: tuple[str, ...],
        unattended: bool,
        new_user: bool,
    ) -> None:
        """Log in at the broker; a running service goes on with the new token by itself."""
        with office.open() as db:
            account = account_called(db, name)
            ports = _login_ports(office, db)
            try:
                given = {"api_key": api_key, "api_secret": _given_token(api_secret), **_named(others)}
                _keep_secrets(ports, account, given, unattended=unattended)
                if unattended:
                    ends_at = log_in_unattended(ports, account, is_new_user=new_user)
                else:
                    pasted = request_token or _ask_to_log_in(office, ports, account)
                    token = request_token_of(_given_token(pasted) or "", account.broker)
                    ends_at = take_request_token(ports, account, token, is_new_user=new_user)
            except LoginRefused as exc:
                raise Refused(str(exc)) from exc
        click.echo(f"account {name} is logged in until {ends_at.astimezone(EXCHANGE_ZONE):%d %b %H:%M} IST")

    @group.command("postback")
    @click.argument("name")
    def postback(name: str) -> None:
        """Print where the account's broker posts its pushes, below the service's own address."""
        with office.open() as db:
            account = account_called(db, name)
        click.echo(f"/postback/{account.broker}/{office.secrets.box.postback_token(account.id)}")

    @group.command("list")
    def show_all() -> None:
        """List all accounts: name, broker, status, id."""
        with office.open() as db:
            for account in account_db.list_accounts(db):
                until = _login_until(db, account)
                click.echo(f"{account.name}\t{account.broker}\t{account.status}\t{account.id}{until}")

    return group


def key_commands(office: Office) -> click.Group:
    group = click.Group("apikey", help="API keys of an account.")
    choices = click.Choice([scope.value for scope in Scope])

    @group.command("create")
    @click.option("--account", "name", required=True, help="The account's name.")
    @click.option("--scope", "scopes", multiple=True, type=choices, default=("read", "trade"))
    @click.option("--expires-in", "lasts", type=LASTS, help="Days, hours or minutes: 90d, 12h, 30m.")
    def create(name: str, scopes: tuple[str, ...], lasts: timedelta | None) -> None:
        """Make a key and print it, once and for all."""
        wanted = [Scope(scope) for scope in scopes]
        with office.open() as db:
            account = account_called(db, name)
            now = office.clock.now()
            key = auth_db.create_api_key(db, office.secrets, account.id, scopes=wanted, at=now, lasts=lasts)
        click.echo(key)

    @group.command("list")
    @click.option("--account", "name", required=True, help="The account's name.")
    def show_all(name: str) -> None:
        """List an account's keys: id, last four letters, scopes, whether revoked or ended."""
        with office.open() as db:
            for key in auth_db.list_api_keys(db, account_called(db, name).id):
                state = _key_state(key, office.clock.now())
                click.echo(f"{key.id}\t...{key.last4}\t{' '.join(sorted(key.scopes))}\t{state}")

    @group.command("rotate")
    @click.argument("key_id")
    @click.option("--old-lasts", type=LASTS, default="1h", help="How long the old key still works: 1h.")
    def rotate(key_id: str, old_lasts: timedelta) -> None:
        """Make a key in the place of the one with this id and print it; it may do the same."""
        with office.open() as db:
            now = office.clock.now()
            key = auth_db.rotate_api_key(db, office.secrets, key_id, at=now, old_lasts=old_lasts)
        if key is None:
            raise Refused("there is no active key with this id")
        click.echo(key)

    @group.command("revoke")
    @click.argument("key_id")
    def revoke(key_id: str) -> None:
        """Revoke the key with this id, the eight letters after bk_."""
        with office.open() as db:
            if not auth_db.revoke_api_key(db, key_id, at=office.clock.now()):
                raise Refused("there is no active key with this id")
        click.echo(f"key {key_id} revoked")

    return group


def _key_state(key: ApiKeyEntry, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    until = "" if key.expires_at is None else f" until {key.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"active{until}" if key.is_active(now) else f"ended, was active{until}"


def _given_token(text: str | None) -> str | None:
    # From standard input, a token is not in the shell's history or in the list of processes.
    token = sys.stdin.read().strip() if text == "-" else text
    if token is not None and not token.strip():
        raise Refused("the token is empty")
    return token


def _login_ports(office: Office, db: Database) -> LoginPorts:
    settings = BrokerSettings.of(office.config)
    return LoginPorts(db=db, box=office.secrets.box, clock=office.clock, settings=settings)


def _named(pairs: Sequence[str]) -> dict[str, str]:
    found = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    if not all(found.values()):
        raise Refused("a secret is given as NAME=VALUE")
    return found


def _keep_secrets(
    ports: LoginPorts, account: Account, given: Mapping[str, str | None], *, unattended: bool
) -> None:
    """Store, sealed, what the login needs and is not stored yet; ask for what was not given."""
    login, known = daily_login(account.broker), account_db.login_of(ports.db, ports.box, account.id)
    wanted = {
        name: given.get(name)
        or known.get(name)
        or click.prompt(name, hide_input=name not in login.public, err=True)
        for name in (*login.needs, *(login.unattended if unattended else ()))
    }
    if wanted != {name: known.get(name) for name in wanted}:
        at = ports.clock.now()
        account_db.set_login(ports.db, ports.box, account.id, login=known | wanted, at=at)


def _ask_to_log_in(office: Office, ports: LoginPorts, account: Account) -> str:
    login, broker = daily_login(account.broker), account.broker
    page = login.page(account_db.login_of(ports.db, ports.box, account.id), None)
    if not login.by_browser:
        click.echo(f"Log in at\n  {page}\nand paste the {login.brings} you get there below.", err=True)
        pasted: str = click.prompt(login.brings, hide_input=True, err=True)
        return pasted
    ticket = login_ticket(ports, account)
    click.echo(
        f"Log in at\n  {page}\nand paste the address it leads to, or its {login.brings}, below;", err=True
    )
    click.echo(f"or, where the app's redirect address is this service's /{broker}/callback, open", err=True)
    click.echo(f"  http://127.0.0.1:{office.config.port}/{broker}/login?ticket={ticket.text}", err=True)
    click.echo("within five minutes, and press Ctrl-C here once it says that you are logged in.", err=True)
    answer: str = click.prompt(f"address or {login.brings}", hide_input=True, err=True)
    return answer


def _login_until(db: Database, account: Account) -> str:
    ends_at = login_ends_at(db, account)
    return "" if ends_at is None else f"\tlogin until {ends_at.astimezone(EXCHANGE_ZONE):%d %b %H:%M} IST"


def _the_owner(db: Database, office: Office) -> Owner:
    found = account_db.owner_named(db, OWNER_NAME)
    return found or account_db.create_owner(db, OWNER_NAME, at=office.clock.now())


def _store_token(db: Database, office: Office, account: Account, token: str) -> None:
    account_db.set_auth_token(db, office.secrets.box, account.id, auth_token=token, at=office.clock.now())
