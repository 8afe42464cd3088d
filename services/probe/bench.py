"""What a probe stands on: the account, the prices it uses, and looking until a book shows something."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from broker.base import AuthDead, BrokerAccount, OrderRejected, RateLimited, ReadFailed
from services.bracket.model import Instrument, Product, Quote, RefusalKind
from services.bracket.prices import Rounding, round_to_tick
from services.probe.report import Check, Finding, Verdict
from utils.clock import Clock

PATIENCE_SECONDS = 15.0  # how long a book may take to show what was done
_LOOK_SECONDS = 1.0
_DISTANCE = Decimal("0.03")  # from the market, as a share of it
# Of the account or the hour, not of what the broker can do.
_PASSING = frozenset(
    {
        RefusalKind.MARGIN,
        RefusalKind.SESSION_CLOSED,
        RefusalKind.BAND,
        RefusalKind.FREEZE,
        RefusalKind.TICK,
        RefusalKind.RMS,
        RefusalKind.DEMAT_AUTHORISATION,
        RefusalKind.SELF_TRADE,
    }
)

Say = Callable[[str], None]
Wait = Callable[[float], object]
Found = TypeVar("Found")


class ProbeFailed(Exception):
    """The probe could not begin, and nothing of it is left at the broker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the probe costs at worst: a market that bought all of it, in rupees."""

    quantity: int
    rupees: Decimal


def cost_of(instrument: Instrument, quote: Quote) -> Cost:
    """Return the cost of one product's probe, up to the whole rupee."""
    quantity = 2 * instrument.lot_size
    price = levels(instrument, quote).stop_limit
    return Cost(quantity=quantity, rupees=(quantity * price).to_integral_value(Rounding.UP.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Prices of a BUY that should not fill, as a stop and as a limit, and of an OCO around the market."""

    stop_trigger: Decimal
    stop_limit: Decimal
    limit: Decimal
    above: Decimal
    below: Decimal


def levels(instrument: Instrument, quote: Quote) -> Levels:
    """Raises ProbeFailed where today's price band has no room for them."""
    up, down = quote.last * (1 + _DISTANCE), quote.last * (1 - _DISTANCE)
    trigger = round_to_tick(up, instrument.tick_size, rounding=Rounding.UP)
    limit = round_to_tick(trigger * Decimal("1.005"), instrument.tick_size, rounding=Rounding.UP)
    low = round_to_tick(down, instrument.tick_size, rounding=Rounding.DOWN)
    upper, lower = quote.upper_band, quote.lower_band
    if low <= 0 or (upper is not None and limit > upper) or (lower is not None and low < lower):
        raise ProbeFailed(f"{instrument.symbol} has no room of {_DISTANCE:.0%} within today's price band")
    return Levels(stop_trigger=trigger, stop_limit=limit, limit=low, above=trigger, below=low)


class Bench:
    """One account in one instrument. `leftovers` says what a person has to look after, if anything."""

    def __init__(
        self, broker: BrokerAccount, instrument: Instrument, *, clock: Clock, wait: Wait, say: Say
    ) -> None:
        """wait pauses for so many seconds; say tells a person what happens."""
        self.broker = broker
        self.instrument = instrument
        self.say = say
        self.leftovers: list[str] = []
        self._clock = clock
        self._wait = wait

    def quote(self) -> Quote:
        """Return the instrument's quote. Raises ProbeFailed without one."""
        found = self.until(self._quote)
        if found is None:
            raise ProbeFailed(f"the broker has no price of {self.instrument.symbol}, or did not tell it")
        return found

    def _quote(self) -> Quote | None:
        key = (self.instrument.exchange, self.instrument.symbol)
        return self.broker.quotes(frozenset({key})).get(key)

    def patiently(self, write: Callable[[], Found]) -> Found:
        """Write as soon as the rate limit has room, which sends nothing before. Raises as the write does."""
        ends_at = self._clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return write()
            except RateLimited as exc:
                if self._clock.monotonic() >= ends_at:
                    raise
                self._wait(exc.retry_after.total_seconds())

    def until(self, look: Callable[[], Found | None]) -> Found | None:
        """Look until something is found or patience ends; a read that fails is made again."""
        ends_at = self._clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                found = look()
            except (ReadFailed, AuthDead) as exc:
                self.say(f"not read: {exc}")
                found = None
            if found is not None or self._clock.monotonic() >= ends_at:
                return found
            self._wait(_LOOK_SECONDS)

    def refused(self, check: Check, product: Product, refusal: OrderRejected) -> Finding:
        """Return what a refusal says of a broker: nothing where another hour or account would be taken."""
        verdict = Verdict.UNKNOWN if refusal.kind in _PASSING else Verdict.FAILS
        return self.finding(check, product, verdict, f"refused: {refusal.reason}")

    def finding(self, check: Check, product: Product, verdict: Verdict, words: str) -> Finding:
        """Return what came out of a check, and say it."""
        self.say(f"{product} {self.instrument.exchange}: {check}: {verdict} ({words})")
        return Finding(
            check=check,
            product=product,
            exchange=self.instrument.exchange,
            verdict=verdict,
            words=words,
            at=self._clock.now(),
        )
