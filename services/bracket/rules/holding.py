"""Whether the broker can hold the exits at all: product, exchange, topology, night and price band."""

from collections.abc import Iterator

from services.bracket import terms
from services.bracket.calendar import cutoff
from services.bracket.model import Product, Purpose, Side, Topology
from services.bracket.rules.facts import Facts
from services.bracket.rules.words import products_on
from services.bracket.violations import Code, Violation
from utils.constants import EXCHANGE_ZONE, VALID_EXCHANGES


def check_holding(facts: Facts) -> Iterator[Violation]:
    """Yield why filled shares could not be protected, with what would work instead."""
    product, exchange, side = facts.product, facts.exchange, facts.side
    if product is None or exchange not in VALID_EXCHANGES or product not in products_on(exchange):
        return
    if exchange not in facts.capabilities.exchanges:
        return
    yield from _topology(facts, product, exchange=exchange)
    yield from _prices(facts, product, exchange=exchange)
    if side is Side.SELL:
        yield from _short(facts, product, exchange=exchange)
    yield from _night(facts, product, exchange=exchange)
    yield from _band(facts, product, exchange=exchange)


# Consent cannot help: nothing in this version watches over both, and one that is not watched sells twice.
_UNLINKED = "which this version does not place, with allow_unlinked_exits neither"


def _cannot(field: str, sentence: str) -> Violation:
    return Violation(field=field, code=Code.CANNOT_PROTECT, sentence=sentence)


def _topology(facts: Facts, product: Product, *, exchange: str) -> Iterator[Violation]:
    topology = facts.topology_of(product, exchange=exchange)
    if topology is None:
        sentence = f"product {product} on {exchange} cannot be protected at this broker"
        yield _cannot("product", sentence + _instead(_working(facts, product, exchange=exchange)))
    elif topology is Topology.LOOSE:
        sentence = (
            f"product {product} on {exchange} can only be held by two exits that do not cancel each other,"
            f" {_UNLINKED}"
        )
        yield _cannot("product", sentence + _instead(_working(facts, product, exchange=exchange)))


def _prices(facts: Facts, product: Product, *, exchange: str) -> Iterator[Violation]:
    """What only a price can set off, or place, is no protection where no price comes."""
    if facts.capabilities.gives_quotes:
        return
    match facts.topology_of(product, exchange=exchange):
        case Topology.MORPH:
            need = f"the target of product {product} on {exchange} is watched by its price"
        case Topology.OCO:
            need = f"the broker's trigger (GTT) for product {product} on {exchange} needs the last price"
        case _:
            return
    yield _cannot("product", f"{need}, and this account's plan at the broker gives no prices")


def _short(facts: Facts, product: Product, *, exchange: str) -> Iterator[Violation]:
    topology = facts.topology_of(product, exchange=exchange)
    if product in (Product.CNC, Product.MTF) and exchange != "US":
        sentence = (
            f"product {product} cannot be sold short on {exchange}: shares must be owned to deliver them"
        )
    elif topology is Topology.OCO and exchange not in facts.capabilities.oco_short_exchanges:
        sentence = f"a short position of product {product} on {exchange} cannot be protected at this broker"
    else:
        return
    yield _cannot("action", sentence + _instead(_working(facts, product, exchange=exchange)))


def _working(facts: Facts, product: Product, *, exchange: str) -> list[str]:
    """Return the other products that would be protected here, for this side."""
    others = (Product(name) for name in products_on(exchange) if name != product)
    return [str(other) for other in others if _holds(facts, other, exchange=exchange)]


def _holds(facts: Facts, product: Product, *, exchange: str) -> bool:
    topology = facts.topology_of(product, exchange=exchange)
    if topology is None or topology is Topology.LOOSE:
        return False
    if facts.side is not Side.SELL:
        return True
    is_delivery = product in (Product.CNC, Product.MTF) and exchange != "US"
    is_oco = topology is Topology.OCO and exchange not in facts.capabilities.oco_short_exchanges
    return not (is_delivery or is_oco)


def _instead(products: list[str]) -> str:
    return f"; use {' or '.join(products)}" if products else ""


def _night(facts: Facts, product: Product, *, exchange: str) -> Iterator[Violation]:
    ends_at = None if facts.session is None else cutoff(facts.session, product)
    if product is terms.INTRADAY or ends_at is None or facts.request.exit_at is not None:
        return
    topology = facts.topology_of(product, exchange=exchange)
    if topology is None:
        return
    if not terms.survives_day(facts.capabilities, product, exchange=exchange, topology=topology):
        last = ends_at.astimezone(EXCHANGE_ZONE).strftime("%H:%M")
        held = f"product {product} on {exchange} cannot be protected overnight at this broker"
        if terms.is_stand_in(facts.capabilities, product, exchange=exchange, topology=topology):
            held += f" but by its own bracket order ({_native_form(facts)})"
        sentence = f"{held}: send exit_at before {last}, or use MIS"
        if facts.request.allow_unlinked_exits:
            sentence += f"; two exits that do not cancel each other are no way out, {_UNLINKED}"
        yield _cannot("exit_at", sentence)


def _native_form(facts: Facts) -> str:
    types = " or ".join(sorted(facts.capabilities.native_entry_types))
    return f"{types} entry, one target, prices known before"


def _band(facts: Facts, product: Product, *, exchange: str) -> Iterator[Violation]:
    """A resting stop outside today's price band is refused by the exchange once the entry has filled."""
    if facts.topology_of(product, exchange=exchange) not in (Topology.MORPH, Topology.NATIVE):
        return
    stop, quote = facts.resolved(facts.stop, Purpose.STOP), facts.quote
    if stop is None or quote is None:
        return
    if quote.lower_band is not None and facts.side is Side.BUY and 0 < stop < quote.lower_band:
        yield _cannot("sl_price", f"stop {stop} is below today's lower price band {quote.lower_band}")
    if quote.upper_band is not None and facts.side is Side.SELL and stop > quote.upper_band:
        yield _cannot("sl_price", f"stop {stop} is above today's upper price band {quote.upper_band}")
