"""The end of a trading day: squaring off, expiring, delivering, clearing the books."""

from datetime import date, datetime

from services.bracket.model import Product
from simulator.gtt_desk import GttDesk
from simulator.ledger import Ledger
from simulator.order_desk import OrderDesk
from simulator.positions import Position, overnight
from simulator.price_desk import PriceDesk
from utils.constants import EXCHANGE_ZONE


class DayEnd:
    """Works on the ledger, in the order a broker's evening has."""

    def __init__(self, ledger: Ledger, *, orders: OrderDesk, gtts: GttDesk, prices: PriceDesk) -> None:
        self._ledger = ledger
        self._orders = orders
        self._gtts = gtts
        self._prices = prices

    def square_off(self, product: Product, *, now: datetime) -> None:
        """Cancel the product's live orders and bring its positions to zero, in every account."""
        for account_id in {account.account_id for account in self._ledger.accounts}:
            for order in self._ledger.live_orders_of(account_id):
                if order.product is product and not order.waits_for_open:
                    self._orders.expire(order, now=now)
        for position in self._open_positions():
            if position.product is product:
                self._orders.sell_out(position.account_id, position.key, product=product, now=now)

    def close_session(self, *, now: datetime) -> None:
        """Square off what is intraday and expire what was for the day; the books stay to be read."""
        self.square_off(Product.MIS, now=now)
        self._settle_expired_contracts(now=now)
        for order in tuple(self._ledger.orders):
            if order.is_live and not order.waits_for_open:
                self._orders.expire(order, now=now)

    def turn_night(self, *, now: datetime) -> None:
        """Move delivery buys to holdings and begin the next day with empty books."""
        self._deliver()
        for position in tuple(self._ledger.positions):
            if position.product is Product.CNC or position.quantity == 0:
                self._ledger.drop_position(position)
        for order in tuple(self._ledger.orders):
            if not order.waits_for_open:
                self._ledger.orders.drop(order.order_id)
        for trade in tuple(self._ledger.trades):
            self._ledger.trades.drop(trade.row.trade_id)
        self._gtts.expire_due(now)
        self._gtts.forget_old(now)
        self._prices.new_day()

    def _deliver(self) -> None:
        """Let every holding age by a day: shares on their way arrive whether or not more were bought."""
        days = {(p.account_id, p.key): p for p in self._ledger.positions if p.product is Product.CNC}
        held = {(h.account_id, (h.exchange, h.symbol)) for h in self._ledger.holdings}
        for account_id, key in sorted(held | set(days)):
            flat = self._ledger.position(account_id, key, product=Product.CNC)
            day = days.get((account_id, key), flat)
            morning = overnight(self._ledger.holding(account_id, key), day)
            self._ledger.put_holding(morning)

    def _settle_expired_contracts(self, *, now: datetime) -> None:
        today = now.astimezone(EXCHANGE_ZONE).date()
        for position in self._open_positions():
            if self._has_expired(position, today):
                self._orders.sell_out(position.account_id, position.key, product=position.product, now=now)

    def _has_expired(self, position: Position, today: date) -> bool:
        expiry = self._orders.instrument(position.key).expiry
        return expiry is not None and expiry <= today

    def _open_positions(self) -> tuple[Position, ...]:
        return tuple(p for p in self._ledger.positions if p.quantity)


def trading_day(now: datetime) -> str:
    """Return the exchange's date as text, to notice that it changed."""
    return now.astimezone(EXCHANGE_ZONE).date().isoformat()
