"""Who may call Fyers: the login's code, the hash that stands for app and secret, and 06:00."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from simulator.fyers.failures import FyersFailure
from simulator.wire.sessions import App
from simulator.wire.sessions import Sessions as AnySessions
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

_DEATH = time(6, 0)
_CODE_LIFE = timedelta(minutes=5)


class Sessions(AnySessions):
    """The apps and what is logged in. Thread-safe."""

    def __init__(self, apps: Sequence[App], clock: Clock) -> None:
        super().__init__(apps, clock)
        self._by_hash = {app_id_hash(app): app.api_key for app in apps}

    def auth_code(self, app_id: str) -> str:
        """Return what the login page redirects with: minutes to live, good for one exchange."""
        return self.ask(app_id, ends=self.now() + _CODE_LIFE)

    def log_in(self, auth_code: str, given_hash: str) -> str:
        """Return a new access token. Raises FyersFailure for a wrong code or hash."""
        app_id = self._by_hash.get(given_hash)
        if app_id is None:
            raise FyersFailure(401, -352, "Invalid app id hash")
        if not self.answer(app_id, auth_code):
            raise FyersFailure(400, -50, "Invalid auth code")
        return self.begin(app_id, ends=_next_death(self.now()))


def app_id_hash(app: App) -> str:
    return hashlib.sha256(f"{app.api_key}:{app.api_secret}".encode()).hexdigest()


def _next_death(now: datetime) -> datetime:
    local = now.astimezone(EXCHANGE_ZONE)
    today = datetime.combine(local.date(), _DEATH, tzinfo=EXCHANGE_ZONE)
    return today if local < today else today + timedelta(days=1)
