"""Changing and cancelling orders by the id a client knows: a plain order's, a bracket entry's, anybody's."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace

from broker.base import AuthDead, BrokerAccount, NotSent, OrderRejected, OutcomeUnknown
from database.auth_db import Caller
from database.bracket_db import load
from database.order_owner import bracket_of_order
from database.plain_order_db import PlainKind, PlainOrder, PlainStatus, plain_order
from database.session import StorageError
from services import account_books
from services.bracket.model import Bracket, GttRequest, GttStatus, Mode, OrderRow, Role, Side
from services.bracket.tags import is_ours
from services.bracket.violations import Code, invalid
from services.bracket_change_service import BracketChanges, cancel_bracket_order, modify_bracket_order
from services.desk import Desk
from services.errors import BracketDenied, BrokerUnavailable, NotFound, OrderRefused
from services.plain.keeping import keep
from services.plain.leaving import refuse_growth
from services.plain.orders import ANSWER_SECONDS, GttAsked, checked, gtt_instrument
from services.plain.request import PlainOrderRequest, terms_of
from services.plain.sending import fenced

logger = logging.getLogger(__name__)

_NOTHING_THERE = (PlainStatus.REJECTED, PlainStatus.NOT_SENT, PlainStatus.ABSENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What became of a change. is_confirmed False: sent, and the broker has not said what came of it."""

    order_id: str
    is_confirmed: bool = True
    bracket: Bracket | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    order_id: str  # the broker's
    mode: Mode
    own: Mapping[str, str]  # what a change cannot change, by its name in a request
    plain: PlainOrder | None = None


def modify_order(desk: Desk, order_id: str, asked: PlainOrderRequest, caller: Caller) -> Changed:
    """Change an order; of a bracket's entry only the price. Raises NotFound, BracketDenied, OrderRefused."""
    bracket = _bracket(desk, caller, order_id)
    if bracket is not None:
        return _modified_entry(desk, bracket, asked, caller)
    target = _order(desk, caller, order_id)
    _refuse_others(target.own, _named(asked))
    checked(desk, asked, replace(caller, mode=target.mode))
    terms = terms_of(asked)
    refuse_growth(desk, replace(caller, mode=target.mode), target.order_id, to=terms.quantity)

    def call(broker: BrokerAccount) -> None:
        broker.modify_order(target.order_id, terms, uses_reserve=False)

    return _sent(desk, caller, target, kind="modify", call=call, urgent=False)


def cancel_order(desk: Desk, order_id: str, caller: Caller) -> Changed:
    """Cancel an order; of a bracket only an unfilled entry. Raises NotFound, BracketDenied, OrderRefused."""
    bracket = _bracket(desk, caller, order_id)
    if bracket is not None:
        cancelled = cancel_bracket_order(desk, caller, bracket.id, if_filled=None)
        return Changed(order_id=order_id, bracket=cancelled)
    target = _order(desk, caller, order_id)

    def call(broker: BrokerAccount) -> None:
        broker.cancel_order(target.order_id)

    return _sent(desk, caller, target, kind="cancel", call=call, urgent=True)


def modify_gtt(desk: Desk, trigger_id: str, asked: GttAsked, caller: Caller) -> Changed:
    """Replace a GTT as a whole; instrument and side stay. Raises as modify_order does."""
    target = _gtt(desk, caller, trigger_id)
    _refuse_others(target.own, {"exchange": asked.exchange, "symbol": asked.symbol, "action": asked.side})
    gtt_instrument(desk, asked, replace(caller, mode=target.mode))
    key = (asked.exchange, asked.symbol)
    quote = account_books.quotes(desk, replace(caller, mode=target.mode), frozenset({key})).get(key)
    if quote is None:
        raise BrokerUnavailable(f"there is no quote of {asked.symbol}, and a GTT needs the last price")
    request = GttRequest(
        exchange=asked.exchange,
        symbol=asked.symbol,
        product=asked.product,
        side=asked.side,
        terms=asked.terms,
        last_price=quote.last,
        uses_reserve=False,
    )

    def call(broker: BrokerAccount) -> None:
        broker.modify_gtt(target.order_id, request)

    return _sent(desk, caller, target, kind="modify", call=call, urgent=False)


def cancel_gtt(desk: Desk, trigger_id: str, caller: Caller) -> Changed:
    """Delete a GTT that is no bracket's. Raises as cancel_order does."""
    target = _gtt(desk, caller, trigger_id)

    def call(broker: BrokerAccount) -> None:
        broker.cancel_gtt(target.order_id)

    return _sent(desk, caller, target, kind="cancel", call=call, urgent=True)


def _bracket(desk: Desk, caller: Caller, order_id: str) -> Bracket | None:
    """Return the bracket whose entry an id names; an exit's id is refused."""
    named = load(desk.db, order_id)
    if named is not None and named.plan.account_id == caller.account_id:
        return named
    owner = bracket_of_order(desk.db, caller.account_id, order_id=order_id)
    if owner is None:
        return None
    leg = next(leg for leg in owner.legs if leg.broker_order_id == order_id)
    if leg.role is not Role.ENTRY:
        raise _denied(
            f"order {order_id} is an exit of bracket {owner.id}: use modifybracketorder, exitbracketorder"
            " or cancelbracketorder"
        )
    return owner


