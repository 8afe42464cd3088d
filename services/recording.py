"""Why events were stored: what was known when they were decided, as bytes beside the first of them.

A look that decides nothing leaves nothing: it changes nothing either. The answers of broker calls and the
requests of people are events themselves; of them only the moment is kept.
"""

from collections.abc import Sequence

import msgspec

from database.bracket_db import EventRecord
from services.bracket.events import Event
from services.bracket.model import Moment
from services.bracket.observation import Seen, Timing
from services.event_codec import encode_event


class Looked(msgspec.Struct, frozen=True, tag="looked", tag_field="how", omit_defaults=True):
    """`reconcile` was asked. timing None: the default times of the rules."""

    now: Moment
    seen: Seen
    timing: Timing | None = None


class Told(msgspec.Struct, frozen=True, tag="told", tag_field="how"):
    """The first event is what the broker answered or a person asked; the others follow from it."""

    now: Moment


Cause = Looked | Told

_DEFAULT = Timing()
_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[Cause] = msgspec.json.Decoder(Cause)


def looked(seen: Seen, now: Moment, timing: Timing) -> Looked:
    """Return the cause of what one look decided."""
    return Looked(now=now, seen=seen, timing=None if timing == _DEFAULT else timing)


def encode_cause(cause: Cause) -> bytes:
    return _encoder.encode(cause)


def decode_cause(body: bytes) -> Cause:
    """Return the cause. Raises msgspec.ValidationError for one this version does not understand."""
    return _decoder.decode(body)


def records_of(events: Sequence[Event], cause: Cause) -> list[EventRecord]:
    """Return the events as they are stored, the first one with their cause."""
    return [
        EventRecord(
            kind=type(event).__name__,
            at=cause.now,
            payload=encode_event(event),
            cause=encode_cause(cause) if number == 0 else None,
        )
        for number, event in enumerate(events)
    ]
