"""An alert as TradingView sends it, made into a body that REST would take. Pure.

TradingView fills placeholders with plain text: numbers come as strings, words in any case, and a
placeholder that means nothing where it stands comes as it is.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from marshmallow import fields

from restx_api.errors import AlertStale, RequestInvalid
from restx_api.fields import Flag, Text
from restx_api.schemas import BracketOrderSchema, told

MOST_AGE = timedelta(seconds=60)
SAME_BODY = timedelta(seconds=60)  # an equal body without a time is the same alert for this long

_PLACEHOLDER = re.compile(r"\{\{[^{}]*(?:\}\}|$)")
_OF_ALERTS = ("timenow", "signal_id", "order_id", "ticker")
_FLAGS = {"true": True, "false": False}
_FIELDS = BracketOrderSchema().fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What an alert asks for, without what only the webhook reads.

    dedupe_id stands for the alert in the idempotency claims; is_dated says that it holds for good,
    otherwise it holds for SAME_BODY only.
    """

    body: Mapping[str, object]
    ignored_fields: tuple[str, ...]
    dedupe_id: str
    is_dated: bool


def read_alert(sent: Mapping[str, object], *, sender_id: str) -> Alert:
    """Return what an alert asks for. Raises RequestInvalid naming fields with unfilled placeholders."""
    _refuse_placeholders(sent)
    said = {name: value for name, value in sent.items() if value is not None and value != ""}
    body = {name: _plain(name, value) for name, value in said.items() if name in _FIELDS}
    ignored = tuple(sorted(name for name in said if name not in _FIELDS and name not in _OF_ALERTS))
    own = _own_id(said)
    if own is not None:
        body["client_order_id"] = own
    dedupe_id = own or _made_id(said, sender_id)
    return Alert(
        body=body, ignored_fields=ignored, dedupe_id=dedupe_id, is_dated=own is not None or "timenow" in said
    )


def refuse_stale(sent: Mapping[str, object], now: datetime) -> None:
    """Raise AlertStale for an alert that does not say when it fired, or fired too long ago."""
    fired = sent.get("timenow")
    if fired in (None, ""):
        raise AlertStale('timenow is missing: add "timenow": "{{timenow}}" to the alert')
    at = _instant(fired)
    if at is None:
        raise AlertStale(f"timenow {str(fired)[:64]} must be a time such as 2026-11-23T04:00:00Z")
    age = now - at
    if abs(age) > MOST_AGE:
        where = f"{int(age.total_seconds())} s old" if age > timedelta(0) else "in the future"
        raise AlertStale(
            f"timenow {fired} is {where}: alerts are taken for {int(MOST_AGE.total_seconds())} s"
        )


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    # TradingView writes UTC; a time without a zone is taken as that.
    return None if at is None else at.replace(tzinfo=at.tzinfo or UTC)


def _refuse_placeholders(sent: Mapping[str, object]) -> None:
    faults = {
        field: [f"{field} still has the placeholder {found[0][:64]}: TradingView did not fill it"]
        for field, text in _texts(sent)
        if (found := _PLACEHOLDER.search(text)) is not None
    }
    if faults:
        raise RequestInvalid(told(faults), faults)


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for name, inner in value.items():
                yield from _texts(inner, f"{path}.{name}" if path else str(name))
        case list():
            for place, inner in enumerate(value):
                yield from _texts(inner, f"{path}[{place}]")


def _plain(name: str, value: object) -> object:
    """Return a field as REST wants it: texts are texts, flags are flags; numbers may stay strings."""
    kind: fields.Field[object] = _FIELDS[name]
    if isinstance(kind, Text):
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_number else value.strip() if isinstance(value, str) else value
    if isinstance(kind, Flag) and isinstance(value, str):
        return _FLAGS.get(value.strip().lower(), value)
    return value


def _own_id(said: Mapping[str, object]) -> str | None:
    given = {str(said[name]) for name in ("client_order_id", "signal_id") if name in said}
    if len(given) > 1:
        sentence = "client_order_id and signal_id differ: send one"
        raise RequestInvalid(sentence, {"signal_id": [sentence]})
    return given.pop() if given else None


def _made_id(said: Mapping[str, object], sender_id: str) -> str:
    ticker = said.get("ticker", said.get("symbol"))
    if "order_id" in said and "timenow" in said:
        parts: object = [sender_id, said["order_id"], ticker, said["timenow"]]
    else:
        parts = [sender_id, said]
    text = json.dumps(parts, sort_keys=True, default=str)
    return f"alert-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
