"""The desk that moves prices: by their source as time passes, or by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from services.bracket.model import Instrument
from simulator.ledger import Ledger
from simulator.market import Market, banded, is_inside_band, moved
from simulator.news import News
from simulator.orders import Key
from simulator.prices import Feed, FeedKind, PriceSource, source_of
from simulator.settings import ExchangeSettings


class PriceDesk:
    """Works on the ledger's markets. Raises ValueError for a symbol or price that cannot be."""

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
        self._sources: dict[Key, PriceSource | None] = {}

    def open(self, key: Key, price: Decimal, *, now: datetime) -> None:
        """Give a symbol its first price, walking when the exchange walks."""
        self._open_market(key, price, now=now)
        if self._settings.walk is not None:
            self.walk(key, now=now)

    def recentre(self, key: Key, price: Decimal, *, now: datetime) -> None:
        """Begin a symbol's day anew at a price: its band lies around that, and only a hand moves it."""
        self._sources.pop(key, None)
        self._open_market(key, price, now=now)

    def set_by_hand(
        self,
        key: Key,
        last: Decimal,
        *,
        bid: Decimal | None,
        ask: Decimal | None,
        depth: int | None,
        now: datetime,
    ) -> None:
        """Set the market; its source stops. A band in the way gives way, unless it was set by hand."""
        for price in (last, bid, ask):
            self._check_price(key, price)
        market = self._ledger.market(key) or self._open_market(key, last, now=now)
        if not is_inside_band(market, last):
            market = self._relaxed(market, last)
        depth = self._settings.depth if depth is None else depth
        market = moved(market, last, at=now, bid=bid, ask=ask, depth=depth)
        self._feed(market, Feed())

    def fix_band(self, key: Key, *, lower: Decimal, upper: Decimal) -> None:
        """Set the price band by hand; at its edges one side of the market is empty."""
        market = self._known(key)
        if not lower <= market.last <= upper:
            raise ValueError(f"last price {market.last} is not within {lower} to {upper}")
        banned = replace(market, lower_band=lower, upper_band=upper, band_is_fixed=True)
        self._put(moved(banned, market.last, at=market.at, depth=self._settings.depth))

    def walk(self, key: Key, *, now: datetime) -> None:
        """Let the seeded walk move the price from where it stands."""
        market = self._known(key)
        self._feed(market, Feed(kind=FeedKind.WALK, anchor=market.last, started_at=now))

    def hold(self, key: Key) -> None:
        """Keep the price where it stands until told otherwise."""
        self._feed(self._known(key), Feed())

    def follow(self, key: Key, path: tuple[Decimal, ...], *, now: datetime) -> None:
        """Play a recorded path, one price a second; its first price is due at once."""
        if not path:
            raise ValueError("a path needs at least one price")
        for price in path:
            self._check_price(key, price)
        self.set_by_hand(key, path[0], bid=None, ask=None, depth=None, now=now)
        feed = Feed(kind=FeedKind.PATH, anchor=path[0], started_at=now, path=path)
        self._feed(self._known(key), feed)

    def due_moves(self, key: Key, *, now: datetime, every: bool) -> Iterator[Decimal]:
        """Apply the steps that time has made due, yielding after each so that its orders can match.

        With `every` false (nobody waits in this symbol) only the newest step is applied.
        """
        market = self._ledger.market(key)
        source = None if market is None else self._source(market)
        if market is None or source is None:
            return
        due = market.feed.due_step(now)
        replayed = self._settings.replayed_steps if every else 1
        for step in range(max(market.feed.step + 1, due - replayed + 1), due + 1):
            yield self._step(key, source.price_at(step), step=step, now=now)

    def new_day(self) -> None:
        """Centre every band on the last price, as the next morning does."""
        for market in tuple(self._ledger.markets):
            instrument = self._instruments.get(market.key)
            if instrument is not None:
                share = self._settings.bands.get(instrument.kind)
                self._ledger.put_market(banded(market, instrument, share=share))

    def _step(self, key: Key, price: Decimal, *, step: int, now: datetime) -> Decimal:
        market = self._known(key)
        if market.feed.kind is FeedKind.PATH and not is_inside_band(market, price):
            market = self._relaxed(market, price)
        price = max(price, market.lower_band or price)
        price = min(price, market.upper_band or price)
        market = moved(market, price, at=now, depth=self._settings.depth)
        self._put(replace(market, feed=replace(market.feed, step=step)))
        return price

    def _source(self, market: Market) -> PriceSource | None:
        if market.key not in self._sources:
            settings = self._settings
            instrument = self._instruments[market.key]
            source = source_of(market.feed, instrument, seed=settings.seed, walk=settings.walk)
            self._sources[market.key] = source
        return self._sources[market.key]

    def _feed(self, market: Market, feed: Feed) -> None:
        """Let another source move the price from now on."""
        self._sources.pop(market.key, None)
        self._put(replace(market, feed=feed))

    def _open_market(self, key: Key, price: Decimal, *, now: datetime) -> Market:
        self._check_price(key, price)
        instrument = self._instruments[key]
        bare = Market(exchange=key[0], symbol=key[1], last=price, at=now, feed=Feed())
        band = banded(bare, instrument, share=self._settings.bands.get(instrument.kind))
        market = moved(band, price, at=now, depth=self._settings.depth)
        self._put(market)
        return market

    def _relaxed(self, market: Market, price: Decimal) -> Market:
        if market.band_is_fixed:
            raise ValueError(f"price {price} is outside the band {market.lower_band} to {market.upper_band}")
        instrument = self._instruments[market.key]
        share = self._settings.bands.get(instrument.kind)
        return banded(replace(market, last=price), instrument, share=share)

    def _check_price(self, key: Key, price: Decimal | None) -> None:
        instrument = self._instruments.get(key)
        if instrument is None:
            raise ValueError(f"the exchange does not list {':'.join(key)}")
        if price is None:
            return
        if not price.is_finite() or price <= 0 or price % instrument.tick_size:
            raise ValueError(
                f"price {price} of {':'.join(key)} is not a positive multiple of {instrument.tick_size}"
            )

    def _known(self, key: Key) -> Market:
        market = self._ledger.market(key)
        if market is None:
            raise ValueError(f"{':'.join(key)} has no price yet")
        return market

    def _put(self, market: Market) -> None:
        self._ledger.put_market(market)
        self._news.symbols.add(market.key)
