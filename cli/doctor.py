"""`doctor`: looks at what usually goes wrong and says what to do about it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import click

from cli.office import Office, Refused, faults_as_sentences
from database import migrations
from database.account_db import Account, AccountStatus, auth_token_of, list_accounts
from database.bracket_db import load_open, verify_chain
from database.outbox_db import Channel, destinations
from database.session import Database
from database.symbol import list_instrument_lists
from services.broker_login import login_ends_at
from utils.constants import EXCHANGE_ZONE

_PAPER = "paper"
_LISTS_KEPT = timedelta(days=4)  # brokers list anew each trading day; a long weekend has none

Finding = tuple[bool, str]  # fine, what was found


def doctor_command(office: Office) -> click.Command:
    """Return the command `doctor`."""

    @click.command("doctor")
    def doctor() -> None:
        """Check the database, the accounts and the open brackets; exit 2 when something is wrong."""
        db = Database(office.config.database_url)
        try:
            with faults_as_sentences():
                findings = list(_findings(office, db))
        finally:
            db.close()
        for fine, words in findings:
            click.echo(f"{'ok   ' if fine else 'WRONG'}  {words}")
        if not all(fine for fine, _ in findings):
            raise Refused("something is wrong, see above")

    return doctor


def _findings(office: Office, db: Database) -> Iterator[Finding]:
    is_current = migrations.is_current(db)
    yield is_current, "tables are up to date" if is_current else "run `flask --app app db upgrade`"
    if is_current:
        for check in _CHECKS:
            yield from check(office, db)


def _check_accounts(office: Office, db: Database) -> Iterator[Finding]:
    accounts = list_accounts(db)
    yield bool(accounts), f"{len(accounts)} accounts" if accounts else "no account: run `account add`"
    for account in accounts:
        has_token = account.broker == _PAPER or auth_token_of(db, office.secrets.box, account.id) is not None
        words = "can speak to its broker" if has_token else "has no broker token: run `account login`"
        ended = _ended(office, db, account) if has_token else None
        yield has_token and ended is None, f"account {account.name} ({account.broker}) {ended or words}"


def _ended(office: Office, db: Database, account: Account) -> str | None:
    """Return why an account with a token needs another, None where it does not."""
    ends_at = login_ends_at(db, account)
    if account.status is AccountStatus.NEEDS_LOGIN:
        return f"is logged out at its broker: run `account login {account.name}`"
    if ends_at is not None and office.clock.now() >= ends_at:
        when = f"{ends_at.astimezone(EXCHANGE_ZONE):%d %b %H:%M}"
        return f"has a token that ended at {when} IST: run `account login {account.name}`"
    return None


def _check_instruments(office: Office, db: Database) -> Iterator[Finding]:
    newest: dict[str, datetime] = {}
    for one in list_instrument_lists(db):
        newest[one.broker] = max(one.listed_at, newest.get(one.broker, one.listed_at))
    for broker in sorted({account.broker for account in list_accounts(db)} - {_PAPER}):
        listed_at = newest.get(broker)
        is_fresh = listed_at is not None and office.clock.now() - listed_at < _LISTS_KEPT
        told = "never listed" if listed_at is None else f"listed at {listed_at:%Y-%m-%d %H:%M} UTC"
        advice = "" if is_fresh else f": run `instruments sync --broker {broker}`"
        yield is_fresh, f"instruments of {broker} {told}{advice}"


def _check_brackets(office: Office, db: Database) -> Iterator[Finding]:
    brackets = load_open(db, [account.id for account in list_accounts(db)])
    naked = [bracket.id for bracket in brackets if bracket.naked is not None]
    altered = [bracket.id for bracket in brackets if verify_chain(db, bracket.id) is not None]
    yield (
        not naked,
        f"{len(brackets)} open brackets" + (f", UNPROTECTED: {', '.join(naked)}" if naked else ""),
    )
    yield not altered, f"altered events: {', '.join(altered)}" if altered else "event chains are whole"


def _check_ways_out(_office: Office, db: Database) -> Iterator[Finding]:
    for channel in Channel:
        for one in destinations(db, channel):
            fine = one.disabled_at is None and one.failing_since is None
            words = "nothing arrives" if one.disabled_at is None else f"DISABLED: {one.disabled_reason}"
            yield fine, f"{channel} {one.id} to {one.address}" + ("" if fine else f": {words}")


_CHECKS: tuple[Callable[[Office, Database], Iterator[Finding]], ...] = (
    _check_accounts,
    _check_instruments,
    _check_brackets,
    _check_ways_out,
)
