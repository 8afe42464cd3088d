"""Alpaca's list of assets into ours. Pure.

Prices have two places from a dollar on and four below; the tick is a cent for all, which both take.
"""

from decimal import Decimal

import msgspec

from broker.alpaca.mapping import read
from broker.alpaca.schemas import Asset
from broker.alpaca.words import EXCHANGE, SHARES
from broker.base import ListedInstrument, ReadFailed
from broker.http import Answer
from services.bracket.model import Instrument

TICK = Decimal("0.01")
_UNLISTED = "OTC"  # shares without an exchange: no stop order rests there

_ASSETS = msgspec.json.Decoder(list[Asset])


def instruments(answer: Answer) -> tuple[ListedInstrument, ...]:
    """Return what can be traded. Raises ReadFailed, or AuthDead."""
    found = read(answer, _ASSETS, lambda rows: tuple(_listed(row) for row in rows if _is_tradable(row)))
    if not found:
        raise ReadFailed("Alpaca lists nothing that can be traded")
    return found


def _is_tradable(row: Asset) -> bool:
    return row.tradable and row.asset_class == SHARES and row.exchange != _UNLISTED


def _listed(row: Asset) -> ListedInstrument:
    return ListedInstrument(
        instrument=Instrument(
            exchange=EXCHANGE, symbol=row.symbol, name=row.name or "", tick_size=TICK, lot_size=1
        )
    )
