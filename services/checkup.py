"""What usually goes wrong, looked at on request: accounts, instruments, open brackets, ways out."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from database.account_db import Account, AccountStatus, auth_token_of, list_accounts
from database.bracket_db import load_open, verify_chain
from database.outbox_db import Channel, destinations
from database.restore_db import hold_of
from database.revision import is_current
from database.secret_box import SecretBox
from database.session import Database, sqlite_file
from database.symbol import list_instrument_lists
from database.token_death import token_death
from services.broker_login import login_command, login_ends_at
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

_PAPER = "paper"
_MEGABYTE = 1024 * 1024
_LEAST_FREE = 500  # a day of 10,000 brackets writes about a tenth of it
_LISTS_KEPT = timedelta(days=4)  # brokers list anew each trading day; a long weekend has none

Finding = tuple[bool, str]  # fine, what was found


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckupPorts:
    """What the checks need; commands have it as well as the service."""

    db: Database
    box: SecretBox
    clock: Clock


def check_up(ports: CheckupPorts, *, owner_id: str | None = None) -> Iterator[Finding]:
    """Look at everything of all owners, or of one. Raises NotRead."""
    has_tables = is_current(ports.db)
    yield has_tables, "tables are up to date" if has_tables else "run `flask --app app db upgrade`"
    if has_tables:
        if owner_id is None:
            yield from _check_machine(ports)
        accounts = list_accounts(ports.db, owner_id=owner_id)
        for check in _CHECKS:
            yield from check(ports, accounts)


def _check_machine(ports: CheckupPorts) -> Iterator[Finding]:
    """Look at what only the machine's operator can mend."""
    held = hold_of(ports.db)
    words = "the database is a restored one and nothing is sent: run `restore --status`"
    yield held is None, "nothing is held back" if held is None else words
    file = sqlite_file(str(ports.db.engine.url))
    if file is not None:
        free = shutil.disk_usage(file.absolute().parent).free // _MEGABYTE
        yield free >= _LEAST_FREE, f"{free} MB are free where the database is"
        mode = file.stat().st_mode & 0o077
        private = "is readable by its owner only" if not mode else f"is open to others: chmod 600 {file}"
        yield not mode, f"the database {private}"


def _check_accounts(ports: CheckupPorts, accounts: tuple[Account, ...]) -> Iterator[Finding]:
    yield bool(accounts), f"{len(accounts)} accounts" if accounts else "no account: run `account add`"
    for account in accounts:
        has_token = account.broker == _PAPER or auth_token_of(ports.db, ports.box, account.id) is not None
        words = (
            "can speak to its broker" if has_token else f"has no broker token: run `{login_command(account)}`"
        )
        ended = _ended(ports, account) if has_token else None
        yield has_token and ended is None, f"account {account.name} ({account.broker}) {ended or words}"


def _ended(ports: CheckupPorts, account: Account) -> str | None:
    """Return why an account with a token needs another, None where it does not."""
    ends_at = login_ends_at(ports.db, account)
    if account.status is AccountStatus.NEEDS_LOGIN or token_death(ports.db, account.id) is not None:
        return f"is logged out at its broker: run `{login_command(account)}`"
    if ends_at is not None and ports.clock.now() >= ends_at:
        when = f"{ends_at.astimezone(EXCHANGE_ZONE):%d %b %H:%M}"
        return f"has a token that ended at {when} IST: run `{login_command(account)}`"
    return None


def _check_instruments(ports: CheckupPorts, accounts: tuple[Account, ...]) -> Iterator[Finding]:
    newest: dict[str, datetime] = {}
    for one in list_instrument_lists(ports.db):
        newest[one.broker] = max(one.listed_at, newest.get(one.broker, one.listed_at))
    for broker in sorted({account.broker for account in accounts} - {_PAPER}):
        listed_at = newest.get(broker)
        is_fresh = listed_at is not None and ports.clock.now() - listed_at < _LISTS_KEPT
        told = "never listed" if listed_at is None else f"listed at {listed_at:%Y-%m-%d %H:%M} UTC"
        advice = "" if is_fresh else f": run `instruments sync --broker {broker}`"
        yield is_fresh, f"instruments of {broker} {told}{advice}"


def _check_brackets(ports: CheckupPorts, accounts: tuple[Account, ...]) -> Iterator[Finding]:
    brackets = load_open(ports.db, [account.id for account in accounts])
    naked = [bracket.id for bracket in brackets if bracket.naked is not None]
    altered = [bracket.id for bracket in brackets if verify_chain(ports.db, bracket.id) is not None]
    unprotected = f", UNPROTECTED: {', '.join(naked)}" if naked else ""
    yield not naked, f"{len(brackets)} open brackets{unprotected}"
    yield not altered, f"altered events: {', '.join(altered)}" if altered else "event chains are whole"


def _check_ways_out(ports: CheckupPorts, accounts: tuple[Account, ...]) -> Iterator[Finding]:
    ours = {account.id for account in accounts}
    for channel in Channel:
        for one in destinations(ports.db, channel):
            if one.account_id in ours:
                fine = one.disabled_at is None and one.failing_since is None
                words = "nothing arrives" if one.disabled_at is None else f"DISABLED: {one.disabled_reason}"
                yield fine, f"{channel} {one.id} to {one.address}" + ("" if fine else f": {words}")


_CHECKS: tuple[Callable[[CheckupPorts, tuple[Account, ...]], Iterator[Finding]], ...] = (
    _check_accounts,
    _check_instruments,
    _check_brackets,
    _check_ways_out,
)
