"""What changed, gathered while the exchange works and told once it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.orders import Key

AccountListener = Callable[[], None]
PriceListener = Callable[[frozenset[Key]], None]
StopListening = Callable[[], None]


@dataclass(slots=True)
class News:
    """Accounts and symbols with a change nobody was told of yet."""

    accounts: set[str] = field(default_factory=set)
    symbols: set[Key] = field(default_factory=set)


class Listeners:
    """Who wants to hear of which account, and of prices."""

    def __init__(self) -> None:
        self._of_account: dict[str, list[AccountListener]] = {}
        self._of_prices: list[PriceListener] = []

    def add(self, account_id: str, callback: AccountListener) -> StopListening:
        """Call back after changes of the account; returns the call that ends it."""
        group = self._of_account.setdefault(account_id, [])
        group.append(callback)
        return lambda: group.remove(callback)

    def add_for_prices(self, callback: PriceListener) -> StopListening:
        """Call back with the symbols whose price moved; returns the call that ends it."""
        self._of_prices.append(callback)
        return lambda: self._of_prices.remove(callback)

    def tell(self, news: News) -> None:
        """Call everybody concerned. Not to be called under the exchange's lock: they may ask it back."""
        for account_id in sorted(news.accounts):
            for callback in tuple(self._of_account.get(account_id, ())):
                callback()
        if news.symbols:
            for listener in tuple(self._of_prices):
                listener(frozenset(news.symbols))
