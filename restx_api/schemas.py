"""Bodies of requests: JSON objects into typed values, with every fault of a body in one error.

marshmallow stays in here: its ValidationError must not reach flask-restx, which would answer with the
raw request.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validate

from database.bracket_db import Listed
from restx_api.errors import RequestInvalid
from restx_api.fields import Day, Flag, Price, Quantity, Text, Whole, Word
from services.bracket.model import IfFilled, KillMode
from services.bracket.request import (
    BracketOrderRequest,
    SlippageRequest,
    TargetRequest,
    TrailRequest,
)
from services.bracket_change_service import BracketChanges
from services.safety_report_service import DATES, MOST_DAYS

Made = TypeVar("Made")

BOOK_PAGE = 100


class RequestSchema(Schema, Generic[Made]):
    """A body without its key. null means "not said"; a field nobody knows is a fault."""

    makes: type[Made]

    class Meta:
        unknown = RAISE
        ordered = True

    error_messages = {"unknown": "Unknown field", "type": "must be a JSON object"}  # noqa: RUF012

    @pre_load
    def _leave_out_nulls(self, body: Any, **_: Any) -> Any:
        if not isinstance(body, Mapping):
            return body
        return {name: value for name, value in body.items() if value is not None}

    @post_load
    def _make(self, loaded: dict[str, Any], **_: Any) -> Made:
        lists = {name: tuple(value) for name, value in loaded.items() if isinstance(value, list)}
        return self.makes(**{**loaded, **lists})

    def read(self, body: Mapping[str, object]) -> Made:
        """Return the typed request. Raises RequestInvalid with every fault of the body."""
        made, faults = self.read_what_is_right(body)
        if faults:
            raise RequestInvalid(told(faults), faults)
        return made

    def read_what_is_right(self, body: Mapping[str, object]) -> tuple[Made, dict[str, list[str]]]:
        """Return the request made of the fields that can be read, and the faults of the others."""
        try:
            made = cast("Made", self.load(body))
        except ValidationError as exc:
            faults: dict[str, list[str]] = {}
            for field, sentence in _flat(exc.messages_dict):
                faults.setdefault(field, []).append(sentence)
            valid = exc.valid_data if isinstance(exc.valid_data, dict) else {}
            whole = {name: value for name, value in valid.items() if name not in roots(faults)}
            return self._make(whole), faults
        return made, {}


def roots(faults: Mapping[str, list[str]]) -> set[str]:
    """Return the body's own fields that have a fault somewhere inside: targets for targets[0].price."""
    return {re.split(r"[.\[]", field, maxsplit=1)[0] for field in faults}


def told(faults: Mapping[str, list[str]]) -> str:
    """Return all sentences as one text, each once, naming the field where the sentence does not."""
    sentences = [
        sentence if _names(sentence, field) else f"{field}: {sentence}"
        for field, found in faults.items()
        for sentence in found
    ]
    return "; ".join(dict.fromkeys(sentences))


def _names(sentence: str, field: str) -> bool:
    return field.rsplit(".", maxsplit=1)[-1] in sentence


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) of marshmallow's nested messages: targets[0].price, trailing_sl.points."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            if isinstance(name, int):
                yield from _flat(inner, f"{path}[{name}]")
            else:
                own = name == "_schema"
                yield from _flat(inner, path if own else f"{path}.{name}" if path else str(name))
    else:
        for sentence in messages if isinstance(messages, list) else [messages]:
            yield path or "body", str(sentence)


class TrailSchema(RequestSchema[TrailRequest]):
    makes = TrailRequest

    points = Price()
    percent = Price()
    activate_at = Price()
    breakeven_at = Price()


class TargetSchema(RequestSchema[TargetRequest]):
    makes = TargetRequest

    price = Price()
    points = Price()
    percent = Price()
    quantity = Quantity()


