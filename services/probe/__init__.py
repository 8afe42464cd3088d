"""Finds out with one lot at a broker what its matrix only assumes.

What is placed stands so far from the market that it should not fill. Should a broker fill it all the same,
because it makes something else of it, what was bought is sold again at the market, and said.
"""

from services.bracket.model import Product, Topology
from services.bracket.rules.words import products_on
from services.bracket.terms import fallback_of, topology_of
from services.probe.bench import Bench, Cost, ProbeFailed, cost_of
from services.probe.gtts import GttProbe
from services.probe.orders import OrderProbe
from services.probe.report import Finding

__all__ = ["Bench", "Cost", "ProbeFailed", "cost_of", "held_products", "probe"]


def held_products(bench: Bench) -> list[Product]:
    """Return the products whose exits can be held in the instrument's exchange."""
    there = map(Product, products_on(bench.instrument.exchange))
    return [product for product in there if _held(bench, product) is not None]


def probe(bench: Bench, product: Product) -> list[Finding]:
    """Return what came out for a product. Raises ProbeFailed when nothing of it could be placed."""
    held = _held(bench, product)
    if held is None:
        raise ProbeFailed(f"product {product} is not held at {bench.instrument.exchange}: nothing to check")
    findings = OrderProbe(bench).findings(product)
    # Where an OCO only stands in for the broker's own bracket it may want the shares that it would sell.
    has_gtt = (
        topology_of(bench.broker.capabilities, product, exchange=bench.instrument.exchange) is Topology.OCO
    )
    return findings + ([GttProbe(bench).finding(product)] if has_gtt else [])


def _held(bench: Bench, product: Product) -> Topology | None:
    """Return what holds a product there: of a broker's own bracket, what would take its place."""
    can, exchange = bench.broker.capabilities, bench.instrument.exchange
    held = topology_of(can, product, exchange=exchange)
    return fallback_of(can, product, exchange=exchange) if held is Topology.NATIVE else held
