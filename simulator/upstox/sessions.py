"""Who may call Upstox: the login's code, the app's secret, and 03:30."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from simulator.upstox.failures import UpstoxFailure
from simulator.wire.sessions import App
from simulator.wire.sessions import Sessions as AnySessions
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

_DEATH = time(3, 30)
_CODE_LIFE = timedelta(minutes=5)


class Sessions(AnySessions):
    """The apps and what is logged in. Thread-safe."""

    def __init__(self, apps: Sequence[App], clock: Clock) -> None:
        super().__init__(apps, clock)
        self._given = {app.access_token: app.api_key for app in apps if app.access_token}

    def code(self, api_key: str) -> str:
        """Return what the login page redirects with: minutes to live, good for one exchange."""
        return self.ask(api_key, ends=self.now() + _CODE_LIFE)

    def log_in(self, code: str, *, api_key: str, api_secret: str) -> str:
        """Return a new access token. Raises UpstoxFailure for a wrong code or secret."""
        if self.app(api_key).api_secret != api_secret:
            raise UpstoxFailure(401, "UDAPI100069", "Check your 'client_id' and 'client_secret'")
        if not self.answer(api_key, code):
            raise UpstoxFailure(401, "UDAPI100057", "Invalid Auth code")
        token = self.begin(api_key, ends=_next_death(self.now()))
        self._given[token] = api_key
        return token

    def ever(self, access_token: str) -> str:
        """Return the app a token was given to, good or not; none for one that nobody was given."""
        return self._given.get(access_token, "")


def _next_death(now: datetime) -> datetime:
    local = now.astimezone(EXCHANGE_ZONE)
    today = datetime.combine(local.date(), _DEATH, tzinfo=EXCHANGE_ZONE)
    return today if local < today else today + timedelta(days=1)
