"""People logging in: passwords, second factors, codes that work once, and sessions that can be ended.

Nothing here counts failures: who keeps guessing is stopped at the door, before a password is looked at.
"""

import re
import secrets as randomness
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from pyotp import random_base32
from pyotp.totp import TOTP
from ulid import ULID

from database import people_db
from database.account_db import Owner, owner_named, set_password_hash
from database.people_db import LoginSession
from database.secret_box import SecretBox
from database.session import Database
from services.bracket.violations import invalid
from services.errors import BracketDenied, BracketError
from utils.clock import Clock

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
SETUP_CODE_LIVES = timedelta(hours=24)
RECOVERY_CODES = 10
ISSUER = "OpenBracket"

_NOTED_EVERY = timedelta(minutes=1)
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 12, 256
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that people mistake for another
_STEP_SECONDS = 30
_CODE = re.compile(r"\d{6}", re.ASCII)

# OWASP's least for argon2id: 19 MiB, about 30 ms a guess. Two at a time: no order waits for logins.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_two_at_a_time = threading.BoundedSemaphore(2)
# Checked when there is no such owner, so that the answer takes as long as for one there is. Of a password
# that was thrown away; making one anew would cost every start of the service as much as a guess.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$9GFHf6oNOL3q6IiJVEe3kQ$Wxsj9dP5yhqhgItFEpIOxui9/INJSnNKfGtb5f0uf1c"


class LoginFailed(BracketError):
    """Name, password or code is wrong. Which of them is not told."""

    code = "login_failed"


