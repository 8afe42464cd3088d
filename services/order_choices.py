"""What a person can choose for a symbol before anything is typed: its grid, its price, its products."""

from dataclasses import dataclass

from database.auth_db import Caller
from services import listings
from services.account_books import quotes
from services.bracket.model import Instrument, Quote, Side
from services.bracket.request import BracketOrderRequest
from services.bracket.rules.words import products_on
from services.bracket.terms import product_of, topology_of
from services.bracket.violations import Code
from services.bracket_order_service import validate_bracket_order
from services.desk import Desk
from services.errors import BrokerUnavailable, NotFound

_ABOUT_PRODUCTS = frozenset({"product", "action", "exit_at", "allow_unlinked_exits"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChoice:
    """One product: how its exits would be held, and for each side why they could not be."""

    product: str
    topology: str | None
    refusals: dict[Side, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    instrument: Instrument
    quote: Quote | None
    products: tuple[ProductChoice, ...]


def choices(desk: Desk, caller: Caller, *, exchange: str, symbol: str) -> Choices:
    """Return what can be chosen for a symbol. Raises NotFound for one that nobody lists."""
    found = listings.instrument(desk, caller, exchange, symbol=symbol)
    if found is None:
        raise NotFound(f"symbol {symbol[:64]} is not in the instrument list of {exchange[:16]}")
    return Choices(
        instrument=found,
        quote=price_of(desk, caller, (exchange, symbol)),
        products=tuple(_choice(desk, caller, found, product) for product in products_on(exchange)),
    )


def price_of(desk: Desk, caller: Caller, symbol: tuple[str, str]) -> Quote | None:
    """Return a price to show, at most a second old; None where the broker has none at hand."""
    try:
        return quotes(desk, caller, frozenset({symbol})).get(symbol)
    except BrokerUnavailable:
        return None


def _choice(desk: Desk, caller: Caller, instrument: Instrument, product: str) -> ProductChoice:
    asked = BracketOrderRequest(exchange=instrument.exchange, symbol=instrument.symbol, product=product)
    capabilities = desk.capabilities_for(caller)
    word = product_of(asked)
    topology = None if word is None else topology_of(capabilities, word, exchange=instrument.exchange)
    return ProductChoice(
        product=product,
        topology=None if topology is None else str(topology),
        refusals={side: _refusals(desk, caller, asked, side) for side in Side},
    )


def _refusals(desk: Desk, caller: Caller, asked: BracketOrderRequest, side: Side) -> tuple[str, ...]:
    """Return what the rules of placing say of a product and side alone; the rest is not filled in yet."""
    checked = validate_bracket_order(desk, _with_side(asked, side), caller)
    return tuple(
        one.sentence
        for one in checked.violations
        if one.code is Code.CANNOT_PROTECT and one.field in _ABOUT_PRODUCTS
    )


def _with_side(asked: BracketOrderRequest, side: Side) -> BracketOrderRequest:
    return BracketOrderRequest(
        exchange=asked.exchange, symbol=asked.symbol, product=asked.product, action=str(side)
    )
