"""Upstox's side of the daily login: its page, the code it sends back, and that no push is signed."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from broker.base import AuthDead, BrokerSettings, LoggedIn
from broker.upstox.api.auth_api import exchange_code, login_url
from utils.constants import EXCHANGE_ZONE

API_KEY = "api_key"
API_SECRET = "api_secret"  # noqa: S105  # the name of a field, no secret
REDIRECT_URI = "redirect_uri"  # Upstox wants the app's own, letter by letter
TOKENS_DIE_AT = time(3, 30)  # exchange time


class UpstoxLogin:
    """What DailyLogin promises, for Upstox."""

    needs: tuple[str, ...] = (API_KEY, API_SECRET, REDIRECT_URI)
    public = frozenset({API_KEY, REDIRECT_URI})
    brings = "code"
    by_browser = True
    signs_pushes = False
    unattended: tuple[str, ...] = ()

    def page(self, login: Mapping[str, str], state: str | None) -> str:
        return login_url(login[API_KEY], login[REDIRECT_URI], state)

    def went_well(self, query: Mapping[str, str]) -> bool:
        return "error" not in query

    def log_in(self, login: Mapping[str, str], settings: BrokerSettings, now: datetime) -> LoggedIn:
        raise AuthDead("a login at Upstox takes a person")

    def exchange(self, request_token: str, login: Mapping[str, str], settings: BrokerSettings) -> LoggedIn:
        return exchange_code(
            request_token,
            settings,
            api_key=login[API_KEY],
            api_secret=login[API_SECRET],
            redirect_uri=login[REDIRECT_URI],
        )

    def ends_at(self, obtained: datetime) -> datetime:
        local = obtained.astimezone(EXCHANGE_ZONE)
        end = datetime.combine(local.date(), TOKENS_DIE_AT, tzinfo=EXCHANGE_ZONE)
        return (end if local < end else end + timedelta(days=1)).astimezone(UTC)

    def is_genuine(self, push: bytes, login: Mapping[str, str]) -> bool:
        """Say no: Upstox signs no push, the secret address is all there is."""
        return False
