"""A person's daily login at a broker: how it begins, and how what they bring back becomes a token.

Whose login is taken is decided three times. Only who may act for the account gets a ticket. The state that
comes back from the broker's page works once, for minutes, and only in the browser that opened the ticket:
a stranger's link, with a request_token of the stranger's own, finds no state to go with it. And the broker's
user is remembered from the first login: a login of anybody else changes nothing.
"""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerError,
    BrokerSettings,
    DailyLogin,
    LoggedIn,
    ReadFailed,
    TellsUser,
)
from broker.registry import import_broker_module
from database.account_db import (
    Account,
    AccountStatus,
    account,
    login_of,
    set_auth_token,
    set_login,
    token_stored_at,
)
from database.login_db import LoginStep, LoginWord, mint_login_word, use_login_word
from database.secret_box import SecretBox
from database.session import Database
from services.errors import LoginRefused
from utils.clock import Clock

logger = logging.getLogger(__name__)

TICKET_LIFE = timedelta(minutes=5)
STATE_LIFE = timedelta(minutes=10)
USER_ID = "user_id"  # beside the login's secrets: whose account it is at the broker

_REQUEST_TOKEN = re.compile(r"[0-9A-Za-z._-]{6,4096}")  # some brokers' are whole JSON web tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPorts:
    """What a login needs; commands have it as well as the service."""

    db: Database
    box: SecretBox
    clock: Clock
    settings: BrokerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginBegun:
    """Where the person logs in, and what their browser must bring back beside the state."""

    page: str = field(repr=False)
    cookie: str = field(repr=False)
    until: datetime


def daily_login(broker: str) -> DailyLogin:
    """Return how one logs in at a broker. Raises LoginRefused where no login is needed."""
    found = import_broker_module(broker).daily_login()
    if found is None:
        raise LoginRefused(f"{broker} needs no login")
    return found


def login_command(owner: Account) -> str:
    """Return the command that gives an account another session: a login, or other keys."""
    if import_broker_module(owner.broker).daily_login() is None:
        return f"account set-token --name {owner.name} --auth-token -"
    return f"account login {owner.name}"


def login_ticket(ports: LoginPorts, owner: Account) -> LoginWord:
    """Return what opens the account's login page once, for a few minutes.

    The caller has made sure that whoever gets it may act for the account. Raises LoginRefused.
    """
    _secrets_for(ports, owner)
    until = ports.clock.now() + TICKET_LIFE
    return mint_login_word(ports.db, ports.box, owner.id, step=LoginStep.TICKET, until=until)


def begin_login(ports: LoginPorts, ticket: str, *, broker: str) -> LoginBegun:
    """Take a ticket of this broker's page and return where its bearer logs in. Raises LoginRefused."""
    now = ports.clock.now()
    account_id = use_login_word(ports.db, ports.box, ticket, step=LoginStep.TICKET, now=now)
    owner = _usable(ports, account_id, broker=broker)
    cookie, until = secrets.token_urlsafe(32), now + STATE_LIFE
    state = mint_login_word(ports.db, ports.box, owner.id, step=LoginStep.STATE, until=until, bound_to=cookie)
    page = daily_login(owner.broker).page(_secrets_for(ports, owner), state.text)
    return LoginBegun(page=page, cookie=cookie, until=until)


def end_login(
    ports: LoginPorts, query: Mapping[str, str], *, broker: str, state: str, cookie: str
) -> Account:
    """Take what a browser brought back from the broker's page and return the account. Raises LoginRefused."""
    login = daily_login(broker)
    if not login.went_well(query):
        raise LoginRefused(f"{broker.capitalize()} says that the login did not go well")
    account_id = use_login_word(
        ports.db, ports.box, state, step=LoginStep.STATE, now=ports.clock.now(), bound_to=cookie
    )
    owner = _usable(ports, account_id, broker=broker)
    take_request_token(ports, owner, query.get(login.brings, ""))
    return owner


def take_request_token(
    ports: LoginPorts, owner: Account, request_token: str, *, is_new_user: bool = False
) -> datetime:
    """Exchange a request_token for the account's new token, store it, and return when that ends.

    is_new_user forgets whose account it was. Raises LoginRefused; then the old token is as it was.
    """
    broker, login = daily_login(owner.broker), _secrets_for(ports, owner)
    if _REQUEST_TOKEN.fullmatch(request_token) is None:
        raise LoginRefused(f"that is no {broker.brings}")
    return _taken(
        ports,
        owner,
        lambda: broker.exchange(request_token, login, ports.settings),
        is_new_user=is_new_user,
        refused=f"the broker refused the {broker.brings}: it works once, for minutes",
    )


def log_in_unattended(ports: LoginPorts, owner: Account, *, is_new_user: bool = False) -> datetime:
    """Log in by stored secrets alone, where the broker allows it; else as take_request_token."""
    broker, login = daily_login(owner.broker), _secrets_for(ports, owner)
    missing = [name for name in broker.unattended if not login.get(name)]
    if missing or not broker.unattended:
        words = " and ".join(missing)
        raise LoginRefused(
            f"account {owner.name} has no {words}" if missing else f"{owner.broker} takes a person to log in"
        )
    return _taken(
        ports,
        owner,
        lambda: broker.log_in(login, ports.settings, ports.clock.now()),
        is_new_user=is_new_user,
        refused="the broker refused the stored secrets",
    )


