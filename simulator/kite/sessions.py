"""Who may call: apps with their secrets, the login's two tokens, and 06:00 when every token dies."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from simulator.kite.failures import InputFailure, KiteFailure
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

_DEATH = time(6, 0)
_REQUEST_TOKEN_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One Kite Connect app of one user. access_token, when given, is good from the start until killed."""

    api_key: str
    api_secret: str
    user_id: str
    access_token: str | None = None
    gives_quotes: bool = True  # the paid plan; the free one has no market data
    postback_url: str = ""
    redirect_url: str = ""  # where the login page sends the browser back to


@dataclass(frozen=True, slots=True)
class _Login:
    api_key: str
    ends: datetime | None  # None: only when killed


class Sessions:
    """The apps and what is logged in. Thread-safe."""

    def __init__(self, apps: Sequence[App], clock: Clock) -> None:
        self._apps = {app.api_key: app for app in apps}
        self._clock = clock
        self._lock = threading.Lock()
        self._logins = {app.access_token: _Login(app.api_key, None) for app in apps if app.access_token}
        self._requests: dict[str, _Login] = {}

    def now(self) -> datetime:
        return self._clock.now()

    def app_of(self, authorization: str) -> App:
        """Return the app a header speaks for. Raises KiteFailure, a TokenException, for any other."""
        scheme, _, words = authorization.partition(" ")
        api_key, _, access_token = words.partition(":")
        if scheme != "token" or not self.is_alive(api_key, access_token):
            raise KiteFailure(403, "TokenException", "Incorrect `api_key` or `access_token`.")
        return self.app(api_key)

    def is_alive(self, api_key: str, access_token: str) -> bool:
        """Tell whether a token of an app is good now."""
        with self._lock:
            login = self._logins.get(access_token)
            return login is not None and login.api_key == api_key and self._lives(login)

    def app(self, api_key: str) -> App:
        """Return an app. Raises KiteFailure for no such app."""
        with self._lock:
            return self._app(api_key)

    def apps_of(self, user_id: str) -> tuple[App, ...]:
        """Return the apps of a user."""
        with self._lock:
            return tuple(app for app in self._apps.values() if app.user_id == user_id)

    def app_id(self, api_key: str | None) -> int:
        """Return the number of an app, 0 for an order that no app placed."""
        with self._lock:
            return 1 + list(self._apps).index(api_key) if api_key in self._apps else 0

    def set_addresses(self, api_key: str, *, postback_url: str | None, redirect_url: str | None) -> None:
        """Change where an app is told of updates and where its users come back to; None leaves as it is."""
        with self._lock:
            app = self._app(api_key)
            self._apps[api_key] = replace(
                app,
                postback_url=app.postback_url if postback_url is None else postback_url,
                redirect_url=app.redirect_url if redirect_url is None else redirect_url,
            )

    def request_token(self, api_key: str) -> str:
        """Return what the login page would have redirected with: minutes to live, good for one exchange."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._requests[token] = _Login(
                self._app(api_key).api_key, self._clock.now() + _REQUEST_TOKEN_LIFE
            )
        return token

    def log_in(self, api_key: str, request_token: str, *, checksum: str) -> tuple[App, str]:
        """Return the app and its new access token. Raises KiteFailure for a wrong token or checksum."""
        app = self.app(api_key)
        with self._lock:
            request = self._requests.pop(request_token, None)
        if request is None or request.api_key != api_key or not self._lives(request):
            raise KiteFailure(403, "TokenException", "Token is invalid or has expired.")
        if not hmac.compare_digest(_checksum(app, request_token), checksum):
            raise KiteFailure(403, "TokenException", "Invalid `checksum`.")
        access_token = secrets.token_urlsafe(24)
        with self._lock:
            self._logins[access_token] = _Login(api_key, next_death(self._clock.now()))
        return app, access_token

    def log_out(self, access_token: str) -> None:
        """Forget one token."""
        with self._lock:
            self._logins.pop(access_token, None)

    def kill(self, api_key: str) -> None:
        """Let every token of an app die, as a login elsewhere does. Raises KiteFailure for no such app."""
        with self._lock:
            self._app(api_key)
            self._logins = {token: one for token, one in self._logins.items() if one.api_key != api_key}

    def revive(self, api_key: str) -> None:
        """Make the app's fixed token good again. Raises KiteFailure for an app without one."""
        app = self.app(api_key)
        if app.access_token is None:
            raise InputFailure(f"The app {api_key} has no fixed token.")
        with self._lock:
            self._logins[app.access_token] = _Login(api_key, None)

    def _app(self, api_key: str) -> App:
        if api_key not in self._apps:
            raise InputFailure("Invalid `api_key`.")
        return self._apps[api_key]

    def _lives(self, login: _Login) -> bool:
        return login.ends is None or self._clock.now() < login.ends


def next_death(now: datetime) -> datetime:
    """Return the next 06:00 of the exchange's day, when a token obtained now ends."""
    local = now.astimezone(EXCHANGE_ZONE)
    today = datetime.combine(local.date(), _DEATH, tzinfo=EXCHANGE_ZONE)
    return today if local < today else today + timedelta(days=1)


def _checksum(app: App, request_token: str) -> str:
    return hashlib.sha256(f"{app.api_key}{request_token}{app.api_secret}".encode()).hexdigest()
