"""Bodies as the published client sends them: every value may be a text, 0 means "not said"."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE

from restx_api.fields import Price, Quantity, Text, Whole, Word
from restx_api.schemas import RequestSchema


def _required(name: str) -> dict[str, Any]:
    return {"required": True, "error_messages": {"required": f"Missing mandatory field(s): {name}"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAsked:
    """placeorder. With stoploss and target it is a bracket; trailing_sl is in points."""

    strategy: str = ""
    symbol: str = ""
    exchange: str = ""
    action: str = ""
    quantity: int = 0
    product: str = "MIS"
    pricetype: str = "MARKET"
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    disclosed_quantity: int = 0
    stoploss: Decimal | None = None
    target: Decimal | None = None
    trailing_sl: Decimal | None = None
    client_order_id: str | None = None

    @property
    def is_bracket(self) -> bool:
        return not (self.stoploss is None and self.target is None and self.trailing_sl is None)


class OpenalgoPlaceOrderSchema(RequestSchema[PlaceAsked]):
    makes = PlaceAsked

    strategy = Text(**_required("strategy"), metadata={"example": "Python"})
    symbol = Text(**_required("symbol"), metadata={"example": "SBIN"})
    exchange = Text(**_required("exchange"), metadata={"example": "NSE"})
    action = Text(**_required("action"), metadata={"example": "BUY"})
    quantity = Quantity(**_required("quantity"), metadata={"example": 1})
    product = Text(metadata={"description": "MIS (default), CNC or NRML"})
    pricetype = Text(metadata={"description": "MARKET (default), LIMIT, SL or SL-M"})
    price = Price()
    trigger_price = Price()
    disclosed_quantity = Whole()
    stoploss = Price(metadata={"description": "A price; with target, the order is a bracket"})
    target = Price(metadata={"description": "A price; with stoploss, the order is a bracket"})
    trailing_sl = Price(metadata={"description": "Points; only with stoploss and target"})
    client_order_id = Text(metadata={"description": "The same id with the same body is the same order"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyAsked:
    orderid: str = ""
    strategy: str = ""
    symbol: str = ""
    exchange: str = ""
    action: str = ""
    product: str = ""
    pricetype: str = ""
    quantity: int = 0
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    disclosed_quantity: int = 0


class OpenalgoModifyOrderSchema(RequestSchema[ModifyAsked]):
    makes = ModifyAsked

    orderid = Text(**_required("orderid"))
    strategy = Text(**_required("strategy"))
    symbol = Text(**_required("symbol"))
    exchange = Text(**_required("exchange"))
    action = Text(**_required("action"))
    product = Text(**_required("product"))
    pricetype = Text(**_required("pricetype"))
    quantity = Quantity(**_required("quantity"))
    price = Price(**_required("price"))
    trigger_price = Price()
    disclosed_quantity = Whole()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNamed:
    orderid: str = ""
    strategy: str = ""


class OpenalgoOrderNamedSchema(RequestSchema[OrderNamed]):
    makes = OrderNamed

    orderid = Text(**_required("orderid"))
    strategy = Text(**_required("strategy"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionNamed:
    strategy: str = ""
    symbol: str = ""
    exchange: str = ""
    product: str = ""


class OpenalgoPositionSchema(RequestSchema[PositionNamed]):
    makes = PositionNamed

    strategy = Text(**_required("strategy"))
    symbol = Text(**_required("symbol"))
    exchange = Text(**_required("exchange"))
    product = Text(**_required("product"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolNamed:
    symbol: str = ""
    exchange: str = ""


class OpenalgoSymbolSchema(RequestSchema[SymbolNamed]):
    makes = SymbolNamed

    symbol = Text(**_required("symbol"))
    exchange = Text(**_required("exchange"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAsked:
    query: str = ""
    exchange: str | None = None


class OpenalgoSearchSchema(RequestSchema[SearchAsked]):
    makes = SearchAsked

    query = Text(**_required("query"), metadata={"example": "nifty 25000 ce"})
    exchange = Text()


@dataclass(frozen=True, slots=True, kw_only=True)
class GttFields:
    """A whole GTT. By position, not by role: _sl is the lower trigger, _tg the upper one."""

    strategy: str = ""
    trigger_type: str = ""
    exchange: str = ""
    symbol: str = ""
    action: str = ""
    product: str = ""
    quantity: int = 0
    pricetype: str = "LIMIT"
    price: Decimal = Decimal(0)
    triggerprice_sl: Decimal = Decimal(0)
    triggerprice_tg: Decimal = Decimal(0)
    stoploss: Decimal = Decimal(0)
    target: Decimal = Decimal(0)
    expires_at: str | None = None
    trigger_id: str = ""


class _GttSchema(RequestSchema[GttFields]):
    makes = GttFields

    class Meta:
        unknown = EXCLUDE
        ordered = True

    strategy = Text(**_required("strategy"))
    trigger_type = Word(
        ("single", "oco"), **_required("trigger_type"), metadata={"description": "SINGLE or OCO"}
    )
    exchange = Text(**_required("exchange"))
    symbol = Text(**_required("symbol"))
    action = Text(**_required("action"))
    product = Text(**_required("product"), metadata={"description": "CNC or NRML"})
    quantity = Quantity(**_required("quantity"))
    pricetype = Text(metadata={"description": "LIMIT: what fires is a limit order"})
    price = Price(metadata={"description": "SINGLE: the order's limit"})
    triggerprice_sl = Price(metadata={"description": "Fires when the price falls to it"})
    triggerprice_tg = Price(metadata={"description": "Fires when the price rises to it"})
    stoploss = Price(metadata={"description": "OCO: limit of the lower order"})
    target = Price(metadata={"description": "OCO: limit of the upper order"})
    expires_at = Text(metadata={"description": "Not supported: the broker's own year"})


class OpenalgoPlaceGttSchema(_GttSchema):
    pass


class OpenalgoModifyGttSchema(_GttSchema):
    trigger_id = Text(**_required("trigger_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GttNamed:
    trigger_id: str = ""
    strategy: str = ""


class OpenalgoGttNamedSchema(RequestSchema[GttNamed]):
    makes = GttNamed

    trigger_id = Text(**_required("trigger_id"))
    strategy = Text(**_required("strategy"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GttBookAsked:
    status: str = "active"


class OpenalgoGttBookSchema(RequestSchema[GttBookAsked]):
    makes = GttBookAsked

    status = Word(("active", "all"))
