"""The trading floor: the desks at work together, in the order things happen there."""

from collections.abc import Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from services.bracket.model import Instrument, OrderRequest, Product, Terms
from simulator.commands import (
    Cancel,
    CancelGtt,
    Command,
    EndOfDay,
    Modify,
    Place,
    SetBand,
    SetPrice,
    SquareOff,
    Walk,
)
from simulator.day import DayEnd, trading_day
from simulator.gtt_desk import GttDesk
from simulator.ledger import TRADING_DAY, Ledger
from simulator.news import News
from simulator.order_desk import OrderDesk
from simulator.orders import Key
from simulator.price_desk import PriceDesk
from simulator.settings import ExchangeSettings
from utils.constants import EXCHANGE_ZONE

_SQUARED = "squared off"


class TradingFloor:
    """Works on the ledger at the time it is told; knows nothing of locks, files or listeners."""

    def __init__(
        self,
        ledger: Ledger,
        instruments: Mapping[Key, Instrument],
        *,
        settings: ExchangeSettings,
        news: News,
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self.orders = OrderDesk(ledger, instruments, settings=settings, news=news)
        self.gtts = GttDesk(ledger, self.orders, settings=settings, news=news)
        self.prices = PriceDesk(ledger, instruments, settings=settings, news=news)
        self.days = DayEnd(ledger, orders=self.orders, gtts=self.gtts, prices=self.prices)
        # Prices may have moved while the market was shut or the exchange was down.
        self._unmatched = ledger.watched()

    def open(self, prices: Mapping[Key, Decimal], *, now: datetime) -> None:
        """Begin the first day of a new exchange."""
        # The first number given marks the file as one that has been opened before.
        self._ledger.next_number(self._settings)
        self._ledger.days.put(TRADING_DAY, trading_day(now))
        for key, price in prices.items():
            self.prices.open(key, price, now=now)

    def tick(self, now: datetime, *, quoted: Set[Key]) -> None:
        """Turn the day when it is over, then move what somebody waits for or looks at."""
        over = self._ledger.days.get(TRADING_DAY) != trading_day(now)
        if self._settings.ends_days_by_itself and over:
            self.end_day(now)
        self._square_off_due(now)
        self.gtts.expire_due(now)
        for key in sorted(self._ledger.watched() | quoted):
            self.catch_up(key, now)

    def catch_up(self, key: Key | None, now: datetime) -> None:
        """Apply the price steps that are due in one symbol, matching after each."""
        if key is None or not self._is_open(now):
            return
        if key in self._unmatched:
            self.match(key, now)
        for _ in self.prices.due_moves(key, now=now, every=key in self._ledger.watched()):
            self.match(key, now)

    def match(self, key: Key, now: datetime) -> None:
        """Trigger and match in one symbol, or remember to do so once the market opens."""
        if not self._is_open(now):
            self._unmatched.add(key)
            return
        self._unmatched.discard(key)
        self.orders.price_moved(key, now=now)
        self.gtts.price_moved(key, now=now)

    def end_day(self, now: datetime) -> None:
        """Close the session and turn to the next day."""
        self.days.close_session(now=now)
        self.days.turn_night(now=now)
        self._ledger.days.put(TRADING_DAY, trading_day(now))

    def obey(self, command: Command, now: datetime) -> str:
        """Carry out a posted command and return its outcome. Raises Refused or ValueError."""
        match command:
            case SetPrice() | Walk() | SetBand():
                self._move_market(command, now)
            case Place():
                return f"done {self._place_foreign(command, now)}"
            case Modify():
                terms = _terms(command)
                self.orders.modify(command.account_id, command.order_id, terms=terms, now=now)
            case Cancel():
                self.orders.cancel(command.account_id, command.order_id, now=now)
            case CancelGtt():
                self.gtts.delete(command.account_id, command.trigger_id, now=now)
            case SquareOff():
                self.days.square_off(command.product, now=now)
            case EndOfDay():
                self.end_day(now)
            case _:
                assert_never(command)
        return "done"

    def _square_off_due(self, now: datetime) -> None:
        """Close what is intraday once a day, when the broker does."""
        at, today = self._settings.squares_off_at, trading_day(now)
        is_time = at is not None and now.astimezone(EXCHANGE_ZONE).time() >= at
        if is_time and self._is_open(now) and self._ledger.days.get(_SQUARED) != today:
            self._ledger.days.put(_SQUARED, today)
            self.days.square_off(Product.MIS, now=now)

    def _move_market(self, command: SetPrice | Walk | SetBand, now: datetime) -> None:
        key = command.exchange, command.symbol
        match command:
            case SetPrice(last=last, bid=bid, ask=ask, depth=depth):
                self.prices.set_by_hand(key, last, bid=bid, ask=ask, depth=depth, now=now)
                self.match(key, now)
            case Walk():
                self.prices.walk(key, now=now)
            case SetBand(lower=lower, upper=upper):
                self.prices.fix_band(key, lower=lower, upper=upper)
            case _:
                assert_never(command)

    def _place_foreign(self, command: Place, now: datetime) -> str:
        self.catch_up((command.exchange, command.symbol), now)
        request = OrderRequest(
            tag="",
            exchange=command.exchange,
            symbol=command.symbol,
            product=command.product,
            side=command.side,
            terms=_terms(command),
            validity=command.validity,
        )
        return self.orders.place(command.account_id, request, now=now)

    def _is_open(self, now: datetime) -> bool:
        return self._settings.hours is None or self._settings.hours.is_open(now)


def _terms(command: Place | Modify) -> Terms:
    return Terms(
        order_type=command.order_type,
        quantity=command.quantity,
        price=command.price,
        trigger_price=command.trigger_price,
    )
