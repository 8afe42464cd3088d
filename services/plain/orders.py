"""Placing plain orders and GTTs: stored, then sent once, then told as far as it is known."""

import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import msgspec
from ulid import ULID

from broker.base import BrokerAccount
from database.auth_db import Caller
from database.bracket_db import find_claim
from database.order_owner import has_open_bracket
from database.plain_order_db import (
    PlainKind,
    PlainOrder,
    PlainStatus,
    insert_plain_order,
    plain_order,
    plain_order_for,
)
from database.session import StorageError
from services import account_books, listings
from services.bracket.model import Instrument, KillMode, Moment, Product, Side, Terms
from services.bracket.tags import plain_tag_of
from services.desk import Desk
from services.errors import (
    BracketDenied,
    BrokerUnavailable,
    IdempotencyConflict,
    Killed,
    OrderRefused,
    SymbolConflict,
)
from services.plain.keeping import keep
from services.plain.leaving import kill_mode, refuse_unless_it_leaves
from services.plain.request import PlainOrderRequest, faults, terms_of
from services.plain.sending import Outcome, send
from utils.checkpoint import reach

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GttAsked:
    """A GTT without faults of its own; the symbol is not looked up yet."""

    strategy: str
    exchange: str
    symbol: str
    product: Product
    side: Side
    terms: Terms


def place_plain_order(desk: Desk, asked: PlainOrderRequest, caller: Caller) -> PlainOrder:
    """Place an order that nothing protects. An order whose outcome is not known is a success that says so.

    Raises BracketDenied, Killed, IdempotencyConflict, NotStored (nothing stored, nothing sent),
    OrderRefused (the broker's no, stored) and BrokerUnavailable (provably nothing was placed).
    """
    body_hash = hashlib.sha256(msgspec.json.encode(replace(asked, client_order_id=None))).hexdigest()
    known = _known(desk, caller, asked.client_order_id)
    if known is not None:
        return _told(_same(known, body_hash))
    instrument = checked(desk, asked, caller)
    order = _new(
        desk,
        caller,
        PlainKind.ORDER,
        instrument=instrument,
        product=Product(asked.product.strip().upper()),
        side=Side((asked.action or "").strip().upper()),
        terms=terms_of(asked),
        strategy=asked.strategy,
    )
    order = replace(
        order,
        disclosed_quantity=asked.disclosed_quantity,
        client_order_id=asked.client_order_id,
        body_hash=body_hash,
    )
    with _held_while_killed(desk, order):
        order, intended = replace(order, sent_at=desk.clock.now()), desk.now()
        taken = _store(desk, order)
    return _send(desk, order, intended) if taken is None else _told(_same(taken, body_hash))


def place_plain_gtt(desk: Desk, asked: GttAsked, caller: Caller) -> PlainOrder:
    """Place a GTT of its own. Raises what place_plain_order raises, and SymbolConflict."""
    mode = kill_mode(desk, caller.account_id, caller.mode)
    if mode is not KillMode.OFF:
        raise Killed(f"the kill switch is set to {mode}: no new triggers")
    instrument = gtt_instrument(desk, asked, caller)
    key = (asked.exchange, asked.symbol)
    quote = account_books.quotes(desk, caller, frozenset({key})).get(key)
    if quote is None:
        raise BrokerUnavailable(f"there is no quote of {asked.symbol}, and a GTT needs the last price")
    order = _new(
        desk,
        caller,
        PlainKind.GTT,
        instrument=instrument,
        product=asked.product,
        side=asked.side,
        terms=asked.terms,
        strategy=asked.strategy,
        last_price=quote.last,
    )
    with desk.account_locks[caller.account_id]:
        _refuse_beside_a_bracket(desk, order)
        intended = desk.now()
        _store(desk, order)
    return _send(desk, order, intended)


def refuse_if_used(desk: Desk, caller: Caller, client_order_id: str | None) -> None:
    """Raise IdempotencyConflict for the id of a plain order: what comes now is to be a bracket."""
    if client_order_id is None:
        return
    if plain_order_for(desk.db, caller.account_id, key=client_order_id) is not None:
        raise IdempotencyConflict(f"client_order_id {client_order_id} was used for an order without a stop")


def checked(desk: Desk, asked: PlainOrderRequest, caller: Caller) -> Instrument:
    """Return the instrument of a request that has no faults. Raises BracketDenied with all of them."""
    instrument = None
    if asked.exchange and asked.symbol:
        exchange, symbol = asked.exchange.strip().upper(), asked.symbol.strip().upper()
        instrument = listings.instrument(desk, caller, exchange, symbol=symbol)
    found = faults(
        asked, capabilities=desk.capabilities_for(caller), instrument=instrument, now=desk.clock.now()
    )
    if found or instrument is None:
        raise BracketDenied(found)
    return instrument


