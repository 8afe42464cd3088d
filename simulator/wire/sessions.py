"""Who may call: apps with their secrets, and the tokens that are good now."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from simulator.wire.failures import Complaint, Trouble
from utils.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app of one user at the broker; where a broker has no apps, api_key is the client's number.

    access_token, when given, is good from the start until killed.
    """

    api_key: str
    api_secret: str
    user_id: str
    access_token: str | None = None
    gives_quotes: bool = True  # the paid plan; the free one has no market data
    postback_url: str = ""
    redirect_url: str = ""  # where the login page sends the browser back to


@dataclass(frozen=True, slots=True)
class Login:
    """Whose a token is, and until when."""

    api_key: str
    ends: datetime | None  # None: only when killed


class Sessions:
    """The apps and what is logged in. Thread-safe."""

    def __init__(self, apps: Sequence[App], clock: Clock) -> None:
        self._apps = {app.api_key: app for app in apps}
        self._clock = clock
        self._lock = threading.Lock()
        self._logins = {app.access_token: Login(app.api_key, None) for app in apps if app.access_token}
        self._requests: dict[str, Login] = {}

    def now(self) -> datetime:
        return self._clock.now()

    def is_alive(self, api_key: str, access_token: str) -> bool:
        """Tell whether a token of an app is good now."""
        with self._lock:
            login = self._logins.get(access_token)
            return login is not None and login.api_key == api_key and self._lives(login)

    def owner_of(self, access_token: str) -> App | None:
        """Return the app whose token this is and is good now."""
        with self._lock:
            login = self._logins.get(access_token)
            return self._apps[login.api_key] if login is not None and self._lives(login) else None

    def app(self, api_key: str) -> App:
        """Return an app. Raises Complaint for no such app."""
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

    def ask(self, api_key: str, *, ends: datetime) -> str:
        """Return what a login page sends the browser back with: good for one exchange, until `ends`."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._requests[token] = Login(self._app(api_key).api_key, ends)
        return token

    def answer(self, api_key: str, request_token: str) -> bool:
        """Use a request token up and tell whether it was a good one of the app's."""
        with self._lock:
            request = self._requests.pop(request_token, None)
            return request is not None and request.api_key == api_key and self._lives(request)

    def begin(self, api_key: str, *, ends: datetime | None, access_token: str | None = None) -> str:
        """Return the token of a new login, made up unless given."""
        token = access_token or secrets.token_urlsafe(24)
        with self._lock:
            self._logins[token] = Login(self._app(api_key).api_key, ends)
        return token

    def log_out(self, access_token: str) -> None:
        """Forget one token."""
        with self._lock:
            self._logins.pop(access_token, None)

    def kill(self, api_key: str) -> None:
        """Let every token of an app die, as a login elsewhere does. Raises Complaint for no such app."""
        with self._lock:
            self._app(api_key)
            self._logins = {token: one for token, one in self._logins.items() if one.api_key != api_key}

    def revive(self, api_key: str) -> None:
        """Make the app's fixed token good again. Raises Complaint for an app without one."""
        token = self.app(api_key).access_token
        if token is None:
            raise Complaint(Trouble.BAD_INPUT, f"The app {api_key} has no fixed token.")
        self.begin(api_key, ends=None, access_token=token)

    def _app(self, api_key: str) -> App:
        if api_key not in self._apps:
            raise Complaint(Trouble.BAD_INPUT, "Invalid `api_key`.")
        return self._apps[api_key]

    def _lives(self, login: Login) -> bool:
        return login.ends is None or self._clock.now() < login.ends
