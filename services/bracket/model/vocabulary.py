"""The words of the field, as closed sets, and the moment something happened."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL: multiply a price difference by it to see it from this side."""
        return 1 if self is Side.BUY else -1


class Product(StrEnum):
    """How the broker carries the position: intraday, delivery, overnight derivative, margin funded."""

    MIS = "MIS"
    CNC = "CNC"
    NRML = "NRML"
    MTF = "MTF"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    SL = "SL"  # stop-limit: rests until the trigger, then a LIMIT
    SL_M = "SL-M"  # stop-market: rests until the trigger, then a MARKET


class Validity(StrEnum):
    """Time in force."""

    DAY = "DAY"
    IOC = "IOC"


class Mode(StrEnum):
    """Whether a bracket trades real money; pinned at its birth."""

    LIVE = "live"
    ANALYZE = "analyze"


class Topology(StrEnum):
    """How the two exits of a slice are held at the broker."""

    MORPH = "A"  # one resting stop; the target is reached by modifying that same order
    OCO = "B"  # the broker's own one-cancels-other (GTT two-leg)
    LOOSE = "C"  # two resting orders, OCO emulated by us: opt-in only
    NATIVE = "D"  # the broker's bracket or super order


class KillMode(StrEnum):
    """The kill switch: it stops entries, never exits."""

    OFF = "off"
    BLOCK_ENTRIES = "block_entries"
    FLATTEN = "flatten"


class PriceMode(StrEnum):
    """What a price in a request means."""

    ABSOLUTE = "absolute"
    POINTS = "points"  # distance from the average fill, in rupees
    PERCENT = "percent"  # distance from the average fill, in per cent of it


class Purpose(StrEnum):
    """What an order's terms are for, at the moment."""

    ENTRY = "entry"
    STOP = "stop"
    TARGET = "target"
    OCO = "oco"  # stop and target in one GTT
    MARKETABLE = "marketable"  # out now, by the price ladder
    UNWIND = "unwind"


class RefusalKind(StrEnum):
    """Why a broker said no, sorted by what we do next."""

    MARGIN = "margin"
    TICK = "tick"
    BAND = "band"  # price outside the circuit or limit-price-protection range
    FREEZE = "freeze"
    STOP_MARKET_BANNED = "stop_market_banned"
    PROTECTION_MISSING = "protection_missing"
    TRIGGER_CROSSED = "trigger_crossed"
    TOO_NEAR = "too_near"  # GTT trigger within the broker's minimum distance of the last price
    DEMAT_AUTHORISATION = "demat_authorisation"
    RMS = "rms"
    SELF_TRADE = "self_trade"
    SESSION_CLOSED = "session_closed"
    CONTRACT_EXPIRED = "contract_expired"
    MODIFICATION_CAP = "modification_cap"
    DUPLICATE_TAG = "duplicate_tag"
    ALREADY_DONE = "already_done"  # modify or cancel of an order that is no longer live
    NOT_FOUND = "not_found"
    UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSpec:
    """A price as asked for: value in rupees (absolute, points) or per cent, by mode."""

    mode: PriceMode
    value: Decimal


class ClockReading(Protocol):
    """The part of a clock that a Moment is made from."""

    @property
    def boot_id(self) -> str: ...
    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, on both clocks.

    Two moments of one boot are compared by the monotonic clock, so a step of the wall clock can
    neither expire nor revive anything; across a restart only the wall clock is left.
    """

    wall: datetime
    mono: float
    boot: str

    @staticmethod
    def read(clock: ClockReading) -> "Moment":
        return Moment(clock.now(), clock.monotonic(), clock.boot_id)

    def since(self, earlier: "Moment") -> timedelta:
        """Return the time from earlier to this moment, never negative."""
        if self.boot == earlier.boot:
            return max(timedelta(0), timedelta(seconds=self.mono - earlier.mono))
        return max(timedelta(0), self.wall - earlier.wall)

    def plus(self, delay: timedelta) -> "Moment":
        return Moment(self.wall + delay, self.mono + delay.total_seconds(), self.boot)

    def at_wall(self, wall: datetime) -> "Moment":
        """Return the moment of this boot at which the wall clock shows (or showed) `wall`."""
        return self.plus(wall.astimezone(UTC) - self.wall)
