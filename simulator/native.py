"""A native bracket at the exchange: its entry, the two exits that came with it, and how one moves another.

Pure: every function returns orders as they become.
"""

from dataclasses import replace
from datetime import datetime

from services.bracket.model import OrderType, Purpose, RowStatus, Terms
from simulator.orders import STOPS, Order, accepted, ended
from simulator.settings import NativeSettings

_ENDED = frozenset({RowStatus.CANCELLED, RowStatus.REJECTED, RowStatus.EXPIRED})


def exit_terms(terms: Terms) -> dict[Purpose, Terms]:
    """Return what the stop and the target of a native entry say."""
    limit = terms.stop_limit
    stop = Terms(
        order_type=OrderType.SL_M if limit is None else OrderType.SL,
        quantity=terms.quantity,
        price=limit,
        trigger_price=terms.stop_trigger,
    )
    target = Terms(order_type=OrderType.LIMIT, quantity=terms.quantity, price=terms.target_price)
    return {Purpose.STOP: stop, Purpose.TARGET: target}


def brought_by(entry: Order, order_id: str, *, purpose: Purpose, terms: Terms) -> Order:
    """Return an exit as it waits for its entry."""
    return replace(
        entry,
        order_id=order_id,
        tag=None,
        side=entry.side.opposite,
        order_type=terms.order_type,
        price=terms.price,
        trigger_price=terms.trigger_price if terms.order_type in STOPS else None,
        parent_id=entry.order_id,
        exit_purpose=purpose,
        exit_ids=(),
    )


def after_entry(
    before: Order, entry: Order, exits: tuple[Order, ...], *, settings: NativeSettings, now: datetime
) -> list[Order]:
    """Return the exits that change because their entry filled or ended."""
    live = [one for one in exits if one.is_live]
    has_ended = before.is_live and entry.status in _ENDED
    if has_ended and (entry.filled == 0 or not settings.keeps_exits):
        return [ended(one, RowStatus.CANCELLED, now=now) for one in live]
    is_complete = entry.status is RowStatus.FILLED or has_ended
    if is_complete or (settings.arms_each_fill and entry.filled > before.filled):
        taken = sum(one.filled for one in exits)
        return [_armed(one, entry.filled - taken + one.filled, now=now) for one in live]
    return []


def _armed(order: Order, quantity: int, *, now: datetime) -> Order:
    """Return an exit at work for so many shares, its fill included."""
    armed = replace(order, quantity=quantity, updated_at=now)
    return accepted(armed, now) if order.is_held else armed


def after_exit(
    before: Order, order: Order, sibling: Order, *, settings: NativeSettings, now: datetime
) -> list[Order]:
    """Return the other exit, if it changes because this one triggered, filled or was cancelled."""
    if not sibling.is_live:
        return []
    grown = order.filled - before.filled
    has_begun = grown > 0 or (order.triggered and not before.triggered)
    was_cancelled = before.is_live and order.status is RowStatus.CANCELLED
    if (has_begun and not settings.reduces_sibling) or (was_cancelled and settings.cancels_both):
        return [ended(sibling, RowStatus.CANCELLED, now=now)]
    if grown == 0:
        return []
    left = replace(sibling, quantity=sibling.quantity - grown, updated_at=now)
    return [left if left.remaining > 0 else ended(sibling, RowStatus.CANCELLED, now=now)]


def moved_with(entry: Order, exits: tuple[Order, ...], terms: Terms) -> list[Order]:
    """Return the exits that wait for an entry under the terms that it was changed to."""
    wanted = exit_terms(terms)
    return [
        replace(
            one,
            price=wanted[one.exit_purpose].price,
            trigger_price=wanted[one.exit_purpose].trigger_price,
            updated_at=entry.updated_at,
        )
        for one in exits
        if one.is_held and one.exit_purpose is not None
    ]
