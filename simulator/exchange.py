"""The simulated exchange with its broker front: every public call of the simulator is a method here."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from services.bracket.model import (
    GttRequest,
    GttRow,
    Instrument,
    OrderRequest,
    OrderRow,
    PositionRow,
    Product,
    Quote,
    Terms,
    TradeRow,
)
from simulator.commands import parse
from simulator.floor import TradingFloor
from simulator.funds import FundsState
from simulator.gtt import gtt_row
from simulator.instruments import Listing, load_instruments
from simulator.ledger import Ledger
from simulator.market import quote
from simulator.news import AccountListener, Listeners, News, OrderListener, PriceListener, StopListening
from simulator.orders import Key, Order, order_row
from simulator.positions import Holding, holding_row, position_row
from simulator.refusals import Refused
from simulator.settings import ExchangeSettings
from simulator.store import ExchangeStore, PostedCommand
from utils.clock import Clock

logger = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")


class SimulatedExchange:
    """Accounts, books and markets behind one lock.

    Every call first lets in what time has made due, and is on disk (when there is a path) before it
    returns or raises. Listeners are called afterwards, outside the lock, from the calling thread.
    Writes raise Refused; calls that set up the market raise ValueError.
    """

    def __init__(
        self,
        clock: Clock,
        settings: ExchangeSettings | None = None,
        *,
        path: Path | None = None,
        listings: Sequence[Listing] | None = None,
        opening_prices: Mapping[Key, Decimal] | None = None,
    ) -> None:
        """Open the exchange of `path`, or one in memory.

        opening_prices are for a new exchange only; None opens every listing at its reference price.
        """
        self.settings = settings or ExchangeSettings()
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners = Listeners()
        self._quoted: dict[Key, datetime] = {}
        self._store = ExchangeStore(path)
        self._ledger = self._store.load()
        self._news = News()
        listings = load_instruments() if listings is None else listings
        self.instruments = {listing.key: listing.instrument for listing in listings}
        self.instruments |= {(one.exchange, one.symbol): one for one in self._ledger.admitted}
        self._floor = TradingFloor(self._ledger, self.instruments, settings=self.settings, news=self._news)
        if self._store.is_new:
            prices = {listing.key: listing.reference_price for listing in listings}
            with self._working() as now:
                self._floor.open(prices if opening_prices is None else opening_prices, now=now)

    def place(self, account_id: str, order: OrderRequest, *, after_market: bool = False) -> str:
        """Take in an order and return its id, which is not yet a word about its fate.

        The risk desk's no (margin, holdings) comes later, as a REJECTED row. An after_market order waits
        for the market to open, if it is shut. Raises Refused.
        """
        with self._working() as now:
            self._floor.catch_up((order.exchange, order.symbol), now)
            return self._floor.orders.place(account_id, order, now=now, after_market=after_market)

    def place_pair(self, account_id: str, target: OrderRequest, stop: OrderRequest) -> tuple[str, str]:
        """Take in two exits of which one cancels the other, and return their ids. Raises Refused."""
        with self._working() as now:
            self._floor.catch_up((target.exchange, target.symbol), now)
            return self._floor.orders.place_pair(account_id, target, stop, now=now)

    def required_margin(self, account_id: str, order: OrderRequest) -> Decimal:
        """Return the rupees an order would hold now. Raises Refused for an unlisted instrument."""
        with self._working() as now:
            return self._floor.orders.required(account_id, order, now=now)

    def place_foreign(self, account_id: str, order: OrderRequest) -> str:
        """Place an order as somebody at another terminal would: without a tag. Raises Refused."""
        return self.place(account_id, replace(order, tag=""))

    def modify(self, account_id: str, order_id: str, *, terms: Terms) -> None:
        """Change a live order, whoever placed it; the quantity is the total. Raises Refused."""
        with self._working() as now:
            self._floor.catch_up(self._key_of(order_id), now)
            self._floor.orders.modify(account_id, order_id, terms=terms, now=now)

    def cancel(self, account_id: str, order_id: str) -> None:
        """Cancel a live order, whoever placed it. Raises Refused."""
        with self._working() as now:
            self._floor.catch_up(self._key_of(order_id), now)
            self._floor.orders.cancel(account_id, order_id, now=now)

    def place_gtt(self, account_id: str, gtt: GttRequest) -> str:
        """Keep a GTT and return its trigger id. Raises Refused."""
        with self._working() as now:
            trigger_id = self._floor.gtts.place(account_id, gtt, now=now)
            self._floor.match((gtt.exchange, gtt.symbol), now)
            return trigger_id

    def modify_gtt(self, account_id: str, trigger_id: str, *, gtt: GttRequest) -> None:
        """Replace an active GTT as a whole. Raises Refused."""
        with self._working() as now:
            self._floor.catch_up((gtt.exchange, gtt.symbol), now)
            self._floor.gtts.modify(account_id, trigger_id, request=gtt, now=now)
            self._floor.match((gtt.exchange, gtt.symbol), now)

    def cancel_gtt(self, account_id: str, trigger_id: str) -> None:
        """Delete an active GTT. Raises Refused."""
        with self._working() as now:
            self._floor.gtts.delete(account_id, trigger_id, now=now)

    def order_book(self, account_id: str) -> tuple[OrderRow, ...]:
        """Return the day's orders, oldest first."""
        with self._working():
            orders = self._ledger.orders
            return tuple(order_row(o) for o in orders if o.account_id == account_id)

    def orders(self, account_id: str) -> tuple[Order, ...]:
        """Return the day's orders with all the exchange knows of them, oldest first."""
        with self._working():
            return tuple(order for order in self._ledger.orders if order.account_id == account_id)

    def gtt_book(self, account_id: str) -> tuple[GttRow, ...]:
        """Return the active GTTs and those that ended in the last week."""
        with self._working() as now:
            self._floor.gtts.expire_due(now)
            gtts = self._ledger.gtts
            return tuple(gtt_row(g) for g in gtts if g.account_id == account_id)

    def trade_book(self, account_id: str) -> tuple[TradeRow, ...]:
        """Return the day's trades, oldest first."""
        with self._working():
            trades = self._ledger.trades
            return tuple(t.row for t in trades if t.account_id == account_id)

    def positions(self, account_id: str) -> tuple[PositionRow, ...]:
        """Return the net positions, those closed today included; delivery shows today's trades only."""
        return self.portfolio(account_id)[0]

    def holdings(self, account_id: str) -> tuple[PositionRow, ...]:
        """Return the delivered shares, those still on their way (T+1) included."""
        return self.portfolio(account_id)[1]

    def portfolio(self, account_id: str) -> tuple[tuple[PositionRow, ...], tuple[PositionRow, ...]]:
        """Return positions and holdings of one instant: no share is in both, or in neither."""
        with self._working():
            days = (p for p in self._ledger.positions if p.account_id == account_id)
            held = (h for h in self._ledger.holdings if h.account_id == account_id and h.total)
            return tuple(map(position_row, days)), tuple(map(holding_row, held))

    def deliveries(self, account_id: str) -> tuple[Holding, ...]:
        """Return the holdings, delivered shares and those on their way apart."""
        with self._working():
            return tuple(h for h in self._ledger.holdings if h.account_id == account_id and h.total)

    def funds(self, account_id: str) -> FundsState:
        """Return rupees free and rupees held."""
        with self._working():
            return self._floor.orders.funds(account_id)

    def cash(self, account_id: str) -> Decimal:
        """Return the opening cash less the signed value of every trade since, in rupees."""
        with self._working():
            return self._ledger.account(account_id, self.settings).cash

    def quote(self, exchange: str, symbol: str) -> Quote | None:
        """Return the market in a symbol, None when it has no price. A quoted symbol keeps moving."""
        key = exchange, symbol
        with self._working() as now:
            self._quoted[key] = now
            self._floor.catch_up(key, now)
            market = self._ledger.market(key)
            return None if market is None else quote(market)

    def interests(self, account_id: str) -> frozenset[Key]:
        """Return the symbols in which the account waits for something or holds a position."""
        with self._lock:
            ledger = self._ledger
            held = {p.key for p in ledger.positions if p.account_id == account_id and p.quantity}
            waiting = {order.key for order in ledger.live_orders_of(account_id)}
            triggers = {
                gtt.key
                for key in ledger.watched()
                for gtt in ledger.active_gtts(key)
                if gtt.account_id == account_id
            }
            return frozenset(held | waiting | triggers)

    def admit(self, instrument: Instrument) -> None:
        """List one more instrument, or its new terms; it trades once it has a price, and stays listed."""
        key = instrument.exchange, instrument.symbol
        with self._working():
            self.instruments[key] = instrument
            self._ledger.admitted.put(":".join(key), instrument)

    def set_price(
        self,
        exchange: str,
        symbol: str,
        *,
        last: Decimal,
        bid: Decimal | None = None,
        ask: Decimal | None = None,
        depth: int | None = None,
    ) -> None:
        """Set a price by hand and match at it; it stays until told otherwise.

        bid and ask are the last price unless given; depth shares can be taken at each (None: the
        settings' depth). Raises ValueError for an unlisted symbol or an impossible price.
        """
        key = exchange, symbol
        with self._working() as now:
            self._floor.prices.set_by_hand(key, last, bid=bid, ask=ask, depth=depth, now=now)
            self._floor.match(key, now)

    def recentre(self, exchange: str, symbol: str, *, last: Decimal) -> None:
        """Begin a symbol's day anew at a price, its band around it. Raises ValueError."""
        key = exchange, symbol
        with self._working() as now:
            self._floor.prices.recentre(key, last, now=now)
            self._floor.match(key, now)

    def set_band(self, exchange: str, symbol: str, *, lower: Decimal, upper: Decimal) -> None:
        """Fix the price band: at its edges the market has one side only. Raises ValueError."""
        with self._working():
            self._floor.prices.fix_band((exchange, symbol), lower=lower, upper=upper)

    def authorise_sales(self, account_id: str) -> None:
        """Let the account sell what it holds, as its owner's TPIN at the depository does."""
        with self._working():
            account = self._ledger.account(account_id, self.settings)
            self._ledger.accounts.put(account_id, replace(account, demat_authorised=True))

    def walk(self, exchange: str, symbol: str) -> None:
        """Let the price wander from where it stands. Raises ValueError when there is none."""
        with self._working() as now:
            self._floor.prices.walk((exchange, symbol), now=now)

    def hold(self, exchange: str, symbol: str) -> None:
        """Stop the price where it stands. Raises ValueError when there is none."""
        with self._working():
            self._floor.prices.hold((exchange, symbol))

    def follow(self, exchange: str, symbol: str, *, path: Sequence[Decimal]) -> None:
        """Play a recorded path from its first price on, one a second. Raises ValueError."""
        key = exchange, symbol
        with self._working() as now:
            self._floor.prices.follow(key, tuple(path), now=now)
            self._floor.match(key, now)

    def square_off(self, product: Product) -> None:
        """Cancel the product's orders and close its positions in every account, at the last price."""
        with self._working() as now:
            self._floor.days.square_off(product, now=now)

    def close_session(self) -> None:
        """Square off MIS and expire DAY orders; the books can still be read."""
        with self._working() as now:
            self._floor.days.close_session(now=now)

    def end_of_day(self) -> None:
        """Close the session, deliver what was bought and start the next day with empty books."""
        with self._working() as now:
            self._floor.end_day(now)

    def obey(self, command: str) -> str:
        """Carry out a command of another terminal, as JSON, and return its outcome.

        Raises ValueError for a command nobody understands, Refused for one that is refused.
        """
        with self._working() as now:
            return self._floor.obey(parse(command), now)

    def disturb(self, act: Callable[[Ledger, TradingFloor, datetime], Outcome]) -> Outcome:
        """Let a fault work on the books themselves; for tests of what a broker should never do."""
        with self._working() as now:
            self._news.accounts.update(one.account_id for one in self._ledger.accounts)
            outcome = act(self._ledger, self._floor, now)
            self._floor.orders.follow_links(now)
            return outcome

    def peek(self, look: Callable[[Ledger], Outcome]) -> Outcome:
        """Look at the books themselves; nothing is let in, nobody is told."""
        with self._lock:
            return look(self._ledger)

    def tick(self) -> None:
        """Do everything time has made due: posted commands, orders on their way, prices, expiries."""
        for command in self._posted():
            self._carry_out(command)
        with self._working() as now:
            self._floor.tick(now, quoted=self._recently_quoted(now))

    def listen(self, account_id: str, callback: AccountListener) -> StopListening:
        """Call back after changes of the account's orders, GTTs or positions."""
        with self._lock:
            return self._listeners.add(account_id, callback)

    def listen_prices(self, callback: PriceListener) -> StopListening:
        """Call back with the symbols whose price has just moved."""
        with self._lock:
            return self._listeners.add_for_prices(callback)

    def listen_orders(self, callback: OrderListener) -> StopListening:
        """Call back with every state any order takes, in their order, once it is on disk.

        The callback runs under the exchange's lock: it may note what it hears and must not ask back.
        """
        with self._lock:
            return self._listeners.add_for_orders(callback)

    def close(self) -> None:
        """Close the file. The exchange cannot be used afterwards."""
        with self._lock:
            self._store.close()

    @contextmanager
    def _working(self) -> Iterator[datetime]:
        """Hold the lock, let in due orders, and leave with everything written and told."""
        try:
            with self._lock:
                now = self._clock.now()
                try:
                    self._floor.orders.accept_due(now)
                    yield now
                finally:
                    self._store.save(self._ledger)
                    self._listeners.tell_orders(self._news)
        finally:
            self._tell()

    def _tell(self) -> None:
        with self._lock:
            news = News(accounts=self._news.accounts.copy(), symbols=self._news.symbols.copy())
            self._news.accounts.clear()
            self._news.symbols.clear()
        self._listeners.tell(news)

    def _key_of(self, order_id: str) -> Key | None:
        order = self._ledger.orders.get(order_id)
        return None if order is None else order.key

    def _recently_quoted(self, now: datetime) -> set[Key]:
        oldest = now - self.settings.quote_interest
        self._quoted = {key: at for key, at in self._quoted.items() if at >= oldest}
        return set(self._quoted)

    def _posted(self) -> list[PostedCommand]:
        with self._lock:
            return self._store.posted()

    def _carry_out(self, command: PostedCommand) -> None:
        """Do what another process asked for; a no is its outcome, never ours."""
        with self._working() as now:
            try:
                outcome = self._floor.obey(parse(command.body), now)
            except (Refused, ValueError) as exc:
                logger.warning("posted command %s was refused: %s", command.body, exc)
                outcome = f"refused: {exc}"
            self._store.finish(command, outcome, ledger=self._ledger)
