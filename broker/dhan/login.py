"""Dhan's side of the login: a token from its web page, or one by PIN and TOTP; pushes are not signed."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from broker.base import AuthDead, BrokerSettings, LoggedIn
from broker.dhan.api.auth_api import generate_access_token, whose_token
from broker.totp import code_at

CLIENT_ID = "client_id"
PIN = "pin"
TOTP_SEED = "totp_seed"
PAGE = "https://web.dhan.co"
TOKEN_LIFE = timedelta(hours=24)


class DhanLogin:
    """What DailyLogin promises, for Dhan."""

    needs: tuple[str, ...] = (CLIENT_ID,)
    public = frozenset({CLIENT_ID})
    brings = "access_token"
    by_browser = False  # its consent page leads back without our state: nobody could tell whose login it is
    signs_pushes = False
    unattended: tuple[str, ...] = (PIN, TOTP_SEED)

    def page(self, login: Mapping[str, str], state: str | None) -> str:
        return PAGE

    def went_well(self, query: Mapping[str, str]) -> bool:
        return True

    def exchange(self, request_token: str, login: Mapping[str, str], settings: BrokerSettings) -> LoggedIn:
        return whose_token(request_token, settings, client_id=login[CLIENT_ID])

    def log_in(self, login: Mapping[str, str], settings: BrokerSettings, now: datetime) -> LoggedIn:
        try:
            code = code_at(login[TOTP_SEED], now)
        except ValueError as exc:
            raise AuthDead(str(exc)) from exc
        return generate_access_token(settings, client_id=login[CLIENT_ID], pin=login[PIN], code=code)

    def ends_at(self, obtained: datetime) -> datetime:
        return obtained + TOKEN_LIFE

    def is_genuine(self, push: bytes, login: Mapping[str, str]) -> bool:
        return True  # nothing is signed: the secret address is all there is
