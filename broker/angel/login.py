"""Angel One's side of the login: client code, PIN and a one-time password; pushes are not signed."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from broker.angel.api.auth_api import login_by_password
from broker.base import AuthDead, BrokerSettings, LoggedIn
from broker.totp import code_at
from utils.constants import EXCHANGE_ZONE

API_KEY = "api_key"
CLIENT_CODE = "client_code"
PIN = "pin"
TOTP_SEED = "totp_seed"
PAGE = "https://smartapi.angelone.in/enable-totp"  # where the authenticator is set up, once
# A JWT is said to live for up to 28 hours; the rules of 2026 end it before the next trading day.
TOKENS_DIE_AT = time(5, 0)  # exchange time


class AngelLogin:
    """What DailyLogin promises, for Angel One."""

    needs: tuple[str, ...] = (API_KEY, CLIENT_CODE, PIN)
    public = frozenset({API_KEY, CLIENT_CODE})
    brings = "totp"
    by_browser = False  # its page for other people's apps leads back without our state
    signs_pushes = False
    unattended: tuple[str, ...] = (TOTP_SEED,)

    def page(self, login: Mapping[str, str], state: str | None) -> str:
        return PAGE

    def went_well(self, query: Mapping[str, str]) -> bool:
        return True

    def exchange(self, request_token: str, login: Mapping[str, str], settings: BrokerSettings) -> LoggedIn:
        return login_by_password(
            settings,
            api_key=login[API_KEY],
            client_code=login[CLIENT_CODE],
            pin=login[PIN],
            code=request_token,
        )

    def log_in(self, login: Mapping[str, str], settings: BrokerSettings, now: datetime) -> LoggedIn:
        try:
            code = code_at(login[TOTP_SEED], now)
        except ValueError as exc:
            raise AuthDead(str(exc)) from exc
        return self.exchange(code, login, settings)

    def ends_at(self, obtained: datetime) -> datetime:
        local = obtained.astimezone(EXCHANGE_ZONE)
        end = datetime.combine(local.date(), TOKENS_DIE_AT, tzinfo=EXCHANGE_ZONE)
        return (end if local < end else end + timedelta(days=1)).astimezone(UTC)

    def is_genuine(self, push: bytes, login: Mapping[str, str]) -> bool:
        """Say no: Angel signs no postback, the secret address is all there is."""
        return False
