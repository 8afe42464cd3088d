"""Where prices come from: a seeded walk with gaps, a recorded path, or somebody's hand."""

import math
import random
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, assert_never

from services.bracket.model import Instrument
from simulator.settings import WalkSettings

_LONGEST_SWING = 14  # octaves: beyond 2**14 seconds (4.5 hours) the walk comes back instead of drifting away


class FeedKind(StrEnum):
    HAND = "hand"
    WALK = "walk"
    PATH = "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Which source moves a symbol, from what price and since when; `step` is the last one applied."""

    kind: FeedKind = FeedKind.HAND
    anchor: Decimal = Decimal(0)
    started_at: datetime | None = None
    step: int = 0
    path: tuple[Decimal, ...] = ()

    def due_step(self, now: datetime) -> int:
        """Return the number of whole seconds since this feed began; 0 for a price set by hand."""
        if self.started_at is None:
            return 0
        return int((now - self.started_at).total_seconds())


class PriceSource(Protocol):
    """Gives the price of any step, in rupees, without having to walk through those before."""

    def price_at(self, step: int) -> Decimal:
        """Return the price `step` seconds after the source began; step 0 is its first price."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedPath:
    """One price a second; the last one stays."""

    prices: tuple[Decimal, ...]

    def price_at(self, step: int) -> Decimal:
        return self.prices[min(step, len(self.prices) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededWalk:
    """A price that wanders like a market and is the same for the same seed, symbol and step.

    It is a sum of smooth noises whose swings take 1, 2, 4, ... seconds: over a second it moves by
    the volatility, over longer times by its square root, and any step can be asked for directly.
    """

    seed: int
    symbol: str
    anchor: Decimal
    tick_size: Decimal
    settings: WalkSettings

    def price_at(self, step: int) -> Decimal:
        drift = self._level(step) - self._level(0)
        price = self.anchor * Decimal(repr(math.exp(drift)))
        ticks = (price / self.tick_size).quantize(Decimal(1), ROUND_HALF_EVEN)
        return max(ticks, Decimal(1)) * self.tick_size

    def _level(self, step: int) -> float:
        swings = sum(self._swing(octave, step) for octave in range(_LONGEST_SWING + 1))
        # Half the volatility per octave: the steps of all octaves then sum up to it.
        return swings * float(self.settings.volatility) / 2 + self._gap(step)

    def _swing(self, octave: int, step: int) -> float:
        index, rest = divmod(step, 1 << octave)
        here = _noise(self.seed, self.symbol, octave, index)
        there = _noise(self.seed, self.symbol, octave, index + 1)
        height: float = 2 ** (octave / 2)
        return height * (here + (there - here) * rest / (1 << octave))

    def _gap(self, step: int) -> float:
        """One jump at a random second of every stretch of time."""
        if not self.settings.gaps_per_hour:
            return 0.0
        length = max(1, int(3600 / self.settings.gaps_per_hour))
        stretch, second = divmod(step, length)
        jump_at = random.Random(f"{self.seed}:{self.symbol}:when:{stretch}").randrange(length)
        level = _noise(self.seed, self.symbol, -1, stretch if second >= jump_at else stretch - 1)
        return level * float(self.settings.gap_size)


@lru_cache(maxsize=65536)
def _noise(seed: int, symbol: str, octave: int, index: int) -> float:
    return random.Random(f"{seed}:{symbol}:{octave}:{index}").gauss(0.0, 1.0)


def source_of(
    feed: Feed, instrument: Instrument, *, seed: int, walk: WalkSettings | None
) -> PriceSource | None:
    """Return what moves the symbol, or None when only a hand does."""
    match feed.kind:
        case FeedKind.HAND:
            return None
        case FeedKind.PATH:
            return RecordedPath(feed.path)
        case FeedKind.WALK:
            return SeededWalk(
                seed=seed,
                symbol=f"{instrument.exchange}:{instrument.symbol}",
                anchor=feed.anchor,
                tick_size=instrument.tick_size,
                settings=walk or WalkSettings(),
            )
        case _:
            assert_never(feed.kind)
