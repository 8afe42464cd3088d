"""A GTT's rules: an id of its own for each, and the bodies that place and move them. Pure."""

from decimal import Decimal
from typing import NamedTuple

from broker.base import OrderRejected, OrderRequest
from broker.upstox.mapping import OWN_PROTECTION, Body, priced
from broker.upstox.schemas import Gtt, Rule
from broker.upstox.words import PRODUCTS
from services.bracket.model import OrderType, RefusalKind, Terms

ENTRY, STOP, TARGET = "ENTRY", "STOPLOSS", "TARGET"
MULTIPLE = "MULTIPLE"


class Part(NamedTuple):
    """One rule of a GTT, as an id names it."""

    gtt_id: str
    strategy: str


def part_id(gtt_id: str, strategy: str) -> str:
    return f"{gtt_id}:{strategy}"


def part_of(broker_order_id: str) -> Part | None:
    """Return the rule of a GTT that an id names, None for a regular order's."""
    gtt_id, separator, strategy = broker_order_id.partition(":")
    return Part(gtt_id, strategy) if separator else None


def gtt_body(order: OrderRequest, instrument_key: str) -> Body:
    """Return what places an entry with its exits. Raises OrderRejected for what cannot be one.

    An IMMEDIATE entry is a limit at its trigger price. Every rule places a limit; the stop's reaches beyond
    its trigger by the exchange's own band, or a falling market would leave it unfilled.
    """
    if order.terms.order_type is not OrderType.LIMIT:
        raise OrderRejected(f"a GTT's entry is a LIMIT, not a {order.terms.order_type} order")
    return {
        "type": MULTIPLE,
        "quantity": order.terms.quantity,
        "product": PRODUCTS[order.product],
        "rules": _asked_rules(order.terms),
        "instrument_token": instrument_key,
        "transaction_type": order.side.value,
    }


def _asked_rules(terms: Terms) -> list[Body]:
    return [
        _asked_rule(ENTRY, priced(terms.price, "price", terms)),
        _asked_rule(TARGET, priced(terms.target_price, "target price", terms)),
        _asked_rule(STOP, priced(terms.stop_trigger, "stop price", terms)),
    ]


def _asked_rule(strategy: str, level: Decimal, trigger_type: str = "IMMEDIATE") -> Body:
    rule: Body = {"strategy": strategy, "trigger_type": trigger_type, "trigger_price": level}
    return rule | ({"market_protection": OWN_PROTECTION} if strategy == STOP else {})


def change_body(gtt: Gtt, strategy: str, terms: Terms) -> Body:
    """Return what moves one rule: a change names them all. Raises OrderRejected when a price is missing."""
    asked = _asked_levels(strategy, terms)
    rules = [
        _asked_rule(rule.strategy, asked.get(rule.strategy, rule.trigger_price), rule.trigger_type)
        for rule in gtt.rules
    ]
    # The quantity of an entry that works is frozen, and an exit's is the broker's business.
    quantity = terms.quantity if strategy == ENTRY and rule_of(gtt, ENTRY).order_id is None else gtt.quantity
    return {"type": gtt.type, "quantity": quantity, "gtt_order_id": gtt.gtt_order_id, "rules": rules}


def _asked_levels(strategy: str, terms: Terms) -> dict[str, Decimal]:
    match strategy:
        case "STOPLOSS":
            return {STOP: priced(terms.trigger_price, "trigger price", terms)}
        case "TARGET":
            return {TARGET: priced(terms.price, "price", terms)}
        case _:
            levels = {ENTRY: terms.price, STOP: terms.stop_trigger, TARGET: terms.target_price}
            return {name: level for name, level in levels.items() if level is not None}


def rule_of(gtt: Gtt, strategy: str) -> Rule:
    """Return a GTT's rule. Raises OrderRejected where it has none."""
    for rule in gtt.rules:
        if rule.strategy == strategy:
            return rule
    raise OrderRejected(f"GTT {gtt.gtt_order_id} has no rule {strategy}", RefusalKind.NOT_FOUND)