def _modified_entry(desk: Desk, bracket: Bracket, asked: PlainOrderRequest, caller: Caller) -> Changed:
    plan = bracket.plan
    own = {
        **_own(plan.instrument.exchange, plan.instrument.symbol, side=plan.side, product=plan.product),
        "pricetype": plan.entry.order_type,
        "quantity": str(plan.quantity),
    }
    named = {**_named(asked), "pricetype": asked.pricetype, "quantity": str(asked.quantity)}
    if asked.trigger_price and asked.trigger_price != plan.entry.trigger_price:
        own["trigger_price"] = str(plan.entry.trigger_price or "none")
        named["trigger_price"] = str(asked.trigger_price)
    _refuse_others(own, named)
    changes = BracketChanges(entry_price=asked.price)
    changed = modify_bracket_order(desk, caller, bracket.id, changes=changes)
    return Changed(order_id=bracket.id, bracket=changed)


def _order(desk: Desk, caller: Caller, order_id: str) -> _Target:
    plain = plain_order(desk.db, caller.account_id, order_id=order_id)
    if plain is not None and plain.kind is PlainKind.ORDER:
        return _target_of(plain)
    for row in account_books.order_book(desk, caller):
        if row.broker_order_id == order_id:
            return _target_of_row(row, caller.mode)
    raise NotFound(f"Order {order_id} not found")


def _target_of_row(row: OrderRow, mode: Mode) -> _Target:
    if is_ours(row.tag):
        # Its id is not stored yet, or nobody would have come here.
        raise _denied(f"order {row.broker_order_id} belongs to a bracket that is being resolved")
    own = _own(row.exchange, row.symbol, side=row.side, product=row.product)
    return _Target(order_id=row.broker_order_id, mode=mode, own=own)


def _gtt(desk: Desk, caller: Caller, trigger_id: str) -> _Target:
    owner = bracket_of_order(desk.db, caller.account_id, order_id=trigger_id)
    if owner is not None:
        raise _denied(
            f"GTT {trigger_id} protects bracket {owner.id}: use modifybracketorder, exitbracketorder"
            " or cancelbracketorder",
            "trigger_id",
        )
    plain = plain_order(desk.db, caller.account_id, order_id=trigger_id)
    if plain is not None and plain.kind is PlainKind.GTT:
        return _target_of(plain)
    for row in account_books.gtt_book(desk, caller):
        if row.trigger_id == trigger_id and row.status is GttStatus.ACTIVE:
            own = _own(row.exchange, row.symbol, side=row.side, product=row.product)
            return _Target(order_id=trigger_id, mode=caller.mode, own=own)
    raise NotFound(f"GTT {trigger_id} not found")


def _target_of(plain: PlainOrder) -> _Target:
    if plain.status in _NOTHING_THERE:
        raise _denied(f"order {plain.id} does not exist at the broker: {plain.status}")
    if plain.broker_order_id is None:
        raise _denied(f"order {plain.id} has no answer of the broker yet: it is being looked for")
    own = _own(plain.exchange, plain.symbol, side=plain.side, product=plain.product)
    return _Target(order_id=plain.broker_order_id, mode=plain.mode, own=own, plain=plain)


def _own(exchange: str, symbol: str, *, side: Side, product: str) -> dict[str, str]:
    return {"exchange": exchange, "symbol": symbol, "action": side, "product": product}


def _named(asked: PlainOrderRequest) -> dict[str, str]:
    words = {"exchange": asked.exchange, "symbol": asked.symbol, "action": asked.action}
    return {name: word or "" for name, word in words.items()} | {"product": asked.product}


def _refuse_others(own: Mapping[str, str], named: Mapping[str, str]) -> None:
    """Deny a change that names something else than what it would change: it may mean another order."""
    faults = [
        invalid(name, f"{name} {word} cannot replace {own[name]}: it stays as it was ordered")
        for name, word in named.items()
        if word.strip().upper() != own[name]
    ]
    if faults:
        raise BracketDenied(faults)


def _sent(
    desk: Desk,
    caller: Caller,
    target: _Target,
    *,
    kind: str,
    call: Callable[[BrokerAccount], None],
    urgent: bool,
) -> Changed:
    line = desk.supervisor.worker(caller.account_id, target.mode).line
    intended = desk.now()
    plain = _noted(desk, target.plain, f"{kind}_sent")
    if not urgent:
        call = fenced(call, clock=desk.clock, intended=intended)
    try:
        line.write(call, urgent=urgent).result(timeout=ANSWER_SECONDS)
    except OrderRejected as exc:
        _learned(desk, plain, f"{kind}_refused", exc.reason)
        raise OrderRefused(f"Order {target.order_id} was not changed: {exc.reason}") from exc
    except NotSent as exc:
        _learned(desk, plain, f"{kind}_not_sent", str(exc))
        raise BrokerUnavailable("Broker API error") from exc
    except (OutcomeUnknown, AuthDead, NotYet) as exc:
        # Said twice it does no harm: the client may ask again, and the book tells what is so.
        _learned(desk, plain, f"{kind}_unknown", str(exc))
        return Changed(order_id=target.order_id, is_confirmed=False)
    _learned(desk, plain, f"{kind}_acknowledged")
    return Changed(order_id=target.order_id)


def _noted(desk: Desk, plain: PlainOrder | None, kind: str, reason: str | None = None) -> PlainOrder | None:
    if plain is None:
        return None
    return keep(desk, plain, kind, reason=reason)


def _learned(desk: Desk, plain: PlainOrder | None, kind: str, reason: str | None = None) -> None:
    """Note what came of a change that was sent: it is so whether or not it can be stored."""
    try:
        _noted(desk, plain, kind, reason)
    except StorageError:
        logger.critical("%s could not be stored of a plain order", kind, exc_info=True)


def _denied(sentence: str, field: str = "orderid") -> BracketDenied:
    return BracketDenied.of(field, Code.REQUEST_INVALID, sentence)
