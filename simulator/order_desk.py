"""The desk that takes orders in, lets them rest, trigger and trade, and books what they did."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from services.bracket.model import (
    Instrument,
    OrderRequest,
    OrderType,
    Product,
    Purpose,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
    TradeRow,
    Validity,
)
from simulator.funds import FundsState
from simulator.ledger import TRADING_DAY, Ledger
from simulator.matching import Fill, match, trigger_is_reached
from simulator.native_desk import NativeDesk
from simulator.news import News
from simulator.orders import PRICED, STOPS, Key, Order, accepted, ended, triggered, with_fill, with_terms
from simulator.positions import Trade, after_trade
from simulator.refusals import Refused
from simulator.risk import check_order, check_session, check_terms
from simulator.risk_desk import RiskDesk
from simulator.settings import ExchangeSettings
from utils.constants import EXCHANGE_ZONE


class OrderDesk:
    """Works on the ledger; knows nothing of locks, files or who listens."""

    def __init__(
        self,
        ledger: Ledger,
        instruments: Mapping[Key, Instrument],
        *,
        settings: ExchangeSettings,
        news: News,
    ) -> None:
        self._ledger = ledger
        self._instruments = instruments
        self._settings = settings
        self._news = news
        self._risk = RiskDesk(ledger, instruments, settings=settings)
        waiting = (order for order in ledger.orders if order.status is RowStatus.PENDING)
        self._pending = {order.order_id: order.accept_at for order in waiting if not order.is_held}
        self._natives = NativeDesk(ledger, settings=settings)

    def instrument(self, key: Key) -> Instrument:
        """Return the instrument. Raises Refused when the exchange does not list it."""
        found = self._instruments.get(key)
        if found is None:
            raise Refused(RefusalKind.UNCLASSIFIED, f"The instrument {':'.join(key)} does not exist.")
        return found

    def place(
        self, account_id: str, request: OrderRequest, *, now: datetime, after_market: bool = False
    ) -> str:
        """Take an order in and return its id. Raises Refused for what is wrong on its face.

        One that is given after the market waits for its next opening.
        """
        key = request.exchange, request.symbol
        check_order(
            request,
            instrument=self.instrument(key),
            market=self._ledger.market(key),
            now=now,
            hours=None if after_market else self._settings.hours,
        )
        if request.terms.is_native:
            self._natives.check(request, self.instrument(key))
        order = self._new_order(account_id, request, now=now)
        if after_market:
            order = replace(order, after_market=True, accept_at=self._next_open(now))
        for one in self._natives.bring(order, request.terms):
            self._put(one)
        self._pending[order.order_id] = order.accept_at
        self.accept_due(now)
        return order.order_id

    def place_pair(
        self, account_id: str, target: OrderRequest, stop: OrderRequest, *, now: datetime
    ) -> tuple[str, str]:
        """Take two exits in of which one cancels the other; return their ids. Raises Refused."""
        key = target.exchange, target.symbol
        for request in (target, stop):
            instrument, market = self.instrument(key), self._ledger.market(key)
            hours = self._settings.hours
            check_order(request, instrument=instrument, market=market, now=now, hours=hours)
        upper, lower = (self._new_order(account_id, one, now=now) for one in (target, stop))
        twins = (
            accepted(replace(upper, twin_id=lower.order_id, exit_purpose=Purpose.TARGET), now),
            accepted(replace(lower, twin_id=upper.order_id, exit_purpose=Purpose.STOP), now),
        )
        for one in twins:  # both rest before one of them can trade and change the other
            self._put(one)
        for one in twins:
            self._match_one(self._ledger.orders.get(one.order_id) or one, now=now)
        return upper.order_id, lower.order_id

    def modify(self, account_id: str, order_id: str, *, terms: Terms, now: datetime) -> None:
        """Change a live order to new terms; their quantity is the total. Raises Refused."""
        order = self._settled(account_id, order_id, verb="modified")
        if order.parent_id is not None:
            terms = replace(terms, quantity=order.quantity)  # what an exit covers is ours to say
        self._check_change(order, terms, now=now)
        changed = with_terms(order, terms, now=now, priority=self._ledger.next_number(self._settings))
        changed, refusal = (changed, None) if order.parent_id is not None else self._risk.reserved(changed)
        if refusal is not None:
            raise Refused(refusal.kind, refusal.reason)
        self._put(changed)
        for one in self._natives.move(changed, terms):
            self._put(one)
        self._match_one(changed, now=now)

    def cancel(self, account_id: str, order_id: str, *, now: datetime) -> None:
        """Cancel what is unfilled. Raises Refused when the order is done or unknown."""
        order = self._settled(account_id, order_id, verb="cancelled")
        if not order.waits_for_open:
            check_session(self._settings.hours, now)
        self._pending.pop(order_id, None)
        self._put(ended(order, RowStatus.CANCELLED, now=now))
        self.follow_links(now)

    def expire(self, order: Order, *, now: datetime) -> None:
        """End a live order with the day."""
        self._pending.pop(order.order_id, None)
        self._put(ended(order, RowStatus.EXPIRED, now=now))
        self.follow_links(now)

    def sell_out(self, account_id: str, key: Key, *, product: Product, now: datetime) -> None:
        """Bring a position to zero at the last price, whatever the depth: the broker's own square-off."""
        position = self._ledger.position(account_id, key, product=product)
        side = Side.SELL if position.quantity > 0 else Side.BUY
        terms = Terms(order_type=OrderType.MARKET, quantity=abs(position.quantity))
        request = OrderRequest(
            tag="", exchange=key[0], symbol=key[1], product=product, side=side, terms=terms
        )
        order = accepted(self._new_order(account_id, request, now=now), now)
        market = self._ledger.market(key)
        price = position.cost / position.quantity if market is None else market.last
        self._put(order)
        self._book(Fill(order_id=order.order_id, quantity=terms.quantity, price=price), now=now)

    def accept_due(self, now: datetime) -> None:
        """Let in, or reject, the orders whose time at the broker's desk is over."""
        due = [
            order_id
            for order_id, accept_at in self._pending.items()
            if accept_at <= now and not self._waits_for_the_day(order_id, now)
        ]
        for order_id in due:
            del self._pending[order_id]
            order = self._ledger.orders.get(order_id)
            if order is not None:
                self._accept(order, now=now)

    def _waits_for_the_day(self, order_id: str, now: datetime) -> bool:
        """Whether the books are still yesterday's: their end would sweep away what trades before it."""
        order = self._ledger.orders.get(order_id)
        is_over = self._ledger.days.get(TRADING_DAY) != now.astimezone(EXCHANGE_ZONE).date().isoformat()
        after_market = order is not None and order.waits_for_open
        return after_market and self._settings.ends_days_by_itself and is_over

    def price_moved(self, key: Key, *, now: datetime) -> None:
        """Fire the stops the last price reached, then match what rests in the symbol."""
        market = self._ledger.market(key)
        if market is None:
            return
        for order in self._ledger.live_orders(key):
            if trigger_is_reached(order, market.last):
                self._trigger(order, now=now)
        self._match(self._ledger.live_orders(key), key, now=now)

    def funds(self, account_id: str) -> FundsState:
        """Return the account's money."""
        return self._risk.funds(account_id)

    def required(self, account_id: str, request: OrderRequest, *, now: datetime) -> Decimal:
        """Return the rupees an order would hold, beside what the account has now. Raises Refused."""
        self.instrument((request.exchange, request.symbol))
        return self._risk.reserved(self._draft(account_id, request, now=now, number=0))[0].blocked

    def _next_open(self, now: datetime) -> datetime:
        opens = now if self._settings.hours is None else self._settings.hours.next_open(now)
        return opens + self._settings.acceptance_delay

    def _new_order(self, account_id: str, request: OrderRequest, *, now: datetime) -> Order:
        return self._draft(account_id, request, now=now, number=self._ledger.next_number(self._settings))

    def _draft(self, account_id: str, request: OrderRequest, *, now: datetime, number: int) -> Order:
        day = now.astimezone(EXCHANGE_ZONE).strftime("%Y%m%d")
        terms = request.terms
        return Order(
            order_id=f"{day}{number:011d}",
            account_id=account_id,
            tag=request.tag or None,
            exchange=request.exchange,
            symbol=request.symbol,
            product=request.product,
            side=request.side,
            order_type=terms.order_type,
            quantity=terms.quantity,
            price=terms.price if terms.order_type in PRICED else None,
            trigger_price=terms.trigger_price if terms.order_type in STOPS else None,
            validity=request.validity,
            placed_at=now,
            accept_at=now + self._settings.acceptance_delay,
            updated_at=now,
            priority=number,
        )

    def _accept(self, order: Order, *, now: datetime) -> None:
        reserved, refusal = self._risk.reserved(order)
        if refusal is not None:
            self._put(ended(order, RowStatus.REJECTED, now=now, reason=refusal.reason, refusal=refusal.kind))
            self.follow_links(now)
            return
        resting = accepted(reserved, now)
        self._put(resting)
        self._match_one(resting, now=now)
        left = self._ledger.orders.get(order.order_id)
        if order.validity is Validity.IOC and left is not None and left.is_live:
            self._put(ended(left, RowStatus.CANCELLED, now=now))
            self.follow_links(now)

    def _settled(self, account_id: str, order_id: str, *, verb: str) -> Order:
        """Return a live order past its acceptance, or say why it cannot be changed."""
        order = self._ledger.orders.get(order_id)
        if order is None or order.account_id != account_id:
            raise Refused(RefusalKind.NOT_FOUND, f"Couldn't find that order_id {order_id}.")
        if not order.is_live:
            raise Refused(
                RefusalKind.ALREADY_DONE,
                f"Order cannot be {verb} as it is already {order.status.value}.",
            )
        is_kept = order.waits_for_open or (order.is_held and verb == "cancelled")
        if order.status is RowStatus.PENDING and not is_kept:
            raise Refused(
                RefusalKind.UNCLASSIFIED,
                f"Order cannot be {verb} as it is being processed. Try later.",
            )
        return order

    def _check_change(self, order: Order, terms: Terms, *, now: datetime) -> None:
        if not order.waits_for_open:
            check_session(self._settings.hours, now)
        if order.modifications >= self._settings.modifications_per_order:
            raise Refused(RefusalKind.MODIFICATION_CAP, "Maximum allowed order modifications exceeded.")
        if order.triggered and terms.order_type in STOPS:
            raise Refused(
                RefusalKind.TRIGGER_CROSSED,
                "The stoploss order is triggered: it cannot be a stoploss order again.",
            )
        if terms.quantity < order.filled:
            raise Refused(
                RefusalKind.UNCLASSIFIED,
                f"Quantity {terms.quantity} cannot be less than the traded quantity {order.filled}.",
            )
        market = self._ledger.market(order.key)
        instrument = self.instrument(order.key)
        if order.parent_id is not None:  # its quantity is the entry's fill, which may exceed a freeze
            terms = replace(terms, quantity=instrument.lot_size)
        check_terms(terms, order.side, instrument=instrument, market=market)

    def _trigger(self, order: Order, *, now: datetime) -> None:
        self._put(triggered(order, now, priority=self._ledger.next_number(self._settings)))
        self.follow_links(now)

    def _match_one(self, order: Order, *, now: datetime) -> None:
        """Match an order that just came or changed: whatever else rests had its turn already."""
        market = self._ledger.market(order.key)
        if market is None or not self._is_open(now):
            return
        if trigger_is_reached(order, market.last):  # the price moved while the order was on its way
            self._trigger(order, now=now)
        current = self._ledger.orders.get(order.order_id)
        if current is not None:
            self._match((current,), order.key, now=now)

    def _is_open(self, now: datetime) -> bool:
        return self._settings.hours is None or self._settings.hours.is_open(now)

    def _match(self, orders: tuple[Order, ...], key: Key, *, now: datetime) -> None:
        market = self._ledger.market(key)
        if market is None:
            return
        fills, after = match(orders, market)
        if after is not market:
            self._ledger.put_market(after)
        for fill in fills:
            order = self._ledger.orders.get(fill.order_id)
            # A fill just booked may have cancelled or reduced this one: they are of one bracket.
            left = 0 if order is None or not order.is_live else min(fill.quantity, order.remaining)
            if left:
                self._book(replace(fill, quantity=left), now=now)

    def _book(self, fill: Fill, *, now: datetime) -> None:
        """Record one fill: on the order, in the trade book, in the position and in the cash."""
        order = self._ledger.orders.get(fill.order_id)
        if order is None:
            raise KeyError(fill.order_id)
        self._put(with_fill(order, fill.quantity, price=fill.price, now=now))
        row = self._trade_row(order, fill, now=now)
        self._ledger.trades.put(row.trade_id, Trade(account_id=order.account_id, row=row))
        position = self._ledger.position(order.account_id, order.key, product=order.product)
        self._ledger.put_position(after_trade(position, order.side, quantity=fill.quantity, price=fill.price))
        account = self._ledger.account(order.account_id, self._settings)
        cash = account.cash - order.side.sign * fill.quantity * fill.price
        self._ledger.accounts.put(order.account_id, replace(account, cash=cash))
        self.follow_links(now)

    def _trade_row(self, order: Order, fill: Fill, *, now: datetime) -> TradeRow:
        return TradeRow(
            trade_id=str(self._ledger.next_number(self._settings)),
            broker_order_id=order.order_id,
            exchange=order.exchange,
            symbol=order.symbol,
            product=order.product,
            side=order.side,
            quantity=fill.quantity,
            price=fill.price,
            at=now,
        )

    def follow_links(self, now: datetime) -> None:
        """Let what happened to one order of a native bracket move the others."""
        for moved in self._natives.moves(now):
            for order in moved:  # both work before one of them can trade and change the other
                self._put(order)
            for order in moved:
                self._match_one(self._ledger.orders.get(order.order_id) or order, now=now)

    def _put(self, order: Order) -> None:
        self._natives.note(self._ledger.orders.get(order.order_id), order)
        self._ledger.put_order(order)
        self._news.accounts.add(order.account_id)
        self._news.orders.append(order)
