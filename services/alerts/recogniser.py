"""Which dialect a message speaks, told by its content: the first line of the table that fits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from database.webhook_settings import WebhookSettings
from services.alerts import (
    keyvalue,
    native,
    openalgo,
    pickmytrade,
    pineconnector,
    threecommas,
    traderspost,
)
from services.alerts.signal import AlertRefused, Signal
from services.alerts.words import Fields


@dataclass(frozen=True, slots=True)
class JsonDialect:
    name: str
    recognises: Callable[[Fields], bool]
    read: Callable[[Fields, WebhookSettings], Signal]


@dataclass(frozen=True, slots=True)
class TextDialect:
    name: str
    recognises: Callable[[str], bool]
    read: Callable[[str, WebhookSettings], Signal]


# From the most peculiar words to the most common: native takes whatever names a symbol.
JSON_DIALECTS = (
    JsonDialect(threecommas.NAME, threecommas.recognises, threecommas.read),
    JsonDialect(pickmytrade.NAME, pickmytrade.recognises, pickmytrade.read),
    JsonDialect(traderspost.NAME, traderspost.recognises, traderspost.read),
    JsonDialect(openalgo.NAME, openalgo.recognises, openalgo.read),
    JsonDialect(native.NAME, native.recognises, native.read),
)
TEXT_DIALECTS = (
    TextDialect(pineconnector.NAME, pineconnector.recognises, pineconnector.read),
    TextDialect(keyvalue.NAME, keyvalue.recognises, keyvalue.read),
)


def dialect_of(message: Mapping[str, object] | str) -> JsonDialect | TextDialect:
    """Return whose words a message uses. Raises AlertRefused when they are nobody's."""
    if isinstance(message, str):
        for text_dialect in TEXT_DIALECTS:
            if text_dialect.recognises(message):
                return text_dialect
        raise AlertRefused(
            "message",
            "The message is neither a JSON object nor a line such as: buy SBIN q=10 sl=1% tp=2%",
        )
    for dialect in JSON_DIALECTS:
        if dialect.recognises(message):
            return dialect
    raise AlertRefused("symbol", "Missing mandatory field(s): symbol")


def read_message(message: Mapping[str, object] | str, settings: WebhookSettings) -> Signal:
    """Return what a message asks for, with the name of its dialect. Raises AlertRefused."""
    match dialect_of(message):
        case JsonDialect(name, _, read):
            return replace(read(_fields(message), settings), dialect=name)
        case TextDialect(name, _, read_text):
            return replace(read_text(str(message), settings), dialect=name)


def _fields(message: Mapping[str, object] | str) -> Fields:
    return {} if isinstance(message, str) else message
