"""Whether a database holds what it should: no damage, whole event chains, tables that are their fold."""

from collections.abc import Iterator, Sequence

from database.bracket_db import StoredEvent, history_of, load, verify_chain
from database.revision import is_current
from database.session import Database
from database.store_audit import bracket_ids, damage, legs_in_table
from services.bracket.lifecycle import IllegalMove, apply
from services.bracket.model import Bracket, Moment
from services.event_codec import decode_event
from services.recording import decode_cause


def store_faults(db: Database) -> Iterator[str]:
    """Yield a sentence for each fault, none for a good database. Reads all of it. Raises NotRead."""
    found = list(damage(db))
    yield from found
    if found:
        return
    if not is_current(db):
        yield "the tables have not the form this version needs: run `flask --app app db upgrade`"
        return
    for bracket_id in bracket_ids(db):
        yield from bracket_faults(db, bracket_id)


def bracket_faults(db: Database, bracket_id: str) -> Iterator[str]:
    """Yield what is wrong with one bracket's record."""
    broken = verify_chain(db, bracket_id)
    if broken is not None:
        yield f"bracket {bracket_id}: event {broken} was altered, removed or put in"
        return
    stored, history = load(db, bracket_id), history_of(db, bracket_id)
    if stored is None or not _is_fold(stored, history):
        yield f"bracket {bracket_id} is not what its events make"
    elif legs_in_table(db, bracket_id) != _legs(stored):
        yield f"the legs of bracket {bracket_id} are not what its events make"


def _is_fold(stored: Bracket, history: Sequence[StoredEvent]) -> bool:
    try:
        folded = _fold(history)
    except (IllegalMove, KeyError):  # a move that is none, or a kind this version does not know
        return False
    if folded is None:
        return False
    # Before causes were stored nobody kept the monotonic clock: what hangs on it cannot be compared.
    return stored == folded if history[0].cause is not None else _facts(stored) == _facts(folded)


def _fold(history: Sequence[StoredEvent]) -> Bracket | None:
    bracket: Bracket | None = None
    now: Moment | None = None
    for stored in history:
        if stored.cause is not None:
            now = decode_cause(stored.cause).now
        event = decode_event(stored.kind, stored.payload)
        bracket = apply(bracket, event, now or Moment(stored.at, 0.0, ""))
    return bracket


def _facts(bracket: Bracket) -> tuple[object, ...]:
    return bracket.state, bracket.version, bracket.slices, bracket.stop, _legs(bracket)


def _legs(bracket: Bracket) -> tuple[tuple[int, str, int], ...]:
    return tuple((leg.seq, str(leg.status), leg.filled) for leg in bracket.legs)
