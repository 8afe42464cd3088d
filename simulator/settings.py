"""What can be chosen about a simulated exchange."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

from utils.constants import EXCHANGE_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkSettings:
    """How prices wander by themselves. volatility is the typical move of one second, as a share."""

    volatility: Decimal = Decimal("0.0002")
    gaps_per_hour: Decimal = Decimal("0")
    gap_size: Decimal = Decimal("0.005")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHours:
    """When the market is open, in exchange time, Monday to Friday."""

    opens: time = time(9, 15)
    closes: time = time(15, 30)

    def is_open(self, now: datetime) -> bool:
        local = now.astimezone(EXCHANGE_ZONE)
        return local.weekday() < 5 and self.opens <= local.time() < self.closes

    def next_open(self, now: datetime) -> datetime:
        """Return when the market is open next: now, or the first opening after it."""
        if self.is_open(now):
            return now
        local = now.astimezone(EXCHANGE_ZONE)
        days = (local.date() + timedelta(days=ahead) for ahead in range(8))
        openings = (datetime.combine(day, self.opens, tzinfo=EXCHANGE_ZONE) for day in days)
        return next(moment for moment in openings if moment > now and moment.weekday() < 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeSettings:
    """How this broker's native brackets behave. Brokers differ in each of these, and few write them down."""

    arms_each_fill: bool = True  # the exits follow each fill; else they work once the entry is complete
    reduces_sibling: bool = True  # by what the other fills; else gone as the other triggers or first fills
    cancels_both: bool = False  # whether cancelling one exit takes the other one too
    keeps_exits: bool = True  # for what has filled, when the rest of the entry ends; else they go with it
    shows_tag: bool = True  # whether the book shows the entry's tag


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """The exchange's rules and manners. Amounts in rupees; None means unlimited or always."""

    seed: int = 0
    walk: WalkSettings | None = None  # None: prices move only by hand
    depth: int | None = None  # shares at the best bid and ask of every price
    acceptance_delay: timedelta = timedelta(0)
    hours: SessionHours | None = None
    ends_days_by_itself: bool = False  # at midnight, exchange time
    squares_off_at: time | None = None  # exchange time at which the broker closes what is intraday
    opening_cash: Decimal = Decimal("10000000")
    enforces_margin: bool = True
    demat_authorised: bool = True
    modifications_per_order: int = 25
    native: NativeSettings = field(default_factory=NativeSettings)
    gtt_minimum_distance: Decimal = Decimal("0.0025")
    active_gtts: int = 250
    ended_gtts_listed: timedelta = timedelta(days=7)
    quote_interest: timedelta = timedelta(seconds=60)  # how long a quoted symbol keeps moving
    replayed_steps: int = 600  # of a walk nobody ticked; before that it jumps
    first_number: int = 1  # ids count from here in a new exchange
    bands: dict[str, Decimal] = field(  # share of the reference price, by kind; absent: no band
        default_factory=lambda: {"EQ": Decimal("0.20"), "FUT": Decimal("0.10")}
    )
