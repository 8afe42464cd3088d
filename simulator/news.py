"""What changed, gathered while the exchange works and told once it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.orders import Key, Order

AccountListener = Callable[[], None]
OrderListener = Callable[[Order], None]
PriceListener = Callable[[frozenset[Key]], None]
StopListening = Callable[[], None]


@dataclass(slots=True)
class News:
    """Accounts and symbols with a change nobody was told of yet, and every state orders went through."""

    accounts: set[str] = field(default_factory=set)
    orders: list[Order] = field(default_factory=list)
    symbols: set[Key] = field(default_factory=set)


class Listeners:
    """Who wants to hear of which account, of prices, and of each single state of an order."""

    def __init__(self) -> None:
        self._of_account: dict[str, list[AccountListener]] = {}
        self._of_prices: list[PriceListener] = []
        self._of_orders: list[OrderListener] = []

    def add(self, account_id: str, callback: AccountListener) -> StopListening:
        """Call back after changes of the account; returns the call that ends it."""
        group = self._of_account.setdefault(account_id, [])
        group.append(callback)
        return lambda: group.remove(callback)

    def add_for_prices(self, callback: PriceListener) -> StopListening:
        """Call back with the symbols whose price moved; returns the call that ends it."""
        self._of_prices.append(callback)
        return lambda: self._of_prices.remove(callback)

    def add_for_orders(self, callback: OrderListener) -> StopListening:
        """Call back with every state an order takes; returns the call that ends it."""
        self._of_orders.append(callback)
        return lambda: self._of_orders.remove(callback)

    def tell_orders(self, news: News) -> None:
        """Pass on the states in their order: under the exchange's lock, so that two never swap."""
        for order in news.orders:
            for callback in tuple(self._of_orders):
                callback(order)
        news.orders.clear()

    def tell(self, news: News) -> None:
        """Call everybody concerned. Not to be called under the exchange's lock: they may ask it back."""
        for account_id in sorted(news.accounts):
            for callback in tuple(self._of_account.get(account_id, ())):
                callback()
        if news.symbols:
            for listener in tuple(self._of_prices):
                listener(frozenset(news.symbols))
