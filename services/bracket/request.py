"""A bracket order as asked for: parsed values, nothing checked yet against market, account or broker."""

import json
import re
from dataclasses import dataclass, fields
from decimal import Decimal

# Far above any Indian price, far below where Decimal's 28 digits would round.
_HIGHEST = Decimal(10) ** 9
_FINEST_EXPONENT = -8

# Decimal() alone would also take 1_000, other alphabets' digits, NaN and exponents of any size.
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,32}(?:\.[0-9]{0,32})?|\.[0-9]{1,32})(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRequest:
    """How the stop follows: points or per cent behind the best price; the other two are prices."""

    points: Decimal | None = None
    percent: Decimal | None = None
    activate_at: Decimal | None = None
    breakeven_at: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRequest:
    """One target of a scale-out; without a quantity it shares what the others leave."""

    price: Decimal | None = None
    points: Decimal | None = None
    percent: Decimal | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlippageRequest:
    """How far the average fill may lie from the entry price before the bracket leaves again."""

    points: Decimal | None = None
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketOrderRequest:
    """The body of placebracketorder without its key. Words are as sent, None is "not said".

    Prices and points in rupees, quantities in shares, `exit_at` "HH:MM" exchange time.
    """

    symbol: str | None = None
    exchange: str | None = None
    product: str | None = None
    action: str | None = None
    quantity: int | None = None
    entry_price: Decimal | None = None
    sl_price: Decimal | None = None
    target_price: Decimal | None = None
    strategy: str = ""
    pricetype: str = "LIMIT"
    ordertype: str = "REGULAR"
    trigger_price: Decimal | None = None
    validity: str = "DAY"
    disclosed_quantity: int = 0
    tag: str = ""
    client_order_id: str | None = None
    sl_points: Decimal | None = None
    sl_percent: Decimal | None = None
    target_points: Decimal | None = None
    target_percent: Decimal | None = None
    sl_limit_offset: Decimal | None = None
    trailing_sl: TrailRequest | None = None
    targets: tuple[TargetRequest, ...] | None = None
    risk_amount: Decimal | None = None
    lots: int | None = None  # the quantity in lots
    order_value: Decimal | None = None  # the quantity as rupees to buy or sell for, at most
    sl_amount: Decimal | None = None  # the stop as rupees lost on the whole quantity, before charges
    target_amount: Decimal | None = None
    target_r: Decimal | None = None  # the target as a multiple of the distance from entry to stop
    entry_expires_in_seconds: int | None = None
    exit_at: str | None = None
    on_manual_change: str = "restore"
    unknown_stop: str = "wait"
    dry_run: bool = False
    max_slippage: SlippageRequest | None = None
    allow_unlinked_exits: bool = False
    retry_absent: bool = False
    entry_max_age_seconds: int = 10
    confirm_prices: bool = False
    on_opposite: str = "reject"


def parse_price(value: object) -> Decimal:
    """Return a JSON number or numeric string as an exact price in rupees.

    Raises ValueError for anything else: booleans, NaN, infinities, expressions, absurd sizes.
    """
    if not isinstance(value, int | float | str | Decimal):
        raise ValueError("Invalid price values")
    # str() first: a float's shortest text is what the caller wrote, its binary value is not. It also
    # turns true into a word, so that it is no 1.
    text = str(value).strip()
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("Invalid price values")
    price = Decimal(text)
    if not is_sane(price):
        raise ValueError("Invalid price values")
    return price


def parse_quantity(value: object) -> int:
    """Return 1, "1" or "1.0" as a whole number of shares.

    Raises ValueError for anything else: 1.9, true, NaN.
    """
    try:
        quantity = parse_price(value)
    except ValueError as exc:
        raise ValueError("Invalid quantity") from exc
    if quantity != quantity.to_integral_value():
        raise ValueError("Invalid quantity")
    return int(quantity)


def is_sane(price: Decimal) -> bool:
    """Return whether a number can be a price at all: finite, below a billion, at most 8 decimals."""
    if not price.is_finite() or abs(price) >= _HIGHEST:
        return False
    exponent = price.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= _FINEST_EXPONENT


def normalised(request: BracketOrderRequest) -> str:
    """Return the request as canonical JSON: the same meaning gives the same text.

    100, "100" and "100.00" are equal, so are "buy" and "BUY" and a default said or left out. The
    idempotency id is not part of it, the API key never was.
    """
    body = _meaning(request)
    body.pop("client_order_id", None)
    for name in _WORDS & body.keys():
        body[name] = str(body[name]).strip().upper()
    _single_target_as_list(body)
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


_WORDS = frozenset({"symbol", "exchange", "product", "action", "pricetype", "ordertype", "validity"})


def _meaning(
    value: BracketOrderRequest | TrailRequest | TargetRequest | SlippageRequest,
) -> dict[str, object]:
    named = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: _canonical(item) for name, item in named.items() if item is not None}


def _canonical(value: object) -> object:
    if isinstance(value, Decimal):
        # + 0 turns -0 into 0; normalize alone would write 100 as 1E+2.
        return format(value.normalize() + 0, "f")
    if isinstance(value, TrailRequest | TargetRequest | SlippageRequest):
        return _meaning(value)
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    return value


def _single_target_as_list(body: dict[str, object]) -> None:
    # target_price 105 and targets [{price 105}] ask for the same thing.
    target = {
        mode: body.pop(f"target_{mode}")
        for mode in ("price", "points", "percent")
        if f"target_{mode}" in body
    }
    if target and "targets" not in body:
        body["targets"] = [target]
    elif target:
        body["target"] = target
