"""What people and the broker's risk desk do to the account at another terminal."""

import random
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.bracket.model import OrderRequest, OrderType, Product, RowStatus, Side, Terms
from simulator.faults.base import Deed, Elsewhere, Fault, Floor, HostDeed, HostFate
from simulator.faults.market import active_gtts, is_exit, tick_of
from simulator.faults.states import ANY, ENTRY_CALL, HELD, OPEN
from simulator.floor import TradingFloor
from simulator.ledger import Ledger
from simulator.positions import Position
from simulator.refusals import Refused


def _touch(symbol: str, product: Product) -> frozenset[tuple[str, str]]:
    return frozenset({(symbol, product.value)})


class TradesElsewhere(Fault):
    code = "F55"
    says = "the user closes all, closes a part, or adds, at another terminal"
    usual_rate = 0.006
    where = HELD

    def act(self, floor: Floor) -> Deed | None:
        held = [row for row in floor.exchange.positions(floor.account_id) if row.quantity]
        if not held or not floor.is_open or self._is_waiting(floor):
            return None
        dice = self.strikes()
        if dice is None:
            return None
        row = dice.choice(held)
        key, product = (row.exchange, row.symbol), Product(row.product)
        lot = floor.exchange.instruments[key].lot_size
        quantity, words = self._quantity(dice, abs(row.quantity), lot)
        side = "BUY" if (row.quantity > 0) == (words == "adds") else "SELL"
        try:
            _trade(floor, key, product, side=side, quantity=quantity)
        except Refused:
            self.struck.pop()
            return None
        return Deed(words=f"the user {words} {quantity}", touches=_touch(row.symbol, product))

    def _quantity(self, dice: random.Random, held: int, lot: int) -> tuple[int, str]:
        words = dice.choice(("closes", "closes a part", "adds"))
        if words == "closes":
            return held, words
        return (max(lot, held // 2 // lot * lot), words) if words == "closes a part" else (lot, words)

    def _is_waiting(self, floor: Floor) -> bool:
        """Nobody closes twice while his first order still waits."""
        return any(o.is_live and o.tag is None for o in floor.orders())


def _trade(floor: Floor, key: tuple[str, str], product: Product, *, side: str, quantity: int) -> None:
    floor.exchange.place_foreign(
        floor.account_id,
        OrderRequest(
            tag="",
            exchange=key[0],
            symbol=key[1],
            product=product,
            side=Side(side),
            terms=Terms(order_type=OrderType.MARKET, quantity=quantity),
        ),
    )


class StopTouched(Fault):
    code = "F56"
    says = "the user cancels or re-prices our exit, and does it again"
    usual_rate = 0.008
    where = HELD

    def act(self, floor: Floor) -> Deed | None:
        exits = [
            o for o in floor.ours() if is_exit(o) and o.status in (RowStatus.TRIGGER_PENDING, RowStatus.OPEN)
        ]
        gtts = active_gtts(floor)
        dice = self.strikes() if (exits or gtts) and floor.is_open else None
        if dice is None:
            return None
        if gtts and (not exits or dice.random() < 0.5):
            gtt = dice.choice(gtts)
            floor.exchange.cancel_gtt(floor.account_id, gtt.trigger_id)
            return Deed(
                words="the user deletes our GTT",
                order_id=gtt.trigger_id,
                touches=_touch(gtt.symbol, gtt.product),
            )
        order = dice.choice(exits)
        touches = _touch(order.symbol, order.product)
        try:
            if dice.random() < 0.5 or order.price is None:
                floor.exchange.cancel(floor.account_id, order.order_id)
                return Deed(words="the user cancels our exit", order_id=order.order_id, touches=touches)
            tick = tick_of(floor, order) * order.side.sign
            terms = Terms(
                order_type=order.order_type,
                quantity=order.quantity,
                price=order.price + 3 * tick,
                trigger_price=order.trigger_price if order.order_type is OrderType.SL else None,
            )
            floor.exchange.modify(floor.account_id, order.order_id, terms=terms)
        except Refused:
            self.struck.pop()
            return None
        return Deed(words="the user re-prices our exit", order_id=order.order_id, touches=touches)


class SquareOff(Fault):
    code = "F57"
    says = "the risk desk squares off what is intraday while our exit is in flight"
    usual_rate = 0.004
    where = OPEN

    def act(self, floor: Floor) -> Deed | None:
        held = [
            row
            for row in floor.exchange.positions(floor.account_id)
            if row.quantity and row.product == Product.MIS.value
        ]
        dice = self.strikes() if held and floor.is_open else None
        if dice is None:
            return None
        floor.exchange.square_off(Product.MIS)
        live = {(o.symbol, o.product.value) for o in floor.orders() if o.product is Product.MIS}
        touched = {(row.symbol, row.product) for row in held} | live
        return Deed(words="the risk desk squares off MIS", touches=frozenset(touched))


class Conversion(Fault):
    """A conversion or a corporate action changes a position without any trade; later it is put right."""

    code = "F58"
    says = "the position changes without a trade: conversion, bonus, split, rename"
    usual_rate = 0.004
    where = HELD

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._back: tuple[float, str, int] | None = None

    def act(self, floor: Floor) -> Deed | None:
        if self._back is not None and floor.now >= self._back[0]:
            return self._put_back(floor)
        held = [row for row in floor.exchange.positions(floor.account_id) if row.quantity]
        dice = self.strikes() if held and self._back is None and floor.is_open else None
        if dice is None:
            return None
        row = dice.choice(held)
        position = self._position(floor, row.symbol, row.product)
        if position is None:
            return None
        self._shift(floor, position, -position.quantity)
        self._back = (floor.now + dice.uniform(3.0, 15.0), f"{row.symbol}|{row.product}", position.quantity)
        return Deed(words="converted away", touches=frozenset({(row.symbol, row.product)}))

    def end(self, floor: Floor) -> None:
        super().end(floor)
        if self._back is not None:
            self._put_back(floor)

    def _put_back(self, floor: Floor) -> Deed | None:
        if self._back is None:
            return None
        symbol, product = self._back[1].split("|")
        quantity, self._back = self._back[2], None
        position = self._position(floor, symbol, product)
        if position is not None:
            self._shift(floor, position, quantity)
        return None

    def _position(self, floor: Floor, symbol: str, product: str) -> Position | None:
        return floor.exchange.peek(
            lambda ledger: next(
                (
                    p
                    for p in ledger.positions
                    if (p.symbol, p.product.value, p.account_id) == (symbol, product, floor.account_id)
                ),
                None,
            )
        )

    def _shift(self, floor: Floor, position: Position, by: int) -> None:
        def act(ledger: Ledger, _desks: TradingFloor, _now: datetime) -> None:
            current = ledger.position(position.account_id, position.key, product=position.product)
            ledger.put_position(replace(current, quantity=current.quantity + by))

        floor.exchange.disturb(act)


class SameAlertTwice(Fault):
    code = "F59"
    says = "the same order comes twice under one key, or with another body"
    usual_rate = 0.02
    where = ANY

    def host(self, now: float) -> HostFate | None:
        return None if self.strikes() is None else HostFate(deed=HostDeed.SAME_ORDER_TWICE)


class BadAlerts(Elsewhere):
    code = "F60"
    says = "opposite, late, malformed, huge or forged alerts, and addresses not on the list"
    because = (
        "stopped at the HTTP door, before there is a bracket; an opposite order is tried in these worlds"
    )
    proven_by = "tests/integration/test_webhook.py, tests/integration/test_rest_bad_input.py"


class ClientGone(Fault):
    code = "F61"
    says = "the client hangs up after the commit"
    usual_rate = 0.05
    where = ENTRY_CALL

    def host(self, now: float) -> HostFate | None:
        return None if self.strikes() is None else HostFate(deed=HostDeed.CLIENT_GONE)
