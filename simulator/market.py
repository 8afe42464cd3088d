"""One symbol's market: last price, best bid and ask, what is left to take at each, the price band."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.bracket.model import Instrument, Quote, Side
from simulator.orders import Key
from simulator.prices import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A side that is None is empty. `*_left` shares can be taken until the next price; None: any number."""

    exchange: str
    symbol: str
    last: Decimal
    at: datetime
    feed: Feed
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_left: int | None = None
    ask_left: int | None = None
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None
    band_is_fixed: bool = False  # set by hand: the price may not leave it

    @property
    def key(self) -> Key:
        return self.exchange, self.symbol

    def offered(self, side: Side) -> tuple[Decimal | None, int | None]:
        """Return price and quantity that an order of this side can take."""
        return (self.ask, self.ask_left) if side is Side.BUY else (self.bid, self.bid_left)


def moved(
    market: Market,
    last: Decimal,
    *,
    at: datetime,
    bid: Decimal | None = None,
    ask: Decimal | None = None,
    depth: int | None = None,
) -> Market:
    """Return the market at a new price with fresh depth; bid and ask are the last price unless told.

    At the edge of the band one side is empty: nobody sells at the upper one, nobody buys at the lower.
    """
    at_top = market.upper_band is not None and last >= market.upper_band
    at_bottom = market.lower_band is not None and last <= market.lower_band
    return replace(
        market,
        last=last,
        at=at,
        bid=None if at_bottom else (last if bid is None else bid),
        ask=None if at_top else (last if ask is None else ask),
        bid_left=depth,
        ask_left=depth,
    )


def taken(market: Market, side: Side, *, quantity: int) -> Market:
    """Return the market after an order of this side took quantity from it."""
    if side is Side.BUY and market.ask_left is not None:
        return replace(market, ask_left=market.ask_left - quantity)
    if side is Side.SELL and market.bid_left is not None:
        return replace(market, bid_left=market.bid_left - quantity)
    return market


def banded(market: Market, instrument: Instrument, *, share: Decimal | None) -> Market:
    """Return the market with its band centred on the last price; without one when share is None."""
    if share is None:
        return replace(market, lower_band=None, upper_band=None, band_is_fixed=False)
    tick = instrument.tick_size
    reach = (market.last * share // tick) * tick
    lower, upper = market.last - reach, market.last + reach
    return replace(market, lower_band=lower, upper_band=upper, band_is_fixed=False)


def is_inside_band(market: Market, price: Decimal) -> bool:
    """Tell whether an order may carry this price."""
    above = market.lower_band is None or price >= market.lower_band
    return above and (market.upper_band is None or price <= market.upper_band)


def quote(market: Market) -> Quote:
    """Return what a quote of this market says."""
    return Quote(
        last=market.last,
        at=market.at,
        bid=market.bid,
        ask=market.ask,
        lower_band=market.lower_band,
        upper_band=market.upper_band,
    )
