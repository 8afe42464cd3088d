"""An alert as it arrives, made into a signal whose body REST would take.

TradingView fills placeholders with plain text: numbers come as strings, words in any case, and a
placeholder that means nothing where it stands comes as it is.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from marshmallow import fields

from database.auth_db import Caller
from database.webhook_settings import WebhookSettings
from restx_api.errors import AlertStale, RequestInvalid
from restx_api.fields import Flag, Text
from restx_api.parsing import parse_object
from restx_api.schemas import BracketOrderSchema, told
from services.alert_symbols import broker_symbol
from services.alerts.defaults import with_defaults
from services.alerts.recogniser import read_message
from services.alerts.signal import Act, AlertRefused, Signal
from services.desk import Desk

MOST_AGE = timedelta(seconds=60)
SAME_BODY = timedelta(seconds=60)  # an equal body without a time is the same alert for this long

_PLACEHOLDER = re.compile(r"\{\{[^{}]*(?:\}\}|$)")
_KEY = re.compile(r"\b(?:wh|bk)_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_SECRETS = ("apikey", "token", "secret", "password", "passphrase", "pointer")
_HIDDEN = "hidden-key"  # still a word where a text dialect wants its license or password
_FLAGS = {"true": True, "false": False}
_FIELDS = BracketOrderSchema().fields

Message = Mapping[str, object] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message without whatever in it may be a secret, and the key that was in it.

    key is as sent where the body has an `apikey`; elsewhere only what looks like a key of ours counts.
    """

    message: Message
    key: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What an alert asks for, without what only the webhook reads.

    dedupe_id stands for the alert in the idempotency claims; is_dated says that it holds for good,
    otherwise it holds for SAME_BODY only.
    """

    signal: Signal
    body: Mapping[str, object]
    ignored_fields: tuple[str, ...]
    dedupe_id: str
    is_dated: bool


def read_sent(data: bytes) -> Sent:
    """Return what was sent, as a JSON object or as text. Raises RequestInvalid."""
    line = _as_text(data)
    if line is not None:
        keys = _KEY.findall(line)
        return Sent(message=_KEY.sub(_HIDDEN, line), key=keys[0] if keys else None)
    found = parse_object(data)
    secrets = {name: found.pop(name) for name in _SECRETS if name in found}
    ours = (one for one in secrets.values() if isinstance(one, str) and _KEY.fullmatch(one.strip()))
    return Sent(message=found, key=secrets.get("apikey") or next(ours, None))


def _as_text(data: bytes) -> str | None:
    """Return a body that does not even begin like JSON, whole and printable; None for any other."""
    try:
        line = data.decode("utf-8-sig").strip()
    except UnicodeError:
        return None
    is_plain = bool(line) and line[0] not in '{["' and all(one.isprintable() or one.isspace() for one in line)
    return line if is_plain else None


def read_alert(message: Message, *, sender_id: str, settings: WebhookSettings | None = None) -> Alert:
    """Return what an alert asks for. Raises RequestInvalid naming what cannot be acted on."""
    _refuse_placeholders(message)
    settings = settings or WebhookSettings()
    try:
        signal = read_message(message, settings)
    except AlertRefused as refused:
        raise as_invalid(refused) from refused
    own, said = signal.ident, _said(message)
    body = {name: _plain(name, value) for name, value in signal.body.items() if name in _FIELDS}
    if signal.act is Act.ENTER:
        defaults = {"on_opposite": settings.on_opposite, **settings.defaults}
        body = {name: _plain(name, value) for name, value in with_defaults(body, defaults).items()}
    else:
        place = {name: value for name, value in settings.defaults.items() if name == "exchange"}
        body = with_defaults(body, place)
    if own is not None:
        body["client_order_id"] = own
    return Alert(
        signal=replace(signal, body=body),
        body=body,
        ignored_fields=tuple(name for name in signal.ignored if name not in _FIELDS),
        dedupe_id=own or _made_id(signal, said, sender_id),
        is_dated=own is not None or signal.fired not in (None, ""),
    )


def with_broker_symbol(alert: Alert, desk: Desk, caller: Caller, *, settings: WebhookSettings) -> Alert:
    """Return the alert with exchange and symbol as the account's broker lists them. Raises RequestInvalid."""
    symbol, exchange = alert.body.get("symbol"), alert.body.get("exchange")
    if not isinstance(symbol, str) or not isinstance(exchange, str | None):
        return alert
    try:
        named = broker_symbol(desk, caller, symbol, exchange=exchange, settings=settings)
    except AlertRefused as refused:
        raise as_invalid(refused) from refused
    found = {name: value for name, value in zip(("exchange", "symbol"), named, strict=True) if value}
    return replace(alert, body={**alert.body, **found})


def as_invalid(refused: AlertRefused) -> RequestInvalid:
    """Return a message's refusal as REST answers it."""
    return RequestInvalid(str(refused), {refused.field: [str(refused)]})


def refuse_stale(signal: Signal, now: datetime, *, is_required: bool) -> None:
    """Raise AlertStale for an alert that fired too long ago or, where asked for, does not say when."""
    most = _most_age(signal, is_required=is_required)
    if most is None:
        return
    if signal.fired in (None, ""):
        raise AlertStale('timenow is missing: add "timenow": "{{timenow}}" to the alert')
    at = _instant(signal.fired)
    if at is None:
        raise AlertStale(f"timenow {str(signal.fired)[:64]} must be a time such as 2026-11-23T04:00:00Z")
    age = now - at
    if abs(age) > most:
        where = f"{int(age.total_seconds())} s old" if age > timedelta(0) else "in the future"
        raise AlertStale(
            f"timenow {signal.fired} is {where}: alerts are taken for {int(most.total_seconds())} s"
        )


def _most_age(signal: Signal, *, is_required: bool) -> timedelta | None:
    """Return how old an alert may be; a dialect's own bound only ever makes that less."""
    own = None if signal.max_age_seconds is None else timedelta(seconds=min(signal.max_age_seconds, 86_400))
    if is_required:
        return MOST_AGE if own is None else min(own, MOST_AGE)
    return None if signal.fired in (None, "") else own


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    # TradingView writes UTC; a time without a zone is taken as that.
    return None if at is None else at.replace(tzinfo=at.tzinfo or UTC)


def _refuse_placeholders(message: Message) -> None:
    faults = {
        field: [_unfilled(field, found[0][:64])]
        for field, text in _texts(message)
        if (found := _PLACEHOLDER.search(text)) is not None
    }
    if faults:
        raise RequestInvalid(told(faults), faults)


def _unfilled(field: str, placeholder: str) -> str:
    why = ": it is filled in alerts of a strategy only" if "strategy." in placeholder else ""
    return f"{field} still has the placeholder {placeholder}: TradingView did not fill it{why}"


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path or "message", value
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


def _said(message: Message) -> Mapping[str, object]:
    if isinstance(message, str):
        return {"message": message}
    return {name: value for name, value in message.items() if value is not None and value != ""}


def _made_id(signal: Signal, said: Mapping[str, object], sender_id: str) -> str:
    ticker = said.get("ticker") or signal.body.get("symbol")
    if signal.order_id is not None and signal.fired not in (None, ""):
        parts: object = [sender_id, signal.order_id, ticker, signal.fired]
    else:
        parts = [sender_id, said]
    text = json.dumps(parts, sort_keys=True, default=str)
    return f"alert-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
