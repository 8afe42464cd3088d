"""Fyers' side of the daily login, behind the port: page, exchange, end of the token, pushes."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from broker.base import AuthDead, BrokerSettings, LoggedIn
from broker.fyers.api.auth_api import exchange_auth_code, login_url
from utils.constants import EXCHANGE_ZONE

APP_ID = "app_id"
SECRET_ID = "secret_id"  # noqa: S105  # the name of a field, no secret
REDIRECT_URI = "redirect_uri"  # Fyers wants the app's own, letter by letter
# The rules of 2026 end every session before the next trading day; Fyers does not say at what minute.
TOKENS_DIE_AT = time(6, 0)  # exchange time


class FyersLogin:
    """What DailyLogin promises, for Fyers."""

    needs: tuple[str, ...] = (APP_ID, SECRET_ID, REDIRECT_URI)
    public = frozenset({APP_ID, REDIRECT_URI})
    brings = "auth_code"
    by_browser = True
    signs_pushes = False
    unattended: tuple[str, ...] = ()

    def page(self, login: Mapping[str, str], state: str | None) -> str:
        return login_url(login[APP_ID], login[REDIRECT_URI], state)

    def went_well(self, query: Mapping[str, str]) -> bool:
        return query.get("s", "ok") == "ok"

    def log_in(self, login: Mapping[str, str], settings: BrokerSettings, now: datetime) -> LoggedIn:
        raise AuthDead("a login at Fyers takes a person")

    def exchange(self, request_token: str, login: Mapping[str, str], settings: BrokerSettings) -> LoggedIn:
        return exchange_auth_code(request_token, settings, app_id=login[APP_ID], secret_id=login[SECRET_ID])

    def ends_at(self, obtained: datetime) -> datetime:
        local = obtained.astimezone(EXCHANGE_ZONE)
        end = datetime.combine(local.date(), TOKENS_DIE_AT, tzinfo=EXCHANGE_ZONE)
        return (end if local < end else end + timedelta(days=1)).astimezone(UTC)

    def is_genuine(self, push: bytes, login: Mapping[str, str]) -> bool:
        """Say no: Fyers signs no postback, the secret address is all there is."""
        return False
