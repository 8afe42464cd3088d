"""Everything the exchange knows, as tables of values that remember which rows changed."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from services.bracket.model import GttStatus, Instrument, Product
from simulator.funds import Account
from simulator.gtt import Gtt
from simulator.market import Market
from simulator.orders import Key, Order
from simulator.positions import Holding, Position, Trade
from simulator.settings import ExchangeSettings

Row = TypeVar("Row")
Group = TypeVar("Group")
NUMBER = "last_number"
TRADING_DAY = "trading"  # in the table of days: the date, in India, that the books are of


class Table(Generic[Row]):
    """Rows by key in the order they came. `changed` is what the store has not written yet."""

    def __init__(self, rows: Mapping[str, Row] | None = None) -> None:
        self._rows: dict[str, Row] = dict(rows or {})
        self.changed: dict[str, None] = {}  # ordered: a book is listed as it was written

    def get(self, key: str) -> Row | None:
        return self._rows.get(key)

    def put(self, key: str, row: Row) -> None:
        self._rows[key] = row
        self.changed[key] = None

    def drop(self, key: str) -> None:
        del self._rows[key]
        self.changed[key] = None

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())


class Ledger:
    """The tables, and the indexes that keep a tick away from symbols nobody trades."""

    def __init__(self) -> None:
        self.orders: Table[Order] = Table()
        self.gtts: Table[Gtt] = Table()
        self.trades: Table[Trade] = Table()
        self.positions: Table[Position] = Table()
        self.holdings: Table[Holding] = Table()
        self.accounts: Table[Account] = Table()
        self.markets: Table[Market] = Table()
        self.numbers: Table[int] = Table()
        self.days: Table[str] = Table()
        self.admitted: Table[Instrument] = Table()  # listed beside those the exchange opened with
        self._live: dict[Key, dict[str, Order]] = {}
        self._live_of: dict[str, dict[str, Order]] = {}
        self._active: dict[Key, dict[str, Gtt]] = {}

    def index(self) -> None:
        """Rebuild the indexes after the tables were loaded."""
        for order in self.orders:
            self._index_order(order)
        for gtt in self.gtts:
            self._index_gtt(gtt)

    def next_number(self, settings: ExchangeSettings) -> int:
        """Return a number that was never given before: ids and places in the queue come from it."""
        last = self.numbers.get(NUMBER)
        number = settings.first_number if last is None else last + 1
        self.numbers.put(NUMBER, number)
        return number

    def put_order(self, order: Order) -> None:
        self.orders.put(order.order_id, order)
        self._index_order(order)

    def put_gtt(self, gtt: Gtt) -> None:
        self.gtts.put(gtt.trigger_id, gtt)
        self._index_gtt(gtt)

    def live_orders(self, key: Key) -> tuple[Order, ...]:
        """Return the orders that may still trade in one symbol, oldest first."""
        return tuple(self._live.get(key, {}).values())

    def live_orders_of(self, account_id: str) -> tuple[Order, ...]:
        """Return the orders of one account that may still trade."""
        return tuple(self._live_of.get(account_id, {}).values())

    def active_gtts(self, key: Key) -> tuple[Gtt, ...]:
        """Return the GTTs waiting in one symbol, oldest first."""
        return tuple(self._active.get(key, {}).values())

    def watched(self) -> set[Key]:
        """Return the symbols in which something waits."""
        return set(self._live) | set(self._active)

    def market(self, key: Key) -> Market | None:
        return self.markets.get(":".join(key))

    def put_market(self, market: Market) -> None:
        self.markets.put(":".join(market.key), market)

    def position(self, account_id: str, key: Key, *, product: Product) -> Position:
        """Return the position, flat when there is none."""
        found = self.positions.get(f"{account_id}|{':'.join(key)}|{product}")
        return found or Position(account_id=account_id, exchange=key[0], symbol=key[1], product=product)

    def put_position(self, position: Position) -> None:
        self.positions.put(_position_key(position), position)

    def drop_position(self, position: Position) -> None:
        self.positions.drop(_position_key(position))

    def holding(self, account_id: str, key: Key) -> Holding:
        """Return the holding, empty when there is none."""
        found = self.holdings.get(f"{account_id}|{':'.join(key)}")
        return found or Holding(account_id=account_id, exchange=key[0], symbol=key[1])

    def put_holding(self, holding: Holding) -> None:
        key = f"{holding.account_id}|{holding.exchange}:{holding.symbol}"
        self.holdings.put(key, holding)

    def account(self, account_id: str, settings: ExchangeSettings) -> Account:
        """Return the account, opened with the settings' cash when it was never used."""
        found = self.accounts.get(account_id)
        if found is None:
            cash = settings.opening_cash
            found = Account(
                account_id=account_id,
                opening_cash=cash,
                cash=cash,
                demat_authorised=settings.demat_authorised,
            )
            self.accounts.put(account_id, found)
        return found

    def _index_order(self, order: Order) -> None:
        _keep(self._live, order.key, order.order_id, row=order, wanted=order.is_live)
        _keep(self._live_of, order.account_id, order.order_id, row=order, wanted=order.is_live)

    def _index_gtt(self, gtt: Gtt) -> None:
        wanted = gtt.status is GttStatus.ACTIVE
        _keep(self._active, gtt.key, gtt.trigger_id, row=gtt, wanted=wanted)


def _position_key(position: Position) -> str:
    return f"{position.account_id}|{':'.join(position.key)}|{position.product}"


def _keep(index: dict[Group, dict[str, Row]], group: Group, row_id: str, *, row: Row, wanted: bool) -> None:
    """Hold the row in its group while it is wanted; groups that empty vanish."""
    if wanted:
        index.setdefault(group, {})[row_id] = row
    elif group in index:
        index[group].pop(row_id, None)
        if not index[group]:
            del index[group]
