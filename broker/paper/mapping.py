"""Between the simulator's words and the port's, both ways. Pure."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation

from broker.base import OrderRejected, OutcomeUnknown, PositionRow, ReadFailed
from services.bracket.model import Instrument, Product
from simulator import Refused

Key = tuple[str, str]


@contextmanager
def writing() -> Iterator[None]:
    """Raise the port's errors for what goes wrong while something is placed, changed or cancelled."""
    try:
        yield
    except Refused as refused:
        raise OrderRejected(refused.reason, refused.kind) from refused
    except sqlite3.Error as exc:
        # The exchange in memory has it; whether its file does is not known.
        raise OutcomeUnknown(f"the paper exchange could not write its file: {exc}") from exc


@contextmanager
def reading() -> Iterator[None]:
    """Raise the port's error for a read that gave nothing to be trusted."""
    try:
        yield
    except sqlite3.Error as exc:
        raise ReadFailed(f"the paper exchange could not write its file: {exc}") from exc


def net_positions(
    positions: Sequence[PositionRow], holdings: Sequence[PositionRow]
) -> tuple[PositionRow, ...]:
    """Return the positions with holdings added to today's delivery trades of the same symbol."""
    held = {(row.exchange, row.symbol): row for row in holdings}
    merged: list[PositionRow] = []
    for row in positions:
        holding = None
        if row.product == Product.CNC:
            holding = held.pop((row.exchange, row.symbol), None)
        merged.append(row if holding is None else _sum(row, holding))
    return (*merged, *held.values())


def _sum(today: PositionRow, holding: PositionRow) -> PositionRow:
    # The average of what is held: today's sales leave it as it is, buys show in the trade book.
    return PositionRow(
        exchange=today.exchange,
        symbol=today.symbol,
        product=today.product,
        quantity=today.quantity + holding.quantity,
        average_price=holding.average_price,
    )


def opening_prices(text: str, instruments: Mapping[Key, Instrument]) -> dict[Key, Decimal] | None:
    """Return the prices of "NSE:SBIN=500,NSE:INFY=1500" by exchange and symbol; None for an empty text.

    Raises ValueError naming the part that is no listed symbol with a price on its tick.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        return None
    return dict(_opening_price(part, instruments) for part in parts)


def _opening_price(part: str, instruments: Mapping[Key, Instrument]) -> tuple[Key, Decimal]:
    name, _, value = part.partition("=")
    exchange, _, symbol = name.strip().partition(":")
    instrument = instruments.get((exchange, symbol))
    if instrument is None:
        raise ValueError(f"PAPER_PRICES: {part!r} does not name a listed symbol as NSE:SBIN=500 does")
    return (exchange, symbol), _price(value.strip(), part=part, tick_size=instrument.tick_size)


def _price(value: str, *, part: str, tick_size: Decimal) -> Decimal:
    try:
        price = Decimal(value)
    except InvalidOperation as exc:
        raise ValueError(f"PAPER_PRICES: {part!r} does not end in a price") from exc
    if not price.is_finite() or price <= 0 or price % tick_size:
        raise ValueError(f"PAPER_PRICES: {part!r} is not a positive multiple of the tick {tick_size}")
    return price
