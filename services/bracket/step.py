"""One look at one bracket: collects events in order, each applied as it is decided."""

from datetime import timedelta
from decimal import Decimal

from services.bracket.events import AlarmCleared, AlarmRaised, Event, OverlayCleared, OverlayRaised
from services.bracket.fold import fold
from services.bracket.model import Alarm, Bracket, Moment, Overlay, Side
from services.bracket.observation import Seen, Timing


class Step:
    """The bracket as it is now, what is seen of the world, and what this look has decided so far."""

    def __init__(self, bracket: Bracket, *, seen: Seen, now: Moment, timing: Timing) -> None:
        self.bracket = bracket
        self.last_change = bracket.updated  # before this look
        self.seen = seen
        self.now = now
        self.timing = timing
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.bracket = fold(self.bracket, event, self.now)
        self.events.append(event)

    @property
    def side(self) -> Side:
        return self.bracket.plan.side

    @property
    def exit_side(self) -> Side:
        return self.bracket.plan.side.opposite

    def age(self, moment: Moment) -> timedelta:
        return self.now.since(moment)

    def exit_price(self) -> Decimal | None:
        """Return what an exit would get now: the best price of the other side, else the last."""
        quote = self.seen.quote
        if quote is None:
            return None
        best = quote.bid if self.exit_side is Side.SELL else quote.ask
        return quote.last if best is None else best

    def alarm(self, kind: str) -> Alarm | None:
        return next((alarm for alarm in self.bracket.alarms if alarm.kind == kind), None)

    def raise_alarm(self, kind: str, text: str) -> None:
        """Raise an alarm, or repeat it with growing pauses; say the same twice in one pause: nothing."""
        known = self.alarm(kind)
        if known is None:
            self.record(AlarmRaised(kind=kind, text=text, count=1))
        elif self.age(known.last_at) >= self.alarm_pause(known):
            self.record(AlarmRaised(kind=kind, text=text, count=known.count + 1))

    def alarm_pause(self, alarm: Alarm) -> timedelta:
        doubled = self.timing.alarm_repeat * (1 << min(alarm.count - 1, 10))
        return min(doubled, self.timing.alarm_repeat_most)

    def clear_alarm(self, kind: str) -> None:
        if self.alarm(kind) is not None:
            self.record(AlarmCleared(kind=kind))

    def set_overlay(self, overlay: Overlay, present: bool) -> None:
        if present and overlay not in self.bracket.overlays:
            self.record(OverlayRaised(overlay=overlay))
        elif not present and overlay in self.bracket.overlays:
            self.record(OverlayCleared(overlay=overlay))

    def need_attention(self, kind: str, text: str) -> None:
        """Raise the flag that a person has to look, and an alarm that says at what."""
        self.set_overlay(Overlay.NEEDS_ATTENTION, True)
        self.raise_alarm(kind, text)