class NotLoggedIn(BracketError):
    """There is no session, or it has ended."""

    code = "not_logged_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What somebody says to be let in. code is of the authenticator, or a recovery code, or empty."""

    name: str
    password: str = field(repr=False)
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Where a session is opened from, for its owner to tell sessions apart."""

    address: str
    agent: str


class Logins:
    """The use cases of logging in."""

    def __init__(self, db: Database, box: SecretBox, clock: Clock) -> None:
        self._db = db
        self._box = box
        self._clock = clock

    # --- the first password

    def awaits_setup(self) -> bool:
        """Return whether nobody has a password yet."""
        return people_db.awaits_setup(self._db)

    def mint_setup_code(self, owner_id: str) -> str:
        """Return a code that sets the owner's first password, once and within SETUP_CODE_LIVES."""
        code = _random_code(16)
        expires_at = self._clock.now() + SETUP_CODE_LIVES
        digest = self._digest("setup", code)
        people_db.put_setup_code(self._db, owner_id, digest=digest, expires_at=expires_at)
        return _grouped(code)

    def set_up(self, code: str, password: str) -> Owner:
        """Set the first password. Raises BracketDenied for a weak one, LoginFailed for a bad code."""
        check_password(password)
        found = people_db.set_first_password(
            self._db,
            setup_digest=self._digest("setup", _plain(code)),
            password_hash=hash_password(password),
            at=self._clock.now(),
        )
        if found is None:
            raise LoginFailed("The set-up code is wrong, used or older than a day")
        return Owner(id=found[0], name=found[1])

    # --- logging in

    def log_in(self, attempt: Attempt) -> Owner:
        """Return who this is. Raises LoginFailed; a code that was right is used up."""
        owner = owner_named(self._db, attempt.name)
        known = None if owner is None else owner.password_hash
        is_right = _verify(known or _NOBODYS, attempt.password)
        if owner is None or known is None or not is_right or not self._is_second_right(owner, attempt.code):
            raise LoginFailed("Name, password or code is wrong")
        if _hasher.check_needs_rehash(known):
            set_password_hash(self._db, owner.id, password_hash=hash_password(attempt.password))
        return owner

    def _is_second_right(self, owner: Owner, code: str) -> bool:
        secret = people_db.second_factor(self._db, self._box, owner.id)
        if secret is None:
            return True
        given = _plain(code)
        if _CODE.fullmatch(given):
            step = self._step_of(secret, given)
            return step is not None and people_db.use_step(self._db, owner.id, step=step)
        digest = self._digest(f"recovery {owner.id}", given)
        return people_db.use_recovery_code(self._db, owner.id, digest=digest, at=self._clock.now())

    # --- sessions

    def open_session(self, owner: Owner, visitor: Visitor) -> tuple[str, LoginSession]:
        """Return a new session's token, which is stored nowhere, and the session."""
        token, now = randomness.token_urlsafe(32), self._clock.now()
        session = LoginSession(
            id=str(ULID()),
            owner_id=owner.id,
            owner_name=owner.name,
            address=visitor.address[:64],
            agent=visitor.agent[:256],
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
            revoked_at=None,
        )
        people_db.add_session(self._db, session, digest=self._digest("session", token))
        return token, session

    def session(self, token: str, *, is_used: bool) -> LoginSession:
        """Return the session of a token. Raises NotLoggedIn.

        is_used: a person did something; what a page asks for by itself does not keep a session alive.
        """
        found = people_db.session_with(self._db, self._digest("session", token)) if token else None
        now = self._clock.now()
        if found is None or not is_alive(found, now):
            raise NotLoggedIn("Log in first")
        if is_used and now - found.seen_at >= _NOTED_EVERY:
            people_db.note_session_use(self._db, found.id, at=now)
        return found

    def sessions(self, owner_id: str) -> tuple[LoginSession, ...]:
        """Return an owner's sessions that are alive, last used first."""
        now = self._clock.now()
        return tuple(one for one in people_db.list_sessions(self._db, owner_id) if is_alive(one, now))

    def ended_among(self, ids: frozenset[str]) -> frozenset[str]:
        """Return those of these sessions that are over."""
        now = self._clock.now()
        return ids - {one.id for one in people_db.sessions_among(self._db, ids) if is_alive(one, now)}

    def end(self, owner_id: str, session_id: str) -> bool:
        """End a session at once; False when there is no such open one."""
        return people_db.end_session(self._db, owner_id, session_id, at=self._clock.now())

    def end_others(self, session: LoginSession) -> int:
        """End all of the owner's sessions but this one and return how many."""
        return people_db.end_other_sessions(self._db, session.owner_id, kept=session.id, at=self._clock.now())

    # --- changing what lets in

    def change_password(self, owner: Owner, password: str) -> None:
        """Set a password; every session of the owner ends. Raises BracketDenied for a weak one."""
        check_password(password)
        digest = hash_password(password)
        people_db.change_password(self._db, owner.id, password_hash=digest, at=self._clock.now())

    def has_second_factor(self, owner_id: str) -> bool:
        return people_db.second_factor(self._db, self._box, owner_id) is not None

    def offer_second_factor(self, owner_id: str, name: str) -> tuple[str, str]:
        """Return a new authenticator's secret and its otpauth address; in force after its first code."""
        secret = random_base32()
        people_db.offer_second_factor(self._db, self._box, owner_id, secret=secret, at=self._clock.now())
        return secret, TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)

    def accept_second_factor(self, owner_id: str, code: str) -> list[str]:
        """Put the offered authenticator in force by its first code; return new recovery codes.

        Raises LoginFailed for a wrong code; then what was in force stays so.
        """
        pending = people_db.pending_second_factor(self._db, self._box, owner_id)
        step = None if pending is None else self._step_of(pending, _plain(code))
        if step is None:
            raise LoginFailed("The code does not fit: check the clock of the phone, and try the next one")
        codes = _recovery_codes()
        digests = self._recovery_digests(owner_id, codes)
        now = self._clock.now()
        is_new = people_db.accept_second_factor(
            self._db, owner_id, step=step, recovery_digests=digests, at=now
        )
        if not is_new:
            raise LoginFailed("The authenticator was set up in another window meanwhile")
        return [_grouped(code) for code in codes]

    def new_recovery_codes(self, owner_id: str) -> list[str]:
        """Return ten new recovery codes; the old ones work no more."""
        codes = _recovery_codes()
        people_db.replace_recovery_codes(self._db, owner_id, self._recovery_digests(owner_id, codes))
        return [_grouped(code) for code in codes]

    def recovery_codes_left(self, owner_id: str) -> int:
        return people_db.recovery_codes_left(self._db, owner_id)

    def forget_second_factor(self, owner_id: str) -> None:
        """Let the owner in with the password alone again."""
        people_db.forget_second_factor(self._db, owner_id)

    def _recovery_digests(self, owner_id: str, codes: list[str]) -> list[str]:
        return [self._digest(f"recovery {owner_id}", code) for code in codes]

    def _step_of(self, secret: str, code: str) -> int | None:
        """Return the time step whose code this is, at most one away from now; None when it is none."""
        totp, now = TOTP(secret), int(self._clock.now().timestamp()) // _STEP_SECONDS
        for step in (now, now - 1, now + 1):
            if randomness.compare_digest(totp.generate_otp(step).encode(), code.encode()):
                return step
        return None

    def _digest(self, purpose: str, text: str) -> str:
        return self._box.digest(f"login {purpose} {text}")


def is_alive(session: LoginSession, now: datetime) -> bool:
    """Whether a session still lets in."""
    is_young = now < session.expires_at and now - session.seen_at < IDLE
    return session.revoked_at is None and is_young


def hash_password(password: str) -> str:
    """Return argon2id's text for a password."""
    with _two_at_a_time:
        return _hasher.hash(password)


def check_password(password: str) -> None:
    """Raise BracketDenied for a password that is too easy to guess, or absurdly long."""
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        words = f"password must have {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters"
        raise BracketDenied([invalid("password", words)])
    if len(set(password)) < 5:
        raise BracketDenied([invalid("password", "password must have at least 5 different characters")])


def _verify(known: str, password: str) -> bool:
    if len(password) > _LONGEST_PASSWORD:
        return False
    try:
        with _two_at_a_time:
            return _hasher.verify(known, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _recovery_codes() -> list[str]:
    return [_random_code(12) for _ in range(RECOVERY_CODES)]


def _random_code(length: int) -> str:
    return "".join(randomness.choice(_LETTERS) for _ in range(length))


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).upper()[:64]
