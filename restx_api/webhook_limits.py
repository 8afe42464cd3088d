"""What one webhook may do: where its alerts come from, when, and what they may place."""

from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network

from database.auth_db import Caller
from database.bracket_db import load_open
from database.webhook_settings import WebhookLimits
from restx_api.errors import WebhookLimit
from services.bracket.model import Plan
from services.bracket.opposite import OnOpposite
from services.bracket.request import BracketOrderRequest
from services.bracket_order_service import validate_bracket_order
from services.desk import Desk
from utils.constants import EXCHANGE_ZONE


def refuse_address(limits: WebhookLimits, address: str | None) -> None:
    """Raise WebhookLimit for an alert from an address that is not on the webhook's list."""
    if limits.addresses and not any(_is_in(address, network) for network in limits.addresses):
        raise WebhookLimit(f"address {address} is not among those this webhook takes alerts from")


def _is_in(address: str | None, network: str) -> bool:
    try:
        return address is not None and ip_address(address) in ip_network(network)
    except ValueError:
        return False


def refuse_symbol(limits: WebhookLimits, exchange: object, symbol: object) -> None:
    """Raise WebhookLimit for a symbol the webhook may not touch, not even to leave it."""
    name = f"{exchange}:{symbol}".upper()
    if limits.symbols and name not in limits.symbols:
        raise WebhookLimit(f"symbol {name} is not among those this webhook may trade")


def refuse_beyond(limits: WebhookLimits, asked: BracketOrderRequest, desk: Desk, caller: Caller) -> None:
    """Raise WebhookLimit for an order the webhook may not place. Faults of it are told by placing it."""
    if limits == WebhookLimits():
        return
    plan = validate_bracket_order(desk, asked, caller).plan
    if plan is None:
        return
    _refuse_hour(limits, desk.clock.now())
    refuse_symbol(limits, plan.instrument.exchange, plan.instrument.symbol)
    _refuse_size(limits, plan, _price(desk, plan))
    _refuse_count(limits, plan, asked, desk=desk, caller=caller)


def _refuse_hour(limits: WebhookLimits, now: datetime) -> None:
    if limits.hours is None:
        return
    begin, _, end = limits.hours.partition("-")
    at = now.astimezone(EXCHANGE_ZONE).strftime("%H:%M")
    if not begin <= at < end:
        raise WebhookLimit(f"it is {at}: this webhook places orders from {begin} to {end} exchange time")


def _refuse_size(limits: WebhookLimits, plan: Plan, price: Decimal | None) -> None:
    if limits.products and plan.product not in limits.products:
        allowed = ", ".join(sorted(limits.products))
        raise WebhookLimit(f"product {plan.product} is not among those this webhook may trade: {allowed}")
    if limits.max_quantity is not None and plan.quantity > limits.max_quantity:
        raise WebhookLimit(f"quantity {plan.quantity} is above this webhook's limit of {limits.max_quantity}")
    if limits.max_value is None:
        return
    if price is None:
        raise WebhookLimit(
            f"the value of {plan.quantity} {plan.instrument.symbol} is not known without a price, and this"
            f" webhook is limited to {limits.max_value}: send entry_price"
        )
    if price * plan.quantity > limits.max_value:
        value = price * plan.quantity
        raise WebhookLimit(f"value {value} is above this webhook's limit of {limits.max_value}")


def _price(desk: Desk, plan: Plan) -> Decimal | None:
    """Return the dearest the entry can get, else the last price."""
    quote = desk.supervisor.worker(plan.account_id, plan.mode).quote(
        (plan.instrument.exchange, plan.instrument.symbol)
    )
    known = plan.entry.price or plan.entry.trigger_price
    return known if known is not None else None if quote is None else quote.last


def _refuse_count(
    limits: WebhookLimits, plan: Plan, asked: BracketOrderRequest, *, desk: Desk, caller: Caller
) -> None:
    most = limits.max_open_brackets
    if most is None:
        return
    held = load_open(desk.db, [caller.account_id])
    staying = [one for one in held if not _is_reversed(one.plan, plan, asked.on_opposite)]
    if len(staying) >= most:
        raise WebhookLimit(f"{most} brackets are open already: that is this webhook's limit")


def _is_reversed(old: Plan, new: Plan, policy: str) -> bool:
    """Whether the new order makes room first, by closing the old bracket."""
    places = {(one.mode, one.instrument.exchange, one.instrument.symbol) for one in (old, new)}
    return len(places) == 1 and old.side is not new.side and policy == OnOpposite.CLOSE_FIRST
