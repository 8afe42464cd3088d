"""The instruments the exchange lists, with the tick and lot sizes of their month."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from services.bracket.model import Instrument
from simulator.orders import Key

BUNDLED = Path(__file__).parent / "data" / "instruments.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument and the price, in rupees, it opens at when nobody says otherwise."""

    instrument: Instrument
    reference_price: Decimal

    @property
    def key(self) -> Key:
        return self.instrument.exchange, self.instrument.symbol


def load_instruments(path: Path = BUNDLED) -> tuple[Listing, ...]:
    """Return the listings of a CSV file, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_listing(row) for row in csv.DictReader(file))


def _listing(row: Mapping[str, str]) -> Listing:
    instrument = Instrument(
        exchange=row["exchange"],
        symbol=row["symbol"],
        name=row["name"],
        kind=row["kind"],
        tick_size=Decimal(row["tick_size"]),
        lot_size=int(row["lot_size"]),
        freeze_quantity=int(row["freeze_quantity"]) if row["freeze_quantity"] else None,
        expiry=date.fromisoformat(row["expiry"]) if row["expiry"] else None,
        strike=Decimal(row["strike"]) if row["strike"] else None,
    )
    return Listing(instrument=instrument, reference_price=Decimal(row["reference_price"]))
