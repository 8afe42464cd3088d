"""What goes wrong with reads: old, partial, empty, double and strangely spelled books, and bad quotes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from services.bracket.model import Quote, RowStatus
from simulator.faults.base import Books, Fault, Part, Rows, Unreadable
from simulator.faults.states import ANY
from simulator.orders import Key


class TooManyRequests(Fault):
    code = "F12"
    says = "429 on the entry, on the stop and on reads, for a while"
    usual_rate = 0.03
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._until = 0.0

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        dice = self.strikes()
        if dice is not None:
            self._until = books.now + dice.uniform(0.5, 6.0)
        if books.now < self._until and not self.is_over:
            raise Unreadable("HTTP 429")
        return None

    def holds_back(self, now: float) -> bool:
        """Whether a write is refused now, before the broker looks at it."""
        return now < self._until and not self.is_over


class HiddenOrder(Fault):
    """With the slowest acceptance (5 s) and the stalest book (3 s) it must stay within what Q allows for."""

    code = "F13"
    says = "an id is returned, but the book lacks the order for 1 to 3.5 seconds"
    usual_rate = 0.15
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._hidden: dict[str, float] = {}

    def accepted(self, order_id: str, now: float) -> None:
        dice = self.strikes()
        if dice is not None:
            self._hidden[order_id] = now + dice.uniform(1.0, 3.5)

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part is not Part.ORDERS or not self._hidden or self.is_over:
            return None
        shown = tuple(row for row in rows if self._hidden.get(row.broker_order_id, 0.0) <= books.now)
        return None if len(shown) == len(rows) else shown


class StaleBook(Fault):
    code = "F20"
    says = "a book as it was up to 3 seconds ago"
    usual_rate = 0.15
    where = ANY

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        dice = self.strikes()
        return None if dice is None else books.rows(part, ago=dice.uniform(0.2, 3.0))


class VeryStaleBook(Fault):
    """Staler than the quiescence allows for: the absence rule's assumption does not hold."""

    code = "F20L"
    says = "a book as it was 5 to 30 seconds ago"
    usual_rate = 0.08
    where = ANY
    excuses = frozenset({"I1", "I2", "I5", "I6", "I12", "belief"})
    breaks_assumptions = True

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        dice = self.strikes()
        return None if dice is None else books.rows(part, ago=dice.uniform(5.0, 30.0))


