"""Whether accounts are logged in at their brokers: new tokens are taken up, ended ones are told of, once.

Only the broker's own word makes a token dead: our clock merely says when to ask.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.base import AuthDead, BrokerAccount, DailyLogin, ReadFailed
from broker.registry import import_broker_module
from database.account_db import (
    Account,
    AccountStatus,
    auth_token_of,
    list_accounts,
    sealed_tokens,
    tokens_stored_at,
)
from database.session import Database, StorageError
from database.token_death import (
    TokenDeath,
    note_death_told,
    note_token_death,
    note_token_lives,
    token_deaths,
)
from services.account_worker import AccountWorker
from services.announcements import utc_milliseconds
from services.bracket.model import Mode
from services.desk import Desk
from services.errors import BrokerUnavailable
from services.notices import notify

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 30.0
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What is stored of all logins, by account: read at once, however many accounts there are."""

    sealed: Mapping[str, str]
    stored_at: Mapping[str, datetime]
    deaths: Mapping[str, TokenDeath]

    @classmethod
    def read(cls, db: Database) -> "_Stored":
        return cls(sealed=sealed_tokens(db), stored_at=tokens_stored_at(db), deaths=token_deaths(db))


class LoginWatch:
    """Looks after every account whose broker session ends by itself. `run` is one thread's work."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked_at: dict[str, float] = {}  # monotonic seconds of the last question to the broker
        self._useless: dict[str, str] = {}  # tokens no worker could start with
        self._unreadable: set[str] = set()
        self._opened: dict[str, tuple[str, str | None]] = {}  # the token of each seal

    def run(self, stop: threading.Event) -> None:
        """Look until stop is set."""
        while not stop.wait(_LOOK_EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once at every account."""
        try:
            accounts, stored = list_accounts(self._desk.db), _Stored.read(self._desk.db)
        except StorageError:
            logger.exception("the accounts could not be read; their logins are looked at again")
            return
        for one in accounts:  # disabled ones too: their open brackets need the broker as much
            if self._desk.supervisor.works(one.id) and _ends_by_itself(one):
                self._look_safely(one, stored)

    def _look_safely(self, owner: Account, stored: _Stored) -> None:
        try:
            self._look_at(owner, stored)
            self._unreadable.discard(owner.id)
        except StorageError:
            if owner.id not in self._unreadable:  # wrong ENCRYPTION_KEYS stay wrong: say it once
                logger.exception("the login of account %s could not be looked at", owner.name)
            self._unreadable.add(owner.id)

    def _look_at(self, owner: Account, stored: _Stored) -> None:
        self._take_up_new_token(owner, self._token(owner, stored))
        worker = self._desk.supervisor.running(owner.id, Mode.LIVE)
        if worker is None:
            return
        if worker.is_token_dead:
            self._tell_once(owner)
        elif self._wants_answer(owner, stored):
            self._ask(owner, worker, is_held_dead=_is_held_dead(owner, stored))

    def _token(self, owner: Account, stored: _Stored) -> str | None:
        sealed = stored.sealed.get(owner.id)
        if sealed is None:
            return None
        if owner.id not in self._opened or self._opened[owner.id][0] != sealed:
            self._opened[owner.id] = sealed, auth_token_of(self._desk.db, self._desk.secrets.box, owner.id)
        return self._opened[owner.id][1]

    def _take_up_new_token(self, owner: Account, token: str | None) -> None:
        supervisor = self._desk.supervisor
        if token is None or token in (supervisor.token_in_use(owner.id), self._useless.get(owner.id)):
            return
        try:
            supervisor.renew(owner.id, token)
        except BrokerUnavailable as exc:
            self._useless[owner.id] = token
            logger.critical("account %s cannot be worked: %s", owner.name, exc)
        else:
            self._asked_at.pop(owner.id, None)
            logger.info("account %s goes on with a new token", owner.name)

    def _wants_answer(self, owner: Account, stored: _Stored) -> bool:
        """Whether the broker is to be asked now if the session lives: what we believe of it may be wrong."""
        asked_at = self._asked_at.get(owner.id)
        if asked_at is not None and self._desk.clock.monotonic() - asked_at < _ASK_AGAIN_SECONDS:
            return False
        if _is_held_dead(owner, stored):
            return True
        stored_at, login = stored.stored_at.get(owner.id), _login_of(owner)
        if stored_at is None or login is None:
            return asked_at is None  # nobody knows how old it is: once is enough
        return self._desk.clock.now() >= login.ends_at(stored_at)

    def _ask(self, owner: Account, worker: AccountWorker, *, is_held_dead: bool) -> None:
        self._asked_at[owner.id] = self._desk.clock.monotonic()
        try:
            is_alive = worker.line.read(_is_alive).result(timeout=_ANSWER_SECONDS)
        except (ReadFailed, AuthDead, TimeoutError):
            return  # no answer says nothing
        if not is_alive:
            worker.token_died()
        elif is_held_dead:
            note_token_lives(self._desk.db, owner.id, at=self._desk.clock.now())

    def _tell_once(self, owner: Account) -> None:
        death = note_token_death(self._desk.db, owner.id, at=self._desk.clock.now())
        if death.is_told and owner.status is not AccountStatus.ACTIVE:
            return
        words = (
            f"Account {owner.name} is logged out at {owner.broker}. What rests there goes on resting, but"
            f" nothing of it can be seen, moved or left before a login: account login {owner.name}"
        )
        logger.critical("%s", words)
        # Queued before it is noted: a crash in between says it again under the same key, which is once.
        self._queue(owner, words, death)
        note_death_told(self._desk.db, owner.id, death, at=self._desk.clock.now())

    def _queue(self, owner: Account, words: str, death: TokenDeath) -> None:
        key = f"login-{utc_milliseconds(death.at)}"
        notify(self._desk.db, self._desk.clock, owner, key=key, kind="account.needs_login", words=words)


def _is_held_dead(owner: Account, stored: _Stored) -> bool:
    return owner.id in stored.deaths or owner.status is AccountStatus.NEEDS_LOGIN


def _is_alive(broker: BrokerAccount) -> bool:
    return broker.session_alive()


def _login_of(owner: Account) -> DailyLogin | None:
    return import_broker_module(owner.broker).daily_login()


def _ends_by_itself(owner: Account) -> bool:
    return _login_of(owner) is not None
