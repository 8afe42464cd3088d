"""What a request means in the model's words; None where it does not say or cannot be read.

Shared by the rules, which report what is None or wrong, and by the planner, which runs when nothing is.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TypeVar

from services.bracket.model import (
    BrokerCapabilities,
    OrderType,
    Plan,
    PriceMode,
    PriceSpec,
    Product,
    Purpose,
    Quote,
    Side,
    Topology,
    Validity,
)
from services.bracket.prices import resolve
from services.bracket.request import BracketOrderRequest, TargetRequest

_Word = TypeVar("_Word", bound=StrEnum)

INTRADAY = Product.MIS


def side_of(request: BracketOrderRequest) -> Side | None:
    """Return the side of the entry."""
    return _word(Side, request.action)


def product_of(request: BracketOrderRequest) -> Product | None:
    """Return the product."""
    return _word(Product, request.product)


def order_type_of(request: BracketOrderRequest) -> OrderType | None:
    """Return the entry's order type."""
    return _word(OrderType, request.pricetype)


def validity_of(request: BracketOrderRequest) -> Validity | None:
    """Return the entry's time in force."""
    return _word(Validity, request.validity)


def exchange_of(request: BracketOrderRequest) -> str | None:
    """Return the exchange in the catalogue's spelling."""
    return None if request.exchange is None else request.exchange.strip().upper()


def specs(*, price: Decimal | None, points: Decimal | None, percent: Decimal | None) -> tuple[PriceSpec, ...]:
    """Return every way a price was given; one is right, none or several are faults."""
    given = (
        (PriceMode.ABSOLUTE, price),
        (PriceMode.POINTS, points),
        (PriceMode.PERCENT, percent),
    )
    return tuple(PriceSpec(mode=mode, value=value) for mode, value in given if value is not None)


def stop_specs(request: BracketOrderRequest) -> tuple[PriceSpec, ...]:
    """Return every way the stop was given."""
    return specs(price=request.sl_price, points=request.sl_points, percent=request.sl_percent)


def single_target(request: BracketOrderRequest) -> TargetRequest | None:
    """Return the target given by target_price, target_points or target_percent."""
    target = TargetRequest(
        price=request.target_price, points=request.target_points, percent=request.target_percent
    )
    return None if target == TargetRequest() else target


def target_requests(request: BracketOrderRequest) -> tuple[TargetRequest, ...]:
    """Return the targets in the order they were given."""
    single = single_target(request)
    if request.targets is not None:
        return request.targets
    return () if single is None else (single,)


def target_specs(target: TargetRequest) -> tuple[PriceSpec, ...]:
    """Return every way one target's price was given."""
    return specs(price=target.price, points=target.points, percent=target.percent)


def entry_reference(request: BracketOrderRequest, quote: Quote | None) -> Decimal | None:
    """Return the price the entry is expected to fill at, in rupees; None when nobody can say."""
    match order_type_of(request):
        case OrderType.MARKET:
            return positive(request.entry_price) if quote is None else quote.last
        case OrderType.SL_M:
            return positive(request.trigger_price)
        case _:
            return positive(request.entry_price)


def slippage_reference(request: BracketOrderRequest, quote: Quote | None) -> Decimal | None:
    """Return the price that max_slippage counts from: the signal's where it has one, else the market's.

    A stop entry's limit already bounds its fill, so for it slippage begins at the trigger.
    """
    match order_type_of(request):
        case OrderType.SL | OrderType.SL_M:
            return positive(request.trigger_price)
        case OrderType.MARKET:
            return positive(request.entry_price) or (None if quote is None else quote.last)
        case _:
            return positive(request.entry_price)


