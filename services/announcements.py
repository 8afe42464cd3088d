"""Which stored events clients hear of, as what, and in which words. Pure: one table, one function."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from services.bracket.events import (
    AlarmRaised,
    BracketFinished,
    BracketModified,
    Event,
    LegAcknowledged,
    LegRefused,
    LegSighted,
    ProtectionCompleted,
    ReducedExternally,
    StateChanged,
    TrailMoved,
)
from services.bracket.model import Bracket, Leg, LegKind, LegStatus, Purpose, Role, State

Said = tuple[str, str]  # status, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One `bracket_order_update`. Absent ids are left out of the payload."""

    status: str
    bracket_id: str
    seq: int
    state: str
    mode: str
    symbol: str
    message: str
    timestamp: str
    ids: dict[str, str]

    def payload(self) -> dict[str, object]:
        """Return the event's body as clients get it."""
        return {
            "status": self.status,
            "bracket_id": self.bracket_id,
            "seq": self.seq,
            "state": self.state,
            "mode": self.mode,
            "symbol": self.symbol,
            "message": self.message,
            "timestamp": self.timestamp,
            **self.ids,
        }


def announcement(event: Event, bracket: Bracket, *, seq: int, at: datetime) -> Announcement | None:
    """Return what clients hear of an event; None for what only the timeline tells."""
    say = _WORDS.get(type(event))
    said = None if say is None else say(event, bracket)
    if said is None:
        return None
    status, message = said
    return Announcement(
        status=status,
        bracket_id=bracket.id,
        seq=seq,
        state=event.new if isinstance(event, StateChanged) else bracket.state,
        mode=bracket.plan.mode,
        symbol=bracket.plan.instrument.symbol,
        message=message,
        timestamp=utc_milliseconds(at),
        ids=_ids(bracket),
    )


def utc_milliseconds(at: datetime) -> str:
    """Return a time as every answer shows it: ISO-8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ids(bracket: Bracket) -> dict[str, str]:
    ids: dict[str, str] = {}
    for leg in bracket.legs:
        if leg.broker_order_id is not None:
            for name in _id_names(leg):
                ids[name] = leg.broker_order_id
    return ids


def _id_names(leg: Leg) -> tuple[str, ...]:
    if leg.role is Role.ENTRY:
        return ("order_id", "entry_order_id")
    if leg.kind is LegKind.GTT:
        return ("gtt_id",)
    if leg.role is Role.EXIT and leg.purpose is Purpose.TARGET:
        return ("target_order_id",)
    return ("sl_order_id",) if leg.role is Role.EXIT else ()


def _on_acknowledged(event: LegAcknowledged, bracket: Bracket) -> Said | None:
    leg = bracket.leg(event.seq)
    if leg.role is not Role.ENTRY:
        return None
    return "entry_order_placed", f"Entry order {event.broker_order_id} placed for {_what(bracket)}"


def _on_sighted(event: LegSighted, bracket: Bracket) -> Said | None:
    leg = bracket.leg(event.seq)
    if leg.role is Role.ENTRY and event.status is LegStatus.FILLED:
        return "entry_order_filled", f"Entry filled: {event.filled} at {event.average_price}"
    if leg.role is Role.EXIT and event.status is LegStatus.REJECTED:
        return "partial_failure", f"The {leg.purpose} order was refused: {event.reason}"
    return None


def _on_refused(event: LegRefused, bracket: Bracket) -> Said | None:
    leg = bracket.leg(event.seq)
    if leg.role is Role.ENTRY:
        return None  # told by the state that follows
    return "partial_failure", f"The {leg.purpose} order was refused: {event.reason}"


def _on_completed(event: ProtectionCompleted, bracket: Bracket) -> Said:
    return "completed", f"All {event.quantity} shares are protected: exits are in place"


def _on_finished(event: BracketFinished, bracket: Bracket) -> Said:
    profit = "" if event.profit is None else f", profit {event.profit}"
    words = event.outcome.value.replace("_", " ")
    return event.outcome.value, f"Bracket closed, {words}{profit}"


def _on_modified(event: BracketModified, bracket: Bracket) -> Said:
    return "modified", f"Bracket modified by {event.by}"


def _on_trailed(event: TrailMoved, bracket: Bracket) -> Said:
    return "modified", f"Stop moved to {event.stop}"


def _on_reduced(event: ReducedExternally, bracket: Bracket) -> Said:
    taken = sum(quantity for _, quantity in event.reductions)
    return "modified", f"{taken} shares are gone: {event.cause}"


def _on_alarm(event: AlarmRaised, bracket: Bracket) -> Said:
    return ("unprotected" if event.kind == "unprotected" else "error"), event.text


def _on_state(event: StateChanged, bracket: Bracket) -> Said | None:
    status = _ENDINGS.get(event.new)
    if status is None:
        return None
    reason = next((leg.reason for leg in reversed(bracket.legs) if leg.reason), None)
    detail = f": {reason}" if reason and event.new is State.REJECTED else ""
    return status, f"Bracket {status}, nothing was filled{detail}" if _unfilled(event) else event.on


def _unfilled(event: StateChanged) -> bool:
    return event.new is not State.HANDED_OVER


_ENDINGS = {
    State.REJECTED: "rejected",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.HANDED_OVER: "cancelled",
}


def _what(bracket: Bracket) -> str:
    plan = bracket.plan
    return f"{plan.side} {plan.quantity} {plan.instrument.exchange}:{plan.instrument.symbol}"


# Callable[..., ...]: the key is the type of the first argument, which the type system cannot express.
_WORDS: dict[type, Callable[..., Said | None]] = {
    LegAcknowledged: _on_acknowledged,
    LegSighted: _on_sighted,
    LegRefused: _on_refused,
    ProtectionCompleted: _on_completed,
    BracketFinished: _on_finished,
    BracketModified: _on_modified,
    TrailMoved: _on_trailed,
    ReducedExternally: _on_reduced,
    AlarmRaised: _on_alarm,
    StateChanged: _on_state,
}
