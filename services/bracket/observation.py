"""What one look at a bracket knows of the world, and the times the rules are measured by."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.bracket.model import Bracket, GttRow, KillMode, Moment, OrderRow, Overlay, Quote, TradeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingSession:
    """The exchange session a look falls into; closed, it is the next one."""

    id: str
    is_open: bool = True
    opens_at: datetime | None = None
    closes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The part of one complete, authenticated read that concerns one bracket.

    `orders` are the rows with one of its ids or tags; `gtts` the symbol's triggers that no other
    bracket owns (None: not read); `trades` those of its orders (None: not read). position_agrees
    says whether trades, ours and foreign, explain the account's net position; None: not read.
    """

    started: Moment
    orders: tuple[OrderRow, ...] = ()
    gtts: tuple[GttRow, ...] | None = None
    trades: tuple[TradeRow, ...] | None = None
    position_agrees: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the account's position in a bracket's symbol compares with what our brackets prove.

    turnover: all that orders and trades of the symbol show as done, either way; carried: lots that were
    there before anything traded today, the same in every sound read; base: lots that were not ours when
    the bracket came; agrees: trades, ours and foreign, explain the position; external: shares of this
    bracket that foreign trades closed, in total; shortfall: shares missing without a trade.
    """

    turnover: int
    carried: int
    base: int
    agrees: bool
    external: int
    shortfall: int

    def repeats_base(self, bracket: Bracket) -> bool:
        """Whether this says of what is not ours what the bracket saw before, while nothing filled."""
        return (bracket.base_seen, bracket.base_turnover) == (self.carried, self.turnover)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look: every input of a decision but the bracket and the time."""

    session: TradingSession
    read: Read | None = None  # None: nothing was read, or what was read cannot be trusted
    quote: Quote | None = None  # None: no quote young enough
    in_flight: frozenset[int] = frozenset()  # legs with a call on the wire from this process
    kill: KillMode = KillMode.OFF
    standing: Standing | None = None  # None: not read, or not yet seen twice
    troubles: frozenset[Overlay] = frozenset()  # account-wide: BROKER_DOWN, AUTH_DEAD, FEED_STALE
    previous_read: Moment | None = None
    way_is_clear: bool = True  # whether all that the entry waits for are flat


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The waits of the rules. T1 alarm, T2 emergency, Q quiescence, T_gap per rung."""

    quiescence: timedelta = field(default_factory=lambda: _seconds(10))
    absent_reads: int = 3
    alarm_after: timedelta = field(default_factory=lambda: _seconds(3))
    emergency_after: timedelta = field(default_factory=lambda: _seconds(10))
    unknown_alarm_after: timedelta = field(default_factory=lambda: _seconds(15))
    rung: timedelta = field(default_factory=lambda: _seconds(2))
    morph: timedelta = field(default_factory=lambda: _seconds(3))
    morph_pause: timedelta = field(default_factory=lambda: _seconds(30))
    trail_pause: timedelta = field(default_factory=lambda: _seconds(2))
    missed_trigger: timedelta = field(default_factory=lambda: _seconds(5))
    change_lapse: timedelta = field(default_factory=lambda: _seconds(2))
    evidence_apart: timedelta = field(default_factory=lambda: _seconds(2))
    accounting: timedelta = field(default_factory=lambda: _seconds(5))  # for trades once an exit is gone
    alarm_repeat: timedelta = field(default_factory=lambda: _seconds(30))
    alarm_repeat_most: timedelta = field(default_factory=lambda: _seconds(600))
    watch: timedelta = field(default_factory=lambda: timedelta(hours=24))
    hysteresis_ticks: int = 2
    morphs: int = 3
    reserved_modifications: int = 3
    rotate_before_cap: int = 10  # trailing rotates the order when fewer modifications are left
