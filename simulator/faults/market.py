"""What the exchange and the risk desk do to orders: odd fills, late refusals, gaps, GTTs that fail."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.bracket.model import GttStatus, OrderType, RefusalKind, RowStatus, Side
from simulator.faults.base import Call, CallKind, Deed, Fault, Floor
from simulator.faults.calls import StuckChange
from simulator.faults.states import (
    CANCEL_CALL,
    ENTRY_LIVES,
    HAS_CANCELLED,
    HAS_FILLS,
    HELD,
    MORPHING,
    ORDER_LIVES,
)
from simulator.floor import TradingFloor
from simulator.gtt import Gtt
from simulator.ledger import Ledger
from simulator.matching import Fill
from simulator.orders import Order, ended

_RISK_WORDS = (RefusalKind.MARGIN, RefusalKind.BAND, RefusalKind.RMS, RefusalKind.UNCLASSIFIED)


def fill(floor: Floor, order: Order, quantity: int, price: Decimal | None = None) -> None:
    """Trade so many of an order with somebody, at its own limit or the last price."""

    def act(ledger: Ledger, desks: TradingFloor, now: datetime) -> None:
        market, current = ledger.market(order.key), ledger.orders.get(order.order_id)
        if current is None or not current.is_live or current.remaining <= 0:
            return  # another fault was faster in this very instant
        at = price or order.price or (market.last if market is not None else Decimal(1))
        filled = min(quantity, current.remaining)
        desks.orders._book(Fill(order_id=order.order_id, quantity=filled, price=at), now=now)

    floor.exchange.disturb(act)


def put(floor: Floor, order: Order) -> None:
    floor.exchange.disturb(lambda _ledger, desks, _now: desks.orders._put(order))


def put_gtt(floor: Floor, change: Callable[[datetime], Gtt]) -> None:
    floor.exchange.disturb(lambda _ledger, desks, now: desks.gtts._put(change(now)))


def active_gtts(floor: Floor) -> list[Gtt]:
    return floor.exchange.peek(
        lambda ledger: [
            gtt
            for gtt in ledger.gtts
            if gtt.status is GttStatus.ACTIVE and gtt.account_id == floor.account_id
        ]
    )


def is_entry(order: Order) -> bool:
    return order.tag is not None and order.tag[8:9] == "E"


def is_exit(order: Order) -> bool:
    return order.parent_id is not None or (order.tag is not None and order.tag[8:9] == "X")


def lot_of(floor: Floor, order: Order) -> int:
    return floor.exchange.instruments[order.key].lot_size


def tick_of(floor: Floor, order: Order | Gtt) -> Decimal:
    return floor.exchange.instruments[order.key].tick_size


def on_tick(price: Decimal, tick: Decimal) -> Decimal:
    return max(tick, (price / tick).to_integral_value() * tick)


def _age(order: Order, now: datetime) -> float:
    return (now - order.placed_at).total_seconds()


class RejectedLater(Fault):
    code = "F14"
    says = "acknowledged, then rejected by the risk desk 0.1 to 5 seconds later"
    usual_rate = 0.03
    where = ORDER_LIVES

    def act(self, floor: Floor) -> Deed | None:
        now = floor.wall
        fresh = [o for o in floor.ours() if o.is_live and o.filled == 0 and 0.1 <= _age(o, now) <= 5]
        dice = self.strikes() if fresh and floor.is_open else None
        if dice is None:
            return None
        order, kind = dice.choice(fresh), dice.choice(_RISK_WORDS)
        floor.exchange.disturb(lambda _l, desks, _n: desks.orders._pending.pop(order.order_id, None))
        put(floor, ended(order, RowStatus.REJECTED, now=now, reason=f"injected: {kind}", refusal=kind))
        return Deed(words=f"rejected later for {kind}", order_id=order.order_id)


class StuckPending(StuckChange):
    """Both halves of F15."""

    where = ORDER_LIVES

    def act(self, floor: Floor) -> Deed | None:
        now = floor.wall
        # An exit that came with its entry is let in by that, not by the desk.
        fresh = [
            o
            for o in floor.ours()
            if o.is_live and o.filled == 0 and o.parent_id is None and _age(o, now) <= 2
        ]
        dice = self.strikes() if fresh and floor.is_open else None
        if dice is None:
            return None
        order, until = dice.choice(fresh), now + timedelta(seconds=dice.uniform(1.0, 20.0))

        def act(_ledger: Ledger, desks: TradingFloor, _now: datetime) -> None:
            desks.orders._pending[order.order_id] = until
            desks.orders._put(replace(order, status=RowStatus.PENDING, accept_at=until, updated_at=now))

        floor.exchange.disturb(act)
        return Deed(words="stuck in OPEN PENDING", order_id=order.order_id)


class TradeBust(Fault):
    code = "F27"
    says = "a fill is taken back: the cumulated quantity decreases"
    usual_rate = 0.01
    where = HAS_FILLS
    excuses = frozenset({"I1", "I2", "I6", "I12", "I16"})
    breaks_assumptions = True

    def act(self, floor: Floor) -> Deed | None:
        filled = [o for o in floor.ours() if is_entry(o) and o.filled]
        dice = self.strikes() if filled and floor.is_open else None
        if dice is None:
            return None
        order = dice.choice(filled)
        trade = floor.exchange.peek(
            lambda ledger: next((t for t in ledger.trades if t.row.broker_order_id == order.order_id), None)
        )
        if trade is None:
            return None

        def act(ledger: Ledger, desks: TradingFloor, now: datetime) -> None:
            left, gone = order.filled - trade.row.quantity, trade.row
            ledger.trades.drop(gone.trade_id)
            position = ledger.position(order.account_id, order.key, product=order.product)
            taken = order.side.sign * gone.quantity
            ledger.put_position(replace(position, quantity=position.quantity - taken))
            status = RowStatus.CANCELLED if order.status is RowStatus.FILLED else order.status
            value = order.value - gone.quantity * gone.price
            desks.orders._put(replace(order, filled=left, value=value, status=status, updated_at=now))

        floor.exchange.disturb(act)
        return Deed(
            words=f"bust of {trade.row.quantity}",
            order_id=order.order_id,
            touches=frozenset({(order.symbol, order.product.value)}),
        )


class OddFills(Fault):
    code = "F40"
    says = "the entry fills lot by lot, in random lots, to 99 % and no further, or a lot too much"
    usual_rate = 0.25
    where = ENTRY_LIVES

    def act(self, floor: Floor) -> Deed | None:
        open_ones = [
            o for o in floor.ours() if is_entry(o) and o.status is RowStatus.OPEN and o.remaining > 0
        ]
        dice = self.strikes() if open_ones and floor.is_open else None
        if dice is None:
            return None
        order = dice.choice(open_ones)
        lot = lot_of(floor, order)
        how = dice.choice(("one lot", "one lot", "random lots", "almost all", "too much"))
        lots = order.remaining // lot
        if how == "random lots":
            lots = dice.randint(1, lots)
        elif how == "almost all":
            lots = max(1, lots - 1)
        elif how == "one lot":
            lots = 1
        fill(floor, order, min(order.remaining, lots * lot))
        if how == "too much":
            self._overfill(floor, order, lot)
        return Deed(words=how, order_id=order.order_id)

    def _overfill(self, floor: Floor, order: Order, lot: int) -> None:
        def act(ledger: Ledger, desks: TradingFloor, now: datetime) -> None:
            done = ledger.orders.get(order.order_id)
            if done is None or done.status is not RowStatus.FILLED:
                return
            wider = replace(done, quantity=done.quantity + lot, status=RowStatus.OPEN)
            ledger.put_order(wider)
            market = ledger.market(order.key)
            price = order.price or (market.last if market is not None else Decimal(1))
            desks.orders._book(Fill(order_id=order.order_id, quantity=lot, price=price), now=now)
            full = ledger.orders.get(order.order_id)
            if full is not None:
                desks.orders._put(replace(full, quantity=order.quantity))

        floor.exchange.disturb(act)


class FillDuringCancel(Fault):
    code = "F41"
    says = "a fill between our cancel and its effect"
    usual_rate = 0.5
    where = CANCEL_CALL & ENTRY_LIVES  # an order that is OPEN: an entry, or an exit on its way out

    def meanwhile(self, call: Call, floor: Floor) -> Deed | None:
        order = call.order
        if call.kind is not CallKind.CANCEL or order is None or order.status is not RowStatus.OPEN:
            return None
        if order.remaining <= 0 or not floor.is_open:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        lot = lot_of(floor, order)
        lots = dice.choice((1, max(1, order.remaining // lot)))
        fill(floor, order, min(order.remaining, lots * lot))
        return Deed(words="filled while it was being cancelled", order_id=order.order_id)


class CancelledByBroker(Fault):
    code = "F42"
    says = "the broker cancels the entry at 90 %"
    usual_rate = 0.05
    where = ENTRY_LIVES

    def act(self, floor: Floor) -> Deed | None:
        working = [o for o in floor.ours() if is_entry(o) and o.status is RowStatus.OPEN and o.remaining > 0]
        dice = self.strikes() if working and floor.is_open else None
        if dice is None:
            return None
        order = dice.choice(working)
        lot = lot_of(floor, order)
        wanted = order.quantity * 9 // 10 // lot * lot - order.filled
        if wanted > 0:
            fill(floor, order, wanted)
        now = floor.wall
        after = next(o for o in floor.fresh().ours() if o.order_id == order.order_id)
        if after.is_live:
            put(floor, ended(after, RowStatus.CANCELLED, now=now, reason="cancelled by the broker"))
        return Deed(words="cancelled by the broker at 90 %", order_id=order.order_id)


class StopPartThenTarget(Fault):
    code = "F43"
    says = "the stop fills in parts while the price jumps to the target"
    usual_rate = 0.02
    where = MORPHING

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._then: tuple[float, Order] | None = None

    def act(self, floor: Floor) -> Deed | None:
        if self._then is not None and floor.now >= self._then[0] and not self.is_over:
            fired, self._then = self._then[1], None
            away = Decimal("1.04") if fired.side is Side.SELL else Decimal("0.96")
            back = (fired.trigger_price or Decimal(1)) * away
            floor.jump(fired.key, on_tick(back, tick_of(floor, fired)), None)
            return Deed(words="back through the target", order_id=fired.order_id)
        order = self._a_stop(floor)
        if order is None:
            return None
        trigger = order.trigger_price or Decimal(1)
        floor.jump(order.key, trigger, lot_of(floor, order))
        self._then = (floor.now + 1.0, order)
        return Deed(words="the stop fires and fills in part", order_id=order.order_id)

    def _a_stop(self, floor: Floor) -> Order | None:
        stops = resting_stops(floor)
        dice = self.strikes() if stops and self._then is None and floor.is_open else None
        return None if dice is None else dice.choice(stops)


def resting_stops(floor: Floor) -> list[Order]:
    return [o for o in floor.ours() if is_exit(o) and o.status is RowStatus.TRIGGER_PENDING]


class GapThroughStop(Fault):
    code = "F44"
    says = "the stop fires and its limit is skipped by a gap"
    usual_rate = 0.02
    where = MORPHING

    def act(self, floor: Floor) -> Deed | None:
        stops = resting_stops(floor)
        dice = self.strikes() if stops and floor.is_open else None
        if dice is None:
            return None
        order = dice.choice(stops)
        limit = order.price or order.trigger_price or Decimal(1)
        beyond = 1 - Decimal(str(round(dice.uniform(0.005, 0.03), 4))) * order.side.opposite.sign
        floor.jump(order.key, on_tick(limit * beyond, tick_of(floor, order)), None)
        return Deed(words="a gap through stop and limit", order_id=order.order_id)


class ReturnThroughStop(Fault):
    code = "F45"
    says = "the morph to the target is done, and the price returns through the stop"
    usual_rate = 0.15
    where = MORPHING

    def act(self, floor: Floor) -> Deed | None:
        morphed = [
            o
            for o in floor.ours()
            if is_exit(o)
            and o.status is RowStatus.OPEN
            and o.order_type is OrderType.LIMIT
            and not o.triggered
        ]
        dice = self.strikes() if morphed and floor.is_open else None
        if dice is None:
            return None
        order = dice.choice(morphed)
        price = order.price or Decimal(1)
        back = 1 - Decimal("0.045") * order.side.opposite.sign
        floor.jump(order.key, on_tick(price * back, tick_of(floor, order)), None)
        return Deed(words="the price returns through the stop", order_id=order.order_id)


class Zombie(Fault):
    code = "F49"
    says = "a cancelled order fills after all: seconds later, an hour later, the next day"
    usual_rate = 0.02
    where = HAS_CANCELLED
    excuses = frozenset({"I1", "I2", "I6", "I12", "belief"})
    breaks_assumptions = True

    def act(self, floor: Floor) -> Deed | None:
        dead = [o for o in floor.ours() if o.status is RowStatus.CANCELLED and o.remaining > 0]
        dice = self.strikes() if dead and floor.is_open else None
        if dice is None:
            return None
        order = dice.choice(dead)
        lot = lot_of(floor, order)
        now = floor.wall
        put(floor, replace(order, status=RowStatus.OPEN, reason=None, updated_at=now))
        lots = dice.choice((1, max(1, order.remaining // lot)))
        fill(floor, order, min(order.remaining, lots * lot))
        return Deed(words="came back to life", order_id=order.order_id)


class BrokenGtt(Fault):
    code = "F50"
    says = "a GTT is skipped, refused at its child, disabled, cancelled or expires"
    usual_rate = 0.02
    where = HELD

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._skipped: list[Gtt] = []

    def act(self, floor: Floor) -> Deed | None:
        gtts = active_gtts(floor)
        dice = self.strikes() if gtts else None
        if dice is None:
            return None
        gtt = dice.choice(gtts)
        how = dice.choice(("skipped", "child refused", "disabled", "cancelled", "expired"))
        if how == "skipped":
            self._skip(floor, gtt)
        elif how == "child refused":
            self._refuse_child(floor, gtt, dice)
        else:
            status = {
                "disabled": GttStatus.DISABLED,
                "cancelled": GttStatus.CANCELLED,
                "expired": GttStatus.EXPIRED,
            }[how]
            put_gtt(floor, lambda now: replace(gtt, status=status, updated_at=now))
        return Deed(words=f"the GTT is {how}", order_id=gtt.trigger_id)

    def _skip(self, floor: Floor, gtt: Gtt) -> None:
        """Listed as active, but nobody compares it with the price."""
        floor.exchange.disturb(
            lambda ledger, _d, _n: ledger._active.get(gtt.key, {}).pop(gtt.trigger_id, None)
        )
        self._skipped.append(gtt)

    def _refuse_child(self, floor: Floor, gtt: Gtt, dice: random.Random) -> None:
        index = dice.randrange(len(gtt.legs))
        kind = dice.choice((RefusalKind.MARGIN, RefusalKind.DEMAT_AUTHORISATION, RefusalKind.RMS))
        leg = replace(gtt.legs[index], child_reason=f"injected: {kind}", child_refusal=kind)
        legs = tuple(leg if at == index else other for at, other in enumerate(gtt.legs))
        put_gtt(floor, lambda now: replace(gtt, legs=legs, status=GttStatus.TRIGGERED, updated_at=now))

    def end(self, floor: Floor) -> None:
        super().end(floor)

        def act(ledger: Ledger, _desks: TradingFloor, _now: datetime) -> None:
            for gtt in self._skipped:
                current = ledger.gtts.get(gtt.trigger_id)
                if current is not None and current.status is GttStatus.ACTIVE:
                    ledger.put_gtt(current)

        floor.exchange.disturb(act)


class BothChildren(Fault):
    """The broker's promise that one cancels the other, broken."""

    code = "F50B"
    says = "both children of a two-leg GTT come to life"
    usual_rate = 0.01
    where = HELD
    excuses = frozenset({"I1", "I2", "I6", "I12"})
    breaks_assumptions = True

    def act(self, floor: Floor) -> Deed | None:
        gtts = [gtt for gtt in active_gtts(floor) if len(gtt.legs) == 2]
        dice = self.strikes() if gtts and floor.is_open else None
        if dice is None:
            return None
        gtt = dice.choice(gtts)

        def act(ledger: Ledger, desks: TradingFloor, now: datetime) -> None:
            for index in range(2):
                desks.gtts._fire(ledger.gtts.get(gtt.trigger_id) or gtt, index, now=now)

        floor.exchange.disturb(act)
        return Deed(
            words="both children live",
            order_id=gtt.trigger_id,
            touches=frozenset({(gtt.symbol, gtt.product.value)}),
        )
