"""What another process may ask of a running exchange, by leaving it in the exchange's file."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from services.bracket.model import OrderType, Product, Side, Validity
from simulator.store import outcome_of, post


class SetPrice(msgspec.Struct, tag="set_price", tag_field="act", forbid_unknown_fields=True):
    """Set a price by hand; the symbol stops wandering."""

    exchange: str
    symbol: str
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    depth: int | None = None


class Walk(msgspec.Struct, tag="walk", tag_field="act", forbid_unknown_fields=True):
    """Let a symbol wander again."""

    exchange: str
    symbol: str


class SetBand(msgspec.Struct, tag="set_band", tag_field="act", forbid_unknown_fields=True):
    """Fix a symbol's price band."""

    exchange: str
    symbol: str
    lower: Decimal
    upper: Decimal


class Place(msgspec.Struct, tag="place", tag_field="act", forbid_unknown_fields=True):
    """Place an order from another terminal: it carries no tag."""

    account_id: str
    exchange: str
    symbol: str
    product: Product
    side: Side
    order_type: OrderType
    quantity: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY


class Modify(msgspec.Struct, tag="modify", tag_field="act", forbid_unknown_fields=True):
    """Change any order of the account from another terminal; quantity is the total."""

    account_id: str
    order_id: str
    order_type: OrderType
    quantity: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None


class Cancel(msgspec.Struct, tag="cancel", tag_field="act", forbid_unknown_fields=True):
    """Cancel any order of the account from another terminal."""

    account_id: str
    order_id: str


class CancelGtt(msgspec.Struct, tag="cancel_gtt", tag_field="act", forbid_unknown_fields=True):
    """Delete any GTT of the account from another terminal."""

    account_id: str
    trigger_id: str


class SquareOff(msgspec.Struct, tag="square_off", tag_field="act", forbid_unknown_fields=True):
    """Bring a product's positions to zero, as the broker does in the afternoon."""

    product: Product


class EndOfDay(msgspec.Struct, tag="end_of_day", tag_field="act", forbid_unknown_fields=True):
    """Turn to the next trading day."""


Command = SetPrice | Walk | SetBand | Place | Modify | Cancel | CancelGtt | SquareOff | EndOfDay


def post_command(path: Path, command: Mapping[str, object]) -> int:
    """Leave a command, `{"act": "set_price", ...}`, for the exchange running on this file; return its id.

    Raises ValueError for a command nobody would understand; sqlite3.OperationalError for no such file.
    """
    body = msgspec.json.encode(command)
    parse(body.decode())
    return post(path, body.decode())


def command_outcome(path: Path, command_id: int) -> str | None:
    """Return "done", "done <id>" or "refused: <why>"; None while the command waits."""
    return outcome_of(path, command_id)


def parse(body: str) -> Command:
    """Return the command a body spells. Raises ValueError naming what is wrong."""
    try:
        command: Command = msgspec.json.decode(body, type=Command)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from exc
    return command
