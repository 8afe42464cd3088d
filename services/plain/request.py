"""A plain order as asked for, and what is wrong with it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.bracket.model import BrokerCapabilities, Instrument, OrderType, Terms
from services.bracket.request import BracketOrderRequest
from services.bracket.rules.amounts import check_amounts
from services.bracket.rules.facts import Facts
from services.bracket.rules.quantities import check_quantities
from services.bracket.rules.words import check_words
from services.bracket.violations import Violation

_MISSING = "Missing mandatory field(s): "
_RULES = (check_words, check_amounts, check_quantities)
_NOT_ASKED = frozenset({"sl_price", "target_price"})
_SPELLED = {"entry_price": "price"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOrderRequest:
    """The body of placeorder or modifyorder without stop and target. Prices in rupees, 0 means not said."""

    strategy: str = ""
    symbol: str | None = None
    exchange: str | None = None
    action: str | None = None
    product: str = "MIS"
    pricetype: str = "MARKET"
    quantity: int | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    disclosed_quantity: int = 0
    client_order_id: str | None = None


def faults(
    asked: PlainOrderRequest,
    *,
    capabilities: BrokerCapabilities,
    instrument: Instrument | None,
    now: datetime,
) -> list[Violation]:
    """Return every fault, by the rules of a bracket's entry: an order is an order."""
    facts = Facts(
        request=_as_entry(asked),
        capabilities=capabilities,
        instrument=instrument,
        quote=None,
        session=None,
        now=now,
    )
    found = [one for rule in _RULES for one in rule(facts) if one.field not in _NOT_ASKED]
    missing = [_name(one.field) for one in found if one.sentence.startswith(_MISSING)]
    return [_spelled(one, missing) for one in found]


def terms_of(asked: PlainOrderRequest) -> Terms:
    """Return what a request without faults says to the broker."""
    order_type = OrderType(asked.pricetype.strip().upper())
    has_price = order_type in (OrderType.LIMIT, OrderType.SL)
    has_trigger = order_type in (OrderType.SL, OrderType.SL_M)
    return Terms(
        order_type=order_type,
        quantity=asked.quantity or 0,
        price=asked.price if has_price else None,
        trigger_price=asked.trigger_price if has_trigger else None,
    )


def _as_entry(asked: PlainOrderRequest) -> BracketOrderRequest:
    return BracketOrderRequest(
        symbol=asked.symbol,
        exchange=asked.exchange,
        product=asked.product,
        action=asked.action,
        quantity=asked.quantity,
        entry_price=asked.price or None,
        trigger_price=asked.trigger_price or None,
        pricetype=asked.pricetype,
        disclosed_quantity=asked.disclosed_quantity,
        strategy=asked.strategy,
        client_order_id=asked.client_order_id,
    )


def _name(field: str) -> str:
    return _SPELLED.get(field, field)


def _spelled(fault: Violation, missing: list[str]) -> Violation:
    name = _name(fault.field)
    if fault.sentence.startswith(_MISSING):
        return replace(fault, field=name, sentence=_MISSING + ", ".join(missing))
    return replace(fault, field=name, sentence=fault.sentence.replace(fault.field, name))
