"""From TradingView's name of a symbol to the one its account's broker lists."""

from database.auth_db import Caller
from database.webhook_settings import WebhookSettings
from services import listings
from services.alerts.signal import AlertRefused
from services.alerts.symbols import Future, Names, chosen, meant, real_exchange, split_name
from services.desk import Desk
from utils.constants import EXCHANGE_ZONE

Symbol = tuple[str, str]  # exchange, symbol


def broker_symbol(
    desk: Desk, caller: Caller, symbol: str, *, exchange: str | None, settings: WebhookSettings
) -> tuple[str | None, str]:
    """Return exchange and symbol as the broker lists them; as sent where it lists nothing like it.

    Raises AlertRefused for delayed prices, an index, and a future that is not listed.
    """
    name, place = _mapped(*split_name(symbol, exchange), settings)
    if place is None:
        return None, name
    place = real_exchange(place, allow_delayed=settings.allow_delayed)
    match meant(name, place):
        case Names(where, spellings):
            listed = (one for one in spellings if _is_listed(desk, caller, (where, one)))
            return where, next(listed, name)
        case Future() as future:
            return future.exchange, _contract(desk, caller, future, asked=name)


def _mapped(name: str, exchange: str | None, settings: WebhookSettings) -> tuple[str, str | None]:
    """Return what the webhook's own map says, with or without the exchange; else the name as it is."""
    for said in (f"{exchange}:{name}".upper(), name):
        if said in settings.symbol_map:
            return split_name(settings.symbol_map[said], None)
    return name, exchange


def _is_listed(desk: Desk, caller: Caller, symbol: Symbol) -> bool:
    exchange, name = symbol
    return listings.instrument(desk, caller, exchange, symbol=name) is not None


def _contract(desk: Desk, caller: Caller, future: Future, *, asked: str) -> str:
    listed = listings.search(desk, caller, future.query, exchange=future.exchange)
    today = desk.clock.now().astimezone(EXCHANGE_ZONE).date()
    contract = chosen(future, listed, today)
    if contract is None:
        raise AlertRefused("symbol", f"symbol {asked} has no listed future on {future.exchange}")
    return contract.symbol
