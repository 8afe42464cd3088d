"""What an account's reads add up to: what repeats itself, what others hold, what two reads agree on."""

from datetime import timedelta

from services.bracket.account import BookIndex, foreign_filled
from services.bracket.model import BookRead, Bracket, Leg, Moment
from services.bracket.native import is_held_back
from services.bracket.observation import Read, Standing, Timing


class AccountPicture:
    """Remembers the last complete read, and evidence that needs a second read before it counts."""

    def __init__(self) -> None:
        self.previous_read: Moment | None = None
        self.wants_everything = False  # trades and positions too, with the next read
        self._last: tuple[BookRead, dict[str, str]] | None = None
        self._foreign_filled = 0
        self._evidence: dict[str, tuple[Standing, Moment]] = {}

    def is_repeated(self, books: BookRead, sessions: dict[str, str]) -> bool:
        """Whether a read says exactly what the last complete one did, on the same day."""
        if self._last is None:
            return False
        _, last_sessions = self._last
        return not self.shows_news(books) and books.positions is None and sessions == last_sessions

    def shows_news(self, books: BookRead) -> bool:
        """Whether orders or GTTs are not as the last complete read had them."""
        if self._last is None:
            return False
        last, _ = self._last
        return books.orders != last.orders or books.gtts != last.gtts

    def keep(self, books: BookRead, sessions: dict[str, str]) -> None:
        """Remember a complete read."""
        self._last = (books, sessions)

    def notes_foreign_fills(self, index: BookIndex, brackets: list[Bracket]) -> bool:
        """Whether others' orders have filled in our symbols; then trades and positions are wanted too."""
        filled = foreign_filled(index, brackets)
        is_news = index.read.positions is None and filled != self._foreign_filled
        if index.read.positions is not None:
            self.wants_everything = False
        elif is_news:
            self.wants_everything = True
        self._foreign_filled = filled
        return is_news

    def needs_proof(self, bracket: Bracket, standing: Standing | None) -> bool:
        """Whether what a read shows is believed only when a second one, some time later, says the same."""
        if standing is None or not _changes_the_picture(bracket, standing):
            self._evidence.pop(bracket.id, None)
            return False
        return True

    def is_proven(self, bracket: Bracket, standing: Standing, started: Moment, *, apart: timedelta) -> bool:
        """Take a read in as evidence; whether an older one, at least `apart` before, says the same."""
        first, since = self._evidence.get(bracket.id, (standing, started))
        if _picture(first) != _picture(standing):
            first, since = standing, started
        self._evidence[bracket.id] = (first, since)
        self.wants_everything = True
        return started.since(since) >= apart


def differs(old: Read | None, new: Read) -> bool:
    """Whether a read shows a bracket anything that the one before did not."""
    if old is None:
        return True
    return old.orders != new.orders or old.gtts != new.gtts or old.position_agrees != new.position_agrees


def is_evidence(bracket: Bracket, read: Read, standing: Standing | None, *, timing: Timing) -> bool:
    """Whether a read that repeats the one before still proves something: absence, a change, our base."""
    if any(leg.change is not None or leg.missed_reads or _is_unheard(bracket, leg) for leg in bracket.legs):
        return True
    if bracket.foreign_base is not None or bracket.state.is_closed or standing is None:
        return False
    seen_at = bracket.base_seen_at
    return (
        seen_at is None
        or not standing.repeats_base(bracket)
        or read.started.since(seen_at) >= timing.evidence_apart
    )


def _is_unheard(bracket: Bracket, leg: Leg) -> bool:
    return leg.is_live and not leg.is_working and not is_held_back(bracket, leg)


def _changes_the_picture(bracket: Bracket, standing: Standing) -> bool:
    known = sum(part.external for part in bracket.slices)
    return standing.external != known or standing.shortfall > 0


def _picture(standing: Standing) -> tuple[int, int]:
    return (standing.external, standing.shortfall)
