"""What Swagger tells of the answers to the published client."""

from marshmallow import fields

from restx_api.models import BracketTold, Success, Told

# Whatever is placed or changed may be refused so.
ORDER_REFUSALS = (
    "price_off_tick",
    "quantity_off_lot",
    "exchange_not_served",
    "order_rejected",
    "broker_error",
)


class OrderPlacedTold(BracketTold):
    """The order's id; for a bracket everything about it too. protected says whether anything exits it."""

    orderid = fields.String(metadata={"description": "The broker's id; ours while it is not known"})
    protected = fields.Boolean()


class OrderChangedTold(Success):
    orderid = fields.String()
    confirmed = fields.Boolean(
        metadata={"description": "false: sent, the broker did not say what came of it"}
    )


class OrderTold(Told):
    """One order; amounts are numbers."""

    orderid = fields.String()
    symbol = fields.String()
    exchange = fields.String()
    action = fields.String()
    product = fields.String()
    pricetype = fields.String()
    order_status = fields.String(
        metadata={"description": "open, trigger pending, complete, cancelled, rejected, expired or unknown"}
    )
    quantity = fields.Integer()
    filled_quantity = fields.Integer()
    price = fields.Float()
    trigger_price = fields.Float()
    average_price = fields.Float()
    timestamp = fields.String(metadata={"description": "Exchange time"})
    rejection_reason = fields.String(allow_none=True)


class OrderStatusTold(Success):
    data = fields.Nested(OrderTold)


class OrderBookData(Told):
    orders = fields.List(fields.Nested(OrderTold))
    statistics = fields.Dict()


class OrderBookTold(Success):
    data = fields.Nested(OrderBookData)


class RowsTold(Success):
    """Rows of a book, of a search or of GTTs."""

    data = fields.List(fields.Dict())


class FactsTold(Success):
    """One thing's facts by name."""

    data = fields.Dict()


class OpenPositionTold(Success):
    quantity = fields.String(metadata={"example": "-10"})


class GttPlacedTold(Success):
    trigger_id = fields.String(metadata={"description": "The broker's id; ours while it is not known"})
    protected = fields.Boolean()


class GttChangedTold(Success):
    trigger_id = fields.String()
    confirmed = fields.Boolean()
