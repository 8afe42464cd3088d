"""Alpaca's list of assets, fetched once a day by a command, never on an order's way."""

from collections.abc import Callable
from dataclasses import replace

from broker.alpaca.instruments import instruments
from broker.alpaca.session import open_session
from broker.base import BrokerSettings, ListedInstrument

_DOWNLOAD_SECONDS = 120.0


def get_instruments(
    settings: BrokerSettings, auth_token: str, progress: Callable[[int], None]
) -> tuple[ListedInstrument, ...]:
    """Return the shares that can be traded. Raises ReadFailed or AuthDead."""
    session = open_session(replace(settings, timeout_seconds=_DOWNLOAD_SECONDS), auth_token)
    try:
        answer = session.wire.read("/v2/assets", params={"status": "active", "asset_class": "us_equity"})
        progress(len(answer.body))
        return instruments(answer)
    finally:
        session.close()
