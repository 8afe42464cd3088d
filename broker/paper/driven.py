"""A paper account whose market follows a real one: its prices are the live quotes of a connected broker.

It is handed nothing but the reading of quotes. There is no way from here to place anything at that broker.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial

from broker.base import AuthDead, NotSent, OrderAck, Quote, ReadFailed
from broker.paper.account import PaperAccount
from broker.paper.session import PaperSession
from services.bracket.model import Instrument, OrderRequest

Symbol = tuple[str, str]  # exchange, symbol
LiveListing = Callable[[str, str], Instrument | None]  # exchange, symbol -> as the broker lists it
LiveQuotes = Callable[[frozenset[Symbol]], dict[Symbol, Quote] | None]  # None: there is no live market yet


class DrivenPaperAccount(PaperAccount):
    """Satisfies BrokerAccount. Until somebody logs in at the live broker, the market walks by itself."""

    def __init__(
        self,
        session: PaperSession,
        live_quotes: LiveQuotes,
        *,
        listed: LiveListing,
        quote_pause: timedelta,
    ) -> None:
        super().__init__(session)
        # Its prices move only when they are asked for: books, and quotes with them, are read as at a
        # broker that pushes nothing. Every second quote is left to what is really at stake.
        self.capabilities = replace(self.capabilities, pushes_orders=False, quote_pause=2 * quote_pause)
        self._exchange = session.exchange
        self._live_quotes = live_quotes
        self._listed = listed
        self._driven: dict[Symbol, Quote] = {}

    def place_order(self, order: OrderRequest) -> OrderAck:
        """Place at the live price. Raises NotSent while there should be one and there is not."""
        key = (order.exchange, order.symbol)
        try:
            self._follow(self._live_quotes(frozenset((key,))))
        except (ReadFailed, AuthDead) as exc:
            if key not in self._driven:
                # Its own price may be far from the market's: filled at it, paper would lie.
                raise NotSent(f"the paper market has no live price of {order.symbol} yet: {exc}") from exc
        return super().place_order(order)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        """Return the paper market's quotes after it has followed the live ones; none when those failed."""
        try:
            self._follow(self._live_quotes(symbols))
        except (ReadFailed, AuthDead):
            return {}  # the paper market's own price would be taken for the live one
        return super().quotes(symbols)

    def _follow(self, quotes: dict[Symbol, Quote] | None) -> None:
        for key, quote in (quotes or {}).items():
            instrument = self._instrument(key)
            known = self._driven.get(key)
            if instrument is None or _says_the_same(quote, known):
                continue
            on_tick = partial(_on_tick, tick=instrument.tick_size)
            if known is None or _bands(known) != _bands(quote):
                self._take_bands(key, quote, on_tick)
            self._exchange.set_price(
                *key,
                last=on_tick(quote.last),
                bid=None if quote.bid is None else on_tick(quote.bid),
                ask=None if quote.ask is None else on_tick(quote.ask),
            )
            self._driven[key] = quote

    def _instrument(self, key: Symbol) -> Instrument | None:
        """Return what the paper market lists, after the live broker's terms were taken over."""
        live, listed = self._listed(*key), self._exchange.instruments.get(key)
        if live is None or live == listed:
            return listed
        self._exchange.admit(live)
        return live

    def _take_bands(self, key: Symbol, quote: Quote, on_tick: Callable[[Decimal], Decimal]) -> None:
        """Leave the band of the paper market's own price for the live one's."""
        self._exchange.recentre(*key, last=on_tick(quote.last))
        lower, upper = _bands(quote)
        if lower is not None and upper is not None and lower <= quote.last <= upper:
            self._exchange.set_band(*key, lower=on_tick(lower), upper=on_tick(upper))


def _bands(quote: Quote) -> tuple[Decimal | None, Decimal | None]:
    return (quote.lower_band, quote.upper_band)


def _says_the_same(quote: Quote, known: Quote | None) -> bool:
    return known is not None and replace(known, at=quote.at) == quote


def _on_tick(price: Decimal, *, tick: Decimal) -> Decimal:
    # The paper list's tick may be coarser than the live one's; a price it refuses would stop the market.
    return max((price / tick).quantize(Decimal(1), ROUND_HALF_EVEN), Decimal(1)) * tick