def _taken(
    ports: LoginPorts, owner: Account, log_in: Callable[[], LoggedIn], *, is_new_user: bool, refused: str
) -> datetime:
    obtained = ports.clock.now()
    try:
        session = log_in()
    except AuthDead as exc:
        raise LoginRefused(refused) from exc
    except BrokerError as exc:
        raise LoginRefused("the broker did not answer; log in again") from exc
    _keep(ports, owner, session, is_new_user=is_new_user, at=obtained)
    logger.info("account %s has a new broker login", owner.name)
    return daily_login(owner.broker).ends_at(obtained)


def _keep(ports: LoginPorts, owner: Account, session: LoggedIn, *, is_new_user: bool, at: datetime) -> None:
    """Store a session's token. Raises LoginRefused for that of another user."""
    login = login_of(ports.db, ports.box, owner.id)
    known = None if is_new_user else login.get(USER_ID)
    _refuse_another_user(owner, known=known, user_id=session.user_id)
    if known is None:
        set_login(ports.db, ports.box, owner.id, login=login | {USER_ID: session.user_id}, at=at)
    set_auth_token(ports.db, ports.box, owner.id, auth_token=session.auth_token, at=at)


def take_token(ports: LoginPorts, owner: Account, auth_token: str, *, is_new_user: bool = False) -> None:
    """Store a token that somebody got elsewhere, once the broker said that it is of the account's user.

    While that user is not known yet, nobody is asked; is_new_user forgets whose account it was. Raises
    LoginRefused; then the old token is as it was.
    """
    login, at = login_of(ports.db, ports.box, owner.id), ports.clock.now()
    if USER_ID in login:
        user_id = _user_of(ports, owner, auth_token)
        _refuse_another_user(owner, known=None if is_new_user else login[USER_ID], user_id=user_id)
        set_login(ports.db, ports.box, owner.id, login=login | {USER_ID: user_id}, at=at)
    set_auth_token(ports.db, ports.box, owner.id, auth_token=auth_token, at=at)


def _user_of(ports: LoginPorts, owner: Account, auth_token: str) -> str:
    credentials = AccountCredentials(account_id=owner.id, auth_token=auth_token)
    try:
        session = import_broker_module(owner.broker).connect(credentials, ports.settings)
    except ValueError as exc:
        raise LoginRefused(str(exc)) from exc
    try:
        if not isinstance(session, TellsUser):
            raise LoginRefused(f"{owner.broker} does not say whose token that is: log in instead")
        return session.user_id()
    except AuthDead as exc:
        raise LoginRefused(f"{owner.broker} does not take this token: nothing was changed") from exc
    except ReadFailed as exc:
        raise LoginRefused(f"{owner.broker} did not say whose token that is: nothing was changed") from exc
    finally:
        session.close()


def _refuse_another_user(owner: Account, *, known: str | None, user_id: str) -> None:
    if known is not None and known != user_id:
        raise LoginRefused(
            f"this login is of another user of {owner.broker} than account {owner.name} belongs to:"
            " nothing was changed"
        )


def login_ends_at(db: Database, owner: Account) -> datetime | None:
    """Return when the account's token will die; None when it does not, or nobody knows."""
    broker, stored_at = import_broker_module(owner.broker).daily_login(), token_stored_at(db, owner.id)
    return None if broker is None or stored_at is None else broker.ends_at(stored_at)


def request_token_of(pasted: str, broker: str = "zerodha") -> str:
    """Return the request_token of what a person pasted: itself, or the address they were sent to.

    Raises LoginRefused.
    """
    text, login = pasted.strip(), daily_login(broker)
    if f"{login.brings}=" not in text:
        return text
    query = parse_qs(urlsplit(text).query)
    told = {name: values[0] for name, values in query.items()}
    if not login.went_well(told) or len(query.get(login.brings, [])) != 1:
        raise LoginRefused("the address does not tell of a login that went well")
    return told[login.brings]


def _usable(ports: LoginPorts, account_id: str | None, *, broker: str) -> Account:
    owner = None if account_id is None else account(ports.db, account_id)
    if owner is None or owner.status is AccountStatus.DISABLED or owner.broker != broker:
        raise LoginRefused("this login did not begin here, or took too long: begin it again")
    return owner


def _secrets_for(ports: LoginPorts, owner: Account) -> dict[str, str]:
    needed, stored = daily_login(owner.broker).needs, login_of(ports.db, ports.box, owner.id)
    missing = [name for name in needed if not stored.get(name)]
    if missing:
        words = " and ".join(missing)
        raise LoginRefused(f"account {owner.name} has no {words}: run `account login {owner.name}`")
    return stored


def is_genuine_push(ports: LoginPorts, owner: Account, push: bytes) -> bool:
    """Whether the account's broker signed a push; where none is signed, the address is all there is."""
    login = import_broker_module(owner.broker).daily_login()
    if login is None or not login.signs_pushes:
        return True
    stored: Mapping[str, str] = login_of(ports.db, ports.box, owner.id)
    return all(stored.get(name) for name in login.needs) and login.is_genuine(push, stored)
