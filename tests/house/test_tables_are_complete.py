"""Every table that answers for all members of a closed set does so."""

from typing import get_args

from services import timeline
from services.bracket import fold
from services.bracket.events import BracketReceived, Event
from services.bracket.lifecycle import MOVES
from services.bracket.model import GttStatus, RowStatus, State
from services.bracket.sighting import _GTT_STATUS, _ORDER_STATUS

EVENTS = frozenset(get_args(Event))


def test_every_event_has_words_for_people() -> None:
    assert frozenset(timeline._WORDS) == EVENTS


def test_every_event_but_the_first_has_an_effect() -> None:
    assert frozenset(fold._EFFECTS) == EVENTS - {BracketReceived}


def test_every_status_of_a_row_is_mapped() -> None:
    assert set(_ORDER_STATUS) == set(RowStatus)
    assert set(_GTT_STATUS) == set(GttStatus)


def test_every_state_has_moves() -> None:
    assert set(MOVES) == set(State)