def gtt_instrument(desk: Desk, asked: GttAsked, caller: Caller) -> Instrument:
    """Return the instrument of a GTT; its prices must be on the tick. Raises BracketDenied."""
    terms = asked.terms
    legs = [(terms.trigger_price, terms.price), (terms.target_trigger, terms.target_price)]
    found: Instrument | None = None
    for price in (one for leg in legs for one in leg if one is not None):
        entry = PlainOrderRequest(
            symbol=asked.symbol,
            exchange=asked.exchange,
            action=asked.side,
            product=asked.product,
            pricetype="LIMIT",
            quantity=terms.quantity,
            price=price,
        )
        found = checked(desk, entry, caller)
    if found is None:
        raise AssertionError("a GTT has a price")
    return found


def _known(desk: Desk, caller: Caller, client_order_id: str | None) -> PlainOrder | None:
    if client_order_id is None:
        return None
    if find_claim(desk.db, caller.account_id, key=client_order_id) is not None:
        raise IdempotencyConflict(f"client_order_id {client_order_id} was used for a bracket")
    return plain_order_for(desk.db, caller.account_id, key=client_order_id)


def _same(known: PlainOrder, body_hash: str) -> PlainOrder:
    if known.body_hash != body_hash:
        raise IdempotencyConflict(f"client_order_id {known.client_order_id} was used for another order")
    return known


def _new(
    desk: Desk,
    caller: Caller,
    kind: PlainKind,
    *,
    instrument: Instrument,
    product: Product,
    side: Side,
    terms: Terms,
    strategy: str,
    last_price: Decimal | None = None,
) -> PlainOrder:
    order_id = str(ULID())
    return PlainOrder(
        id=order_id,
        account_id=caller.account_id,
        mode=caller.mode,
        kind=kind,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        product=product,
        side=side,
        terms=terms,
        tag=plain_tag_of(order_id),
        strategy=strategy,
        sent_at=desk.clock.now(),
        last_price=last_price,
    )


def _refuse_beside_a_bracket(desk: Desk, order: PlainOrder) -> None:
    place = {"exchange": order.exchange, "symbol": order.symbol, "mode": order.mode}
    if has_open_bracket(desk.db, order.account_id, **place):
        # A GTT carries no tag: an unanswered one of the bracket's could be taken for this one.
        raise SymbolConflict(
            f"a bracket is open in {order.symbol}: its GTTs and yours could not be told apart"
        )


@contextmanager
def _held_while_killed(desk: Desk, order: PlainOrder) -> Iterator[None]:
    """Let an order be stored; while the switch is on one after the other, and only one that leaves."""
    mode = kill_mode(desk, order.account_id, order.mode)
    if mode is KillMode.OFF:
        yield
        return
    with desk.account_locks[order.account_id]:
        refuse_unless_it_leaves(desk, order, mode)
        yield


def _store(desk: Desk, order: PlainOrder) -> PlainOrder | None:
    reach("storing plain order")
    taken = insert_plain_order(desk.db, order)
    reach("stored plain order")
    return taken


def _send(desk: Desk, order: PlainOrder, intended: Moment) -> PlainOrder:
    line = desk.supervisor.worker(order.account_id, order.mode).line
    reply = line.write(partial(_perform, desk, order, intended))
    try:
        return _told(reply.result(timeout=ANSWER_SECONDS))
    except NotYet:
        # Still under way: what is known is in the store, and the caller is told that it is not known.
        return plain_order(desk.db, order.account_id, order_id=order.id) or order


def _perform(desk: Desk, order: PlainOrder, intended: Moment, broker: BrokerAccount) -> PlainOrder:
    try:
        outcome = send(broker, order, clock=desk.clock, intended=intended)
    except Exception:
        # An adapter broke its promise. The order may exist: that is what unknown means.
        logger.exception("the broker adapter failed")
        outcome = Outcome(status=PlainStatus.UNKNOWN, reason="the broker adapter failed")
    reach("sent plain order")
    known = replace(
        order,
        status=outcome.status,
        broker_order_id=outcome.broker_order_id,
        reason=outcome.reason,
    )
    try:
        return keep(desk, known, known.status, reason=known.reason)
    except StorageError:
        # It stays SENT in the store: looked for by its tag like any order without an answer.
        logger.critical("the answer to plain order %s could not be stored", order.id, exc_info=True)
        return known
    finally:
        if outcome.status is PlainStatus.UNKNOWN:
            desk.plain_order_lost.set()


def _told(order: PlainOrder) -> PlainOrder:
    """Return the order, or raise what its end amounts to."""
    match order.status:
        case PlainStatus.REJECTED:
            raise OrderRefused(f"Order failed: {order.reason}")
        case PlainStatus.NOT_SENT | PlainStatus.ABSENT:
            raise BrokerUnavailable("Broker API error")
        case _:
            return order
