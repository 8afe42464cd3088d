"""Who may call Kite: the login's two tokens, the checksum, and 06:00 when every token dies."""

import hashlib
import hmac
from datetime import datetime, time, timedelta

from simulator.kite.failures import KiteFailure
from simulator.wire.sessions import App
from simulator.wire.sessions import Sessions as AnySessions
from utils.constants import EXCHANGE_ZONE

__all__ = ["App", "Sessions", "app_of", "next_death"]

_DEATH = time(6, 0)
_REQUEST_TOKEN_LIFE = timedelta(minutes=5)


class Sessions(AnySessions):
    """The apps and what is logged in. Thread-safe."""

    def app_of(self, authorization: str) -> App:
        """Return the app a header speaks for. Raises KiteFailure, a TokenException, for any other."""
        return app_of(self, authorization)

    def request_token(self, api_key: str) -> str:
        """Return what the login page would have redirected with: minutes to live, good for one exchange."""
        return self.ask(api_key, ends=self.now() + _REQUEST_TOKEN_LIFE)

    def log_in(self, api_key: str, request_token: str, *, checksum: str) -> tuple[App, str]:
        """Return the app and its new access token. Raises KiteFailure for a wrong token or checksum."""
        app = self.app(api_key)
        if not self.answer(api_key, request_token):
            raise KiteFailure(403, "TokenException", "Token is invalid or has expired.")
        if not hmac.compare_digest(_checksum(app, request_token), checksum):
            raise KiteFailure(403, "TokenException", "Invalid `checksum`.")
        return app, self.begin(api_key, ends=next_death(self.now()))


def app_of(sessions: AnySessions, authorization: str) -> App:
    """Return the app a header speaks for. Raises KiteFailure, a TokenException, for any other."""
    scheme, _, words = authorization.partition(" ")
    api_key, _, access_token = words.partition(":")
    if scheme != "token" or not sessions.is_alive(api_key, access_token):
        raise KiteFailure(403, "TokenException", "Incorrect `api_key` or `access_token`.")
    return sessions.app(api_key)


def next_death(now: datetime) -> datetime:
    """Return the next 06:00 of the exchange's day, when a token obtained now ends."""
    local = now.astimezone(EXCHANGE_ZONE)
    today = datetime.combine(local.date(), _DEATH, tzinfo=EXCHANGE_ZONE)
    return today if local < today else today + timedelta(days=1)


def _checksum(app: App, request_token: str) -> str:
    return hashlib.sha256(f"{app.api_key}{request_token}{app.api_secret}".encode()).hexdigest()
