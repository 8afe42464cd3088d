"""Zerodha's side of the daily login, behind the port: page, exchange, end of the token, signed pushes."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

import msgspec

from broker.base import AuthDead, BrokerSettings, LoggedIn
from broker.zerodha.api.auth_api import exchange_request_token, login_url
from broker.zerodha.schemas import Push
from utils.constants import EXCHANGE_ZONE

API_KEY = "api_key"
API_SECRET = "api_secret"  # noqa: S105  # the name of a field, no secret
TOKENS_DIE_AT = time(6, 0)  # exchange time, every day; Kite's documentation of the session

_PUSH = msgspec.json.Decoder(Push)


class KiteLogin:
    """What DailyLogin promises, for Kite Connect."""

    needs: tuple[str, ...] = (API_KEY, API_SECRET)
    public = frozenset({API_KEY})
    brings = "request_token"
    by_browser = True
    signs_pushes = True
    unattended: tuple[str, ...] = ()

    def page(self, login: Mapping[str, str], state: str | None) -> str:
        return login_url(login[API_KEY], state)

    def went_well(self, query: Mapping[str, str]) -> bool:
        return query.get("status", "success") == "success"

    def log_in(self, login: Mapping[str, str], settings: BrokerSettings, now: datetime) -> LoggedIn:
        raise AuthDead("a login at Kite takes a person")

    def exchange(self, request_token: str, login: Mapping[str, str], settings: BrokerSettings) -> LoggedIn:
        return exchange_request_token(
            request_token, settings, api_key=login[API_KEY], api_secret=login[API_SECRET]
        )

    def ends_at(self, obtained: datetime) -> datetime:
        local = obtained.astimezone(EXCHANGE_ZONE)
        end = datetime.combine(local.date(), TOKENS_DIE_AT, tzinfo=EXCHANGE_ZONE)
        return (end if local < end else end + timedelta(days=1)).astimezone(UTC)

    def is_genuine(self, push: bytes, login: Mapping[str, str]) -> bool:
        try:
            said = _PUSH.decode(push)
        except (ValueError, RecursionError):
            return False
        signed = f"{said.order_id}{said.order_timestamp}{login[API_SECRET]}".encode()
        expected = hashlib.sha256(signed).hexdigest().encode()
        # As bytes: compare_digest refuses text with letters beyond ASCII, which anybody may send.
        return hmac.compare_digest(expected, said.checksum.encode())