class SlippageSchema(RequestSchema[SlippageRequest]):
    makes = SlippageRequest

    points = Price()
    percent = Price()


class BracketOrderSchema(RequestSchema[BracketOrderRequest]):
    """placebracketorder. What is missing and what does not fit together is the rules' to say."""

    makes = BracketOrderRequest

    symbol = Text(metadata={"description": "Symbol as the exchange writes it", "example": "SBIN"})
    exchange = Text(metadata={"description": "NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCDEX", "example": "NSE"})
    product = Text(metadata={"description": "MIS, CNC, NRML or MTF", "example": "MIS"})
    action = Text(metadata={"description": "BUY or SELL, any case", "example": "BUY"})
    quantity = Quantity(metadata={"description": "Shares, a positive whole number", "example": 10})
    entry_price = Price(
        metadata={
            "description": "In the money of the exchange (rupees; dollars for US); number or string",
            "example": "500.00",
        }
    )
    sl_price = Price(metadata={"description": "The stop, as a price", "example": "490.00"})
    target_price = Price(metadata={"description": "The target, as a price", "example": "520.00"})
    strategy = Text(metadata={"description": "Your own name for it, up to 64 characters"})
    pricetype = Text(metadata={"description": "LIMIT (default), MARKET, SL or SL-M"})
    ordertype = Text(metadata={"description": "REGULAR"})
    trigger_price = Price(metadata={"description": "Trigger of an SL or SL-M entry"})
    validity = Text(metadata={"description": "DAY (default) or IOC"})
    disclosed_quantity = Whole()
    tag = Text()
    client_order_id = Text(metadata={"description": "The same id with the same body is the same bracket"})
    sl_points = Price(metadata={"description": "Stop, as a distance from the average fill"})
    sl_percent = Price(metadata={"description": "Stop, in per cent of the average fill"})
    target_points = Price(metadata={"description": "Target, as a distance from the average fill"})
    target_percent = Price(metadata={"description": "Target, in per cent of the average fill"})
    sl_limit_offset = Price(metadata={"description": "How far a stop-limit's limit lies behind its trigger"})
    trailing_sl = fields.Nested(TrailSchema)
    targets = fields.List(fields.Nested(TargetSchema))
    risk_amount = Price(metadata={"description": "Money at risk, instead of quantity"})
    lots = Whole(metadata={"description": "The quantity in lots"})
    order_value = Price(metadata={"description": "Money to trade for at most; gives the quantity"})
    sl_amount = Price(metadata={"description": "The stop as money lost on the whole quantity"})
    target_amount = Price(metadata={"description": "The target as money gained on the whole quantity"})
    target_r = Price(metadata={"description": "The target as a multiple of the distance to the stop"})
    entry_expires_in_seconds = Whole()
    exit_at = Text(metadata={"description": "HH:MM exchange time", "example": "15:10"})
    on_manual_change = Word(("restore", "respect"))
    unknown_stop = Word(("wait", "duplicate_stop"))
    dry_run = Flag(metadata={"description": "Check and plan, send nothing"})
    max_slippage = fields.Nested(SlippageSchema)
    allow_unlinked_exits = Flag()
    retry_absent = Flag()
    entry_max_age_seconds = Whole()
    confirm_prices = Flag()
    on_opposite = Word(("reject", "close_first", "ignore"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketNamed:
    """A body that names a bracket and nothing else."""

    bracket_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAsked:
    """Which part of the book to list."""

    state: str = Listed.ALL
    limit: int = BOOK_PAGE
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAsked:
    """Which exchange days to report on; date None is today's."""

    date: dt.date | None = None
    days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyAsked:
    """New terms; None stays as it is. exit_at is HH:MM exchange time."""

    bracket_id: str = ""
    entry_price: Decimal | None = None
    sl_price: Decimal | None = None
    target_price: Decimal | None = None
    trailing_sl: TrailRequest | None = None
    exit_at: str | None = None

    @property
    def changes(self) -> BracketChanges:
        return BracketChanges(
            entry_price=self.entry_price,
            sl_price=self.sl_price,
            target_price=self.target_price,
            trailing_sl=self.trailing_sl,
            exit_at=self.exit_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """if_filled: what becomes of shares already held."""

    bracket_id: str = ""
    if_filled: str | None = None
    confirm: str | None = None
    leave_exits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAsked:
    mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerAsked:
    mode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTestAsked:
    """A message as the alert would send it: its text, or the JSON object itself."""

    message: str | Mapping[str, object] = ""
    webhook: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingAsked:
    """A body with nothing in it but the key."""


def _missing(field: str) -> dict[str, Any]:
    # OpenAlgo's sentence, kept word for word.
    return {"required": f"Missing mandatory field(s): {field}"}


class BracketNamedSchema(RequestSchema[BracketNamed]):
    makes = BracketNamed

    bracket_id = Text(required=True, error_messages=_missing("bracket_id"))


class BookSchema(RequestSchema[BookAsked]):
    makes = BookAsked

    state = Word(list(Listed))
    limit = Whole(
        validate=validate.Range(1, BOOK_PAGE, error="limit {input} must be between {min} and {max}"),
        metadata={"description": f"1 to {BOOK_PAGE}"},
    )
    cursor = Text(metadata={"description": "next_cursor of the page before"})


def _on_a_calendar(day: dt.date) -> None:
    # A function and not a Range: what a Range is bounded by is published, and a date is no JSON.
    first, last = DATES
    if not first <= day <= last:
        raise ValidationError(f"date {day} must be between {first} and {last}")


class ReportSchema(RequestSchema[ReportAsked]):
    makes = ReportAsked

    date = Day(
        validate=_on_a_calendar,
        metadata={"description": "YYYY-MM-DD, an exchange day; today's without it"},
    )
    days = Whole(
        validate=validate.Range(1, MOST_DAYS, error="days {input} must be between {min} and {max}"),
        metadata={"description": f"How many days up to date, 1 to {MOST_DAYS}"},
    )


class ModifySchema(RequestSchema[ModifyAsked]):
    makes = ModifyAsked

    bracket_id = Text(required=True, error_messages=_missing("bracket_id"))
    entry_price = Price(metadata={"description": "Only while nothing is filled"})
    sl_price = Price()
    target_price = Price()
    trailing_sl = fields.Nested(TrailSchema)
    exit_at = Text(metadata={"description": "HH:MM exchange time"})


class CancelSchema(RequestSchema[CancelAsked]):
    makes = CancelAsked

    bracket_id = Text(required=True, error_messages=_missing("bracket_id"))
    if_filled = Word(list(IfFilled), metadata={"description": "Required once shares are held"})
    confirm = Text(metadata={"description": "The symbol, to hand a position over"})
    leave_exits = Flag(metadata={"description": "hand_over: leave our exits at the broker"})


class KillSwitchSchema(RequestSchema[KillAsked]):
    makes = KillAsked

    mode = Word(list(KillMode), required=True, error_messages=_missing("mode"))


class AnalyzerToggleSchema(RequestSchema[AnalyzerAsked]):
    makes = AnalyzerAsked

    mode = Flag(required=True, error_messages=_missing("mode"))


class Message(fields.Field[object]):
    """A text or a JSON object."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> object:
        if not isinstance(value, str | Mapping):
            raise ValidationError(f"{attr} must be a text or a JSON object")
        return value


class AlertTestSchema(RequestSchema[AlertTestAsked]):
    makes = AlertTestAsked

    message = Message(
        required=True,
        error_messages=_missing("message"),
        metadata={"description": "The alert's message: its text, or the JSON object itself"},
    )
    webhook = Text(metadata={"description": "Id of a webhook whose settings and limits count"})


class NothingSchema(RequestSchema[NothingAsked]):
    makes = NothingAsked