def nearest_first(
    targets: Sequence[TargetRequest], *, side: Side, reference: Decimal | None
) -> list[TargetRequest]:
    """Return targets by their distance from the entry; as given when they cannot be compared."""
    distances = [_distance(target, side=side, reference=reference) for target in targets]
    known = [distance for distance in distances if distance is not None]
    comparable = reference is not None or len({mode for mode, _ in known}) == 1
    if len(known) < len(distances) or not comparable:
        return list(targets)
    order = sorted(range(len(targets)), key=lambda place: known[place][1])
    return [targets[place] for place in order]


def only_usable(specs: tuple[PriceSpec, ...]) -> PriceSpec | None:
    """Return the one price that was given, when it was given in exactly one way and can be used."""
    return specs[0] if len(specs) == 1 and specs[0].value > 0 else None


def positive(value: Decimal | None) -> Decimal | None:
    """Return value when it is a usable price; clients send 0 for "none"."""
    return value if value is not None and value > 0 else None


def topology_of(capabilities: BrokerCapabilities, product: Product, *, exchange: str) -> Topology | None:
    """Return how the broker holds this product's exits there; None when it cannot."""
    by_exchange = capabilities.topologies.get(f"{product}:{exchange}")
    return capabilities.topologies.get(str(product)) if by_exchange is None else by_exchange


def entry_order_type(capabilities: BrokerCapabilities, order_type: OrderType, *, exchange: str) -> OrderType:
    """Return how an entry of this type is sent there: SL-M as SL where the exchange does not take it."""
    if order_type is not OrderType.SL_M:
        return order_type
    is_taken = exchange in capabilities.stop_market_exchanges and OrderType.SL_M in capabilities.order_types
    return OrderType.SL_M if is_taken else OrderType.SL


def fallback_of(capabilities: BrokerCapabilities, product: Product, *, exchange: str) -> Topology:
    """Return what holds this product's exits there when a native bracket cannot, or does no more."""
    by_exchange = capabilities.fallbacks.get(f"{product}:{exchange}")
    return by_exchange or capabilities.fallbacks.get(str(product), Topology.MORPH)


def holding_of(plan: Plan) -> Topology:
    """Return how exits that we place ourselves are held."""
    if plan.topology is not Topology.NATIVE:
        return plan.topology
    return fallback_of(plan.capabilities, plan.product, exchange=plan.instrument.exchange)


def survives_day(
    capabilities: BrokerCapabilities, product: Product, *, exchange: str, topology: Topology | None
) -> bool:
    """Return whether the broker can keep this product's protection overnight there, held like this."""
    if is_stand_in(capabilities, product, exchange=exchange, topology=topology):
        return False  # the night is said of the native bracket: a resting stop is for the day
    key = f"{product}:{exchange}"
    # What is said for the exchange replaces what is said for the product, in both tables.
    if key in capabilities.topologies or key in capabilities.overnight:
        return key in capabilities.overnight
    return str(product) in capabilities.overnight


def is_stand_in(
    capabilities: BrokerCapabilities, product: Product, *, exchange: str, topology: Topology | None
) -> bool:
    """Return whether a resting stop holds what the broker would have held by a native bracket."""
    declared = topology_of(capabilities, product, exchange=exchange)
    return declared is Topology.NATIVE and topology is Topology.MORPH


def _distance(
    target: TargetRequest, *, side: Side, reference: Decimal | None
) -> tuple[PriceMode, Decimal] | None:
    given = target_specs(target)
    if len(given) != 1:
        return None
    (spec,) = given
    if reference is not None:
        price = resolve(spec, reference=reference, side=side, role=Purpose.TARGET)
        return spec.mode, (price - reference) * side.sign
    # Without a reference, targets of one mode still have an order among themselves.
    return spec.mode, spec.value * side.sign if spec.mode is PriceMode.ABSOLUTE else spec.value


def _word(words: type[_Word], text: str | None) -> _Word | None:
    spelled = "" if text is None else text.strip().upper()
    return _by_spelling(words).get(spelled)


@cache
def _by_spelling(words: type[_Word]) -> dict[str, _Word]:
    return {word.value: word for word in words}
