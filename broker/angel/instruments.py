"""Angel One's file of instruments (a JSON array of flat objects, new each morning) into ours. Pure.

Strikes and ticks are told in paise. Source: smartapi.angelone.in/docs/Instruments.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from broker.angel.schemas import Script
from broker.angel.scripts import ScriptName, symbol_of
from broker.base import ListedInstrument, ReadFailed
from services.bracket.model import Instrument

_FUTURES = frozenset({"FUTIDX", "FUTSTK", "FUTCOM", "FUTCUR"})
# Options on currencies are left out: nobody outside knows the unit of their strikes.
_OPTIONS = frozenset({"OPTIDX", "OPTSTK", "OPTFUT"})
_KINDS = {"NFO": _FUTURES | _OPTIONS, "BFO": _FUTURES | _OPTIONS, "MCX": _FUTURES | _OPTIONS, "CDS": _FUTURES}
# The series of NSE that are shares: ordinary, trade-for-trade, and those of small companies.
_SERIES = ("-EQ", "-BE", "-BZ", "-SM", "-ST")
_IN_LOTS = frozenset({"CDS", "MCX"})  # quantities there are numbers of lots
_PAISE = Decimal("0.01")

_SCRIPT = msgspec.json.Decoder(Script, strict=False)


def instruments(parts: Iterable[bytes]) -> tuple[ListedInstrument, ...]:
    """Return what can be traded of a whole file, given object by object without their closing braces.

    A symbol that comes twice is left out: it would not say which is meant.
    Raises ReadFailed for a file that is not Angel's, or breaks off: half a list must not replace a whole one.
    """
    try:
        found = tuple(_listed(script) for script in _scripts(parts) if _is_tradable(script))
    except (ValueError, InvalidOperation) as exc:
        raise ReadFailed(f"the file of instruments cannot be read: {exc}") from exc
    names = Counter((one.instrument.exchange, one.instrument.symbol) for one in found)
    return tuple(one for one in found if names[one.instrument.exchange, one.instrument.symbol] == 1)


def _scripts(parts: Iterable[bytes]) -> Iterator[Script]:
    before, rest = b"[", b""
    for part in parts:
        text = part.strip()
        if text == b"]":
            rest = text
            break
        if text[:1] != before:
            raise ReadFailed("the file of instruments is not a list of objects")
        yield _SCRIPT.decode(text[1:] + b"}")
        before = b","
    if rest != b"]":
        raise ReadFailed("the file of instruments is empty, or breaks off")


def _is_tradable(script: Script) -> bool:
    if script.tick_size <= 0 or script.lotsize <= 0:
        return False
    match script.exch_seg:
        case "NSE":
            return not script.instrumenttype and script.symbol.endswith(_SERIES)
        case "BSE":
            return not script.instrumenttype
        case segment:
            return script.instrumenttype in _KINDS.get(segment, ())


def _listed(script: Script) -> ListedInstrument:
    kind = _kind(script)
    instrument = Instrument(
        exchange=script.exch_seg,
        symbol=symbol_of(script.symbol, script.exch_seg),
        name=script.name,
        kind=kind,
        tick_size=script.tick_size * _PAISE,
        lot_size=1 if script.exch_seg in _IN_LOTS else script.lotsize,
        expiry=None if kind == "EQ" else _day(script.expiry),
        strike=Decimal(script.strike) * _PAISE if kind in ("CE", "PE") else None,
    )
    return ListedInstrument(instrument=instrument, token=ScriptName(script.token, script.symbol).listed)


def _kind(script: Script) -> str:
    if not script.instrumenttype:
        return "EQ"
    if script.instrumenttype in _FUTURES:
        return "FUT"
    side = script.symbol[-2:]
    if side not in ("CE", "PE"):
        raise ValueError(f"option {script.symbol} is neither CE nor PE")
    return side


def _day(text: str) -> date:
    return datetime.strptime(text, "%d%b%Y").date()  # noqa: DTZ007  # a day has no zone