class PartialBook(Fault):
    """Never three times in a row: three complete reads are what absence is proved by."""

    code = "F21"
    says = "the book lacks an order, shows no row at all, or its first page only"
    usual_rate = 0.12
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._in_a_row = {Part.ORDERS: 0, Part.GTTS: 0}

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part not in (Part.ORDERS, Part.GTTS) or not rows:
            return None
        dice = self.strikes() if self._in_a_row[part] < 2 else None
        self._in_a_row[part] = 0 if dice is None else self._in_a_row[part] + 1
        if dice is None:
            return None
        lost = dice.randrange(len(rows))
        return dice.choice(((), rows[: len(rows) // 2], rows[:lost] + rows[lost + 1 :]))


class MixedInstants(Fault):
    code = "F22"
    says = "a fresh order book beside old positions and trades, or the opposite"
    usual_rate = 0.25
    where = ANY

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part not in (Part.POSITIONS, Part.TRADES):
            return None
        dice = self.strikes()
        return None if dice is None else books.rows(part, ago=dice.uniform(0.5, 6.0))


class DeadToken(Fault):
    code = "F23"
    says = "the token is dead: 200 with empty lists"
    usual_rate = 0.01
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._until = 0.0

    def kills_session(self, now: float) -> bool:
        dice = self.strikes()
        if dice is not None:
            self._until = now + dice.uniform(1.0, 15.0)
        return now < self._until and not self.is_over


class UnknownWord(Fault):
    code = "F24"
    says = "a status word that nobody has seen before, on one row"
    usual_rate = 0.05
    where = ANY

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part is not Part.ORDERS or not rows:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        return _changed(rows, dice.randrange(len(rows)), status=RowStatus.UNKNOWN)


class OddSpelling(Fault):
    code = "F25"
    says = "a part fill spelled as no table has it: not in the table is unknown, never filled"
    usual_rate = 0.3
    where = ANY

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part is not Part.ORDERS:
            return None
        partial = [i for i, row in enumerate(rows) if 0 < row.filled < row.quantity]
        dice = self.strikes() if partial else None
        return None if dice is None else _changed(rows, dice.choice(partial), status=RowStatus.UNKNOWN)


class NoAveragePrice(Fault):
    code = "F26"
    says = "average price 0 or null on a filled order"
    usual_rate = 0.3
    where = ANY

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part is not Part.ORDERS:
            return None
        filled = [i for i, row in enumerate(rows) if row.filled]
        dice = self.strikes() if filled else None
        return None if dice is None else _changed(rows, filled[-1], average_price=None)


class TradesTwice(Fault):
    code = "F28"
    says = "the same trade listed twice, or the trade book late"
    usual_rate = 0.3
    where = ANY

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part is not Part.TRADES or not rows:
            return None
        dice = self.strikes()
        if dice is None:
            return None
        if dice.random() < 0.5:
            return books.rows(part, ago=dice.uniform(1.0, 5.0))
        twice = dice.randrange(len(rows))
        return (*rows, rows[twice])


class LostTag(Fault):
    """Never three times in a row, as for any read that lacks something."""

    code = "F29"
    says = "our tag is missing in some rows, or cut to eight characters"
    usual_rate = 0.15
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._in_a_row = 0

    def spoil(self, part: Part, rows: Rows, books: Books) -> Rows | None:
        if part is not Part.ORDERS:
            return None
        tagged = [i for i, row in enumerate(rows) if row.tag]
        dice = self.strikes() if tagged and self._in_a_row < 2 else None
        self._in_a_row = 0 if dice is None else self._in_a_row + 1
        if dice is None:
            return None
        which = dice.choice(tagged)
        return _changed(rows, which, tag=dice.choice((None, rows[which].tag[:8])))


def _changed(rows: Rows, which: int, **fields: object) -> Rows:
    return (*rows[:which], replace(rows[which], **fields), *rows[which + 1 :])


class BadQuotes(Fault):
    code = "F35"
    says = "the price feed is silent, frozen, spikes, says zero, names another symbol, or goes back in time"
    usual_rate = 0.05
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._until = 0.0
        self._how = ""
        self._frozen: dict[Key, Quote] = {}

    def spoil_quotes(self, quotes: dict[Key, Quote], now: float) -> dict[Key, Quote] | None:
        dice = self.strikes() if quotes else None
        if dice is not None:
            self._how = dice.choice(("silent", "frozen", "spike", "zero", "wrong", "back"))
            self._until = now + (0.0 if self._how in ("spike", "zero") else dice.uniform(1.0, 8.0))
            self._frozen = dict(quotes)
            return self._spoiled(quotes)
        return self._spoiled(quotes) if now < self._until and not self.is_over else None

    def _spoiled(self, quotes: dict[Key, Quote]) -> dict[Key, Quote]:
        match self._how:
            case "silent":
                return {}
            case "frozen":
                return {key: self._frozen.get(key, quote) for key, quote in quotes.items()}
            case "spike":
                return {
                    key: replace(quote, last=quote.last * Decimal("1.5")) for key, quote in quotes.items()
                }
            case "zero":
                return {key: replace(quote, last=Decimal(0)) for key, quote in quotes.items()}
            case "wrong":
                return {(key[0], key[1] + "X"): quote for key, quote in quotes.items()}
            case _:
                old = timedelta(minutes=1)
                return {key: replace(quote, at=quote.at - old) for key, quote in quotes.items()}
