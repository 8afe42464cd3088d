"""Exits that a simulated broker holds back until their price is there: sent once, however prices come in."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.bracket.model import Product
from simulator import SimulatedExchange, VirtualClock
from simulator.dhan.supers import SuperDesk
from simulator.upstox.gtts import ENTRY, STOP, TARGET, GttDesk, Rule
from tests.unit.simulated import ACCOUNT, BUY, LIMIT, OPENING, SBIN, SELL, order

Step = Callable[[], None]


class SlowlyTold(SimulatedExchange):
    """One whose prices are set by a thread that is interrupted before it tells of them.

    Whoever asks next tells what all threads have changed: in the middle of what it asks for.
    """

    _is_interrupted = False

    def move(self, last: str, *, depth: int) -> None:
        self._is_interrupted = True
        self.set_price(*SBIN, last=Decimal(last), depth=depth)
        self._is_interrupted = False

    def _tell(self) -> None:
        if not self._is_interrupted:
            super()._tell()


def _placed_gtt(exchange: SimulatedExchange, clock: VirtualClock) -> tuple[GttDesk, str]:
    levels = {ENTRY: "499", STOP: "490", TARGET: "510"}
    words = {ENTRY: "BELOW", STOP: "IMMEDIATE", TARGET: "IMMEDIATE"}
    desk = GttDesk(exchange, clock.now)
    gtt_id = desk.new(
        account_id=ACCOUNT,
        kind="MULTIPLE",
        key=SBIN,
        product=Product.MIS,
        side=BUY,
        quantity=10,
        rules={
            name: Rule(strategy=name, trigger_type=words[name], level=Decimal(level), is_protected=False)
            for name, level in levels.items()
        },
    )
    return desk, gtt_id


def _a_gtt(exchange: SimulatedExchange, clock: VirtualClock) -> Step:
    return _placed_gtt(exchange, clock)[0].step


def _a_super_order(exchange: SimulatedExchange, _: VirtualClock) -> Step:
    desk, entry = SuperDesk(exchange), order(BUY, LIMIT, quantity=10, price="499")
    desk.place(ACCOUNT, entry, stop=Decimal(490), target=Decimal(510))
    return desk.step


@pytest.mark.parametrize("exit_price", ["511", "489"])
@pytest.mark.parametrize("hold", [_a_gtt, _a_super_order])
def test_an_exit_is_sent_once_though_a_price_is_told_while_it_is_being_sent(
    hold: Callable[[SimulatedExchange, VirtualClock], Step], exit_price: str
) -> None:
    clock = VirtualClock()
    exchange = SlowlyTold(clock, opening_prices=OPENING)
    step = hold(exchange, clock)

    for last, depth in (("498", 10), (exit_price, 4)):
        exchange.move(last, depth=depth)
        step()

    sent = [(row.side, row.quantity) for row in exchange.order_book(ACCOUNT)]
    assert sent == [(BUY, 10), (SELL, 10)]


def test_a_gtt_is_named_after_the_exchanges_day_which_begins_before_utcs() -> None:
    clock = VirtualClock(datetime(2026, 11, 29, 19, 0, tzinfo=UTC))  # half past midnight in Mumbai

    _, gtt_id = _placed_gtt(SimulatedExchange(clock, opening_prices=OPENING), clock)

    assert gtt_id.startswith("GTT-C263011")
