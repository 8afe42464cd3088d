"""The words of a request: what must be said, and which words there are."""

from collections.abc import Collection, Iterator

from services.bracket import terms
from services.bracket.model import OrderType, Validity
from services.bracket.rules.facts import Facts
from services.bracket.units import SIZES
from services.bracket.violations import Code, Violation, invalid
from utils.constants import (
    VALID_EXCHANGES,
    VALID_ORDER_TYPES,
    VALID_PRICE_TYPES,
    VALID_PRODUCT_TYPES,
    VALID_VALIDITIES,
    zone_of,
)

SHARES = ("NSE", "BSE")
PRODUCTS_OF_SHARES = ("CNC", "MIS", "MTF")
PRODUCTS_OF_DERIVATIVES = ("NRML", "MIS")
PRODUCTS_ABROAD = ("CNC", "MIS")

_MAX_TEXT = 64
_POLICIES = {
    "on_manual_change": ("restore", "respect"),
    "unknown_stop": ("wait", "duplicate_stop"),
    "on_opposite": ("reject", "close_first", "ignore"),
}


def check_words(facts: Facts) -> Iterator[Violation]:
    """Yield what is missing and every word that is none of the field's."""
    yield from _missing(facts)
    yield from _exchange(facts)
    yield from _action(facts)
    yield from _product(facts)
    yield from _entry_words(facts)
    yield from _policies(facts)
    yield from _texts(facts)
    yield from _symbol(facts)


def products_on(exchange: str) -> tuple[str, ...]:
    """Return the products an exchange's instruments can be held as."""
    if exchange in SHARES:
        return PRODUCTS_OF_SHARES
    return PRODUCTS_ABROAD if exchange in ("US", "FOREX") else PRODUCTS_OF_DERIVATIVES


def _missing(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    said = {
        "symbol": bool(request.symbol and request.symbol.strip()),
        "exchange": bool(facts.exchange),
        "product": bool(request.product),
        "action": bool(request.action),
        "quantity": any(getattr(request, way) is not None for way in SIZES),
        "entry_price": request.entry_price is not None or not _needs_price(facts),
        "trigger_price": request.trigger_price is not None or not _needs_trigger(facts),
        "sl_price": bool(terms.stop_specs(request)) or request.sl_amount is not None,
        "target_price": bool(facts.targets)
        or request.target_amount is not None
        or request.target_r is not None,
    }
    missing = [name for name, is_said in said.items() if not is_said]
    sentence = f"Missing mandatory field(s): {', '.join(missing)}"
    yield from (invalid(name, sentence) for name in missing)


def _needs_price(facts: Facts) -> bool:
    return facts.order_type in (OrderType.LIMIT, OrderType.SL)


def _needs_trigger(facts: Facts) -> bool:
    return facts.order_type in (OrderType.SL, OrderType.SL_M)


def _exchange(facts: Facts) -> Iterator[Violation]:
    exchange = facts.exchange
    if not exchange:
        return
    if exchange not in VALID_EXCHANGES:
        yield invalid("exchange", f"Invalid exchange. Must be one of: {', '.join(VALID_EXCHANGES)}")
    elif exchange not in facts.capabilities.exchanges:
        served = ", ".join(name for name in VALID_EXCHANGES if name in facts.capabilities.exchanges)
        sentence = f"exchange {exchange} is not served by this account's broker, which serves: {served}"
        yield Violation(field="exchange", code=Code.EXCHANGE_NOT_SERVED, sentence=sentence)


def _action(facts: Facts) -> Iterator[Violation]:
    if facts.request.action and facts.side is None:
        yield invalid("action", "Invalid action. Must be BUY or SELL (case insensitive)")


def _product(facts: Facts) -> Iterator[Violation]:
    if not facts.request.product:
        return
    if facts.product is None:
        yield invalid("product", f"Invalid product type. Must be one of: {', '.join(VALID_PRODUCT_TYPES)}")
    elif facts.exchange in VALID_EXCHANGES and facts.product not in products_on(facts.exchange):
        possible = ", ".join(products_on(facts.exchange))
        yield invalid(
            "product", f"product {facts.product} is not valid on {facts.exchange}. Must be one of: {possible}"
        )


def _entry_words(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    if facts.order_type is None:
        yield _not_one_of("pricetype", request.pricetype, VALID_PRICE_TYPES)
    elif not _can_place(facts, facts.order_type):
        served = [word for word in VALID_PRICE_TYPES if word in facts.capabilities.order_types]
        yield _not_one_of("pricetype", request.pricetype, served)
    if request.ordertype.strip().upper() not in VALID_ORDER_TYPES:
        yield _not_one_of("ordertype", request.ordertype, VALID_ORDER_TYPES)
    validity = terms.validity_of(request)
    if validity is None:
        yield _not_one_of("validity", request.validity, VALID_VALIDITIES)
    elif validity is Validity.IOC and _needs_trigger(facts):
        yield invalid("validity", f"validity IOC is not possible with pricetype {facts.order_type}: send DAY")


def _can_place(facts: Facts, order_type: OrderType) -> bool:
    # SL-M is sent as SL with a protective limit where the exchange does not take it.
    needed = {OrderType.SL_M, OrderType.SL} if order_type is OrderType.SL_M else {order_type}
    return bool(needed & facts.capabilities.order_types)


def _policies(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    chosen = {
        "on_manual_change": request.on_manual_change,
        "unknown_stop": request.unknown_stop,
        "on_opposite": request.on_opposite,
    }
    for field, word in chosen.items():
        if word not in _POLICIES[field]:
            yield _not_one_of(field, word, _POLICIES[field])


def _texts(facts: Facts) -> Iterator[Violation]:
    request = facts.request
    key = request.client_order_id
    if key is not None and not (0 < len(key) <= _MAX_TEXT and key.isprintable()):
        yield invalid(
            "client_order_id",
            f"client_order_id must be 1 to {_MAX_TEXT} printable characters, not {len(key)}",
        )
    for field, text in (("strategy", request.strategy), ("tag", request.tag)):
        if len(text) > _MAX_TEXT:
            yield invalid(field, f"{field} must be at most {_MAX_TEXT} characters, not {len(text)}")


def _symbol(facts: Facts) -> Iterator[Violation]:
    symbol = facts.request.symbol
    expiry = None if facts.instrument is None else facts.instrument.expiry
    if expiry is not None and expiry < facts.now.astimezone(zone_of(facts.exchange or "")).date():
        yield invalid("symbol", f"symbol {symbol} expired on {expiry}")
    if facts.instrument is None and symbol and facts.exchange in facts.capabilities.exchanges:
        yield invalid("symbol", f"symbol {symbol} is not in the instrument list of {facts.exchange}")


def _not_one_of(field: str, word: str, words: Collection[str]) -> Violation:
    return invalid(field, f"{field} {word} is not valid. Must be one of: {', '.join(words)}")
