"""Events to stored bytes and back, one JSON object each, named by the event's class."""

from functools import cache
from typing import Any, get_args

import msgspec

from services.bracket.events import Event

_encoder = msgspec.json.Encoder(order="deterministic")
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}


def encode_event(event: Event) -> bytes:
    return _encoder.encode(event)


def decode_event(kind: str, payload: bytes) -> Event:
    """Return the event. Raises KeyError for a kind this version does not know."""
    decoded: Event = _decoder(kind).decode(payload)
    return decoded


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_KINDS[kind])
