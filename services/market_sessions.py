"""The exchange calendar of the file, and which session it is for whom."""

from pathlib import Path

from services.bracket.calendar import AlwaysOpen, MarketHours, Session, parse_calendar, session_at
from services.bracket.model import Moment
from services.bracket.observation import TradingSession
from utils.constants import zone_of

CALENDAR_FILE = Path(__file__).parent / "data" / "exchange_calendar.json"


class MarketSessions:
    """Answers which session an exchange is in. Computed at most once a second per exchange."""

    def __init__(self, *, follow_calendar: bool) -> None:
        text = CALENDAR_FILE.read_text(encoding="utf-8")
        self.hours: MarketHours = parse_calendar(text) if follow_calendar else AlwaysOpen()
        self._recent: dict[str, tuple[int, Session]] = {}

    def session(self, exchange: str, now: Moment) -> Session:
        """Return the running session, else the next one. Raises UnknownExchange."""
        second = int(now.wall.timestamp())
        known = self._recent.get(exchange)
        if known is None or known[0] != second:
            known = (second, session_at(self.hours, exchange, now=now.wall))
            self._recent[exchange] = known
        return known[1]

    def trading_session(self, exchange: str, now: Moment) -> TradingSession:
        """Return the same as the core sees it: open only while a stop can fire.

        From `continuous_until` the closing auction has cancelled untriggered stops. A market without
        hours still has days: its broker turns them over at midnight, exchange time.
        """
        session = self.session(exchange, now)
        if isinstance(self.hours, AlwaysOpen):
            today = now.wall.astimezone(zone_of(exchange)).date()
            return TradingSession(id=today.isoformat(), is_open=True)
        return TradingSession(
            id=session.date_id,
            is_open=session.is_open and now.wall < session.continuous_until,
            opens_at=session.opens_at,
            closes_at=session.continuous_until,
        )
