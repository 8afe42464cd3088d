"""What we ask of a broker and what a broker can do, as values."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from services.bracket.model.vocabulary import OrderType, Product, Side, Topology, Validity

INDIAN_EXCHANGES = frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCDEX"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one order, or one GTT, says. Prices in rupees, quantity in shares and *total*.

    For a GTT: `trigger_price` and `price` are the stop's trigger and child limit; `target_trigger` and
    `target_price` the target's (None for a single trigger).

    For the entry of a native bracket, whose exits the same request carries: `trigger_price` and `price`
    are the entry's own, `stop_trigger` and `stop_limit` the stop's, `target_price` the target's.
    """

    order_type: OrderType
    quantity: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    target_trigger: Decimal | None = None
    target_price: Decimal | None = None
    stop_trigger: Decimal | None = None
    stop_limit: Decimal | None = None  # the child's limit, where the broker takes one

    @property
    def is_native(self) -> bool:
        """Whether the order brings its exits with it: one native bracket, not a plain order."""
        return self.stop_trigger is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One regular order to place."""

    tag: str
    exchange: str
    symbol: str
    product: Product
    side: Side
    terms: Terms
    validity: Validity = Validity.DAY
    disclosed_quantity: int = 0
    uses_reserve: bool = False  # exits and unwinds: may use the reserved share of the rate limit


@dataclass(frozen=True, slots=True, kw_only=True)
class GttRequest:
    """One GTT to place; `side` is the side of the child orders; last_price the market's, in rupees.

    tag is for brokers whose GTTs carry one; where they do not, it is not sent.
    """

    exchange: str
    symbol: str
    product: Product
    side: Side
    terms: Terms
    last_price: Decimal
    uses_reserve: bool = True  # as OrderRequest's: a bracket's GTTs are exits, a plain one protects nothing
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAck:
    """The broker took the request for processing: an id, not yet an order that rests."""

    broker_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCapabilities:
    """What a broker can do, declared by its adapter; decides topology before any entry is placed."""

    topologies: dict[str, Topology]  # key "PRODUCT" or "PRODUCT:EXCHANGE"; absent = cannot be protected
    # By the same keys, where topologies says NATIVE: what holds the exits when a native bracket cannot be
    # had (several targets, another entry type) or is there no more (a dead leg, the next day).
    fallbacks: dict[str, Topology] = field(default_factory=dict)
    native_entry_types: frozenset[OrderType] = frozenset()  # which entries a native bracket may have
    overnight: frozenset[str]  # keys whose protection outlives the day (GTT)
    exchanges: frozenset[str] = INDIAN_EXCHANGES  # where the broker takes orders at all
    order_types: frozenset[OrderType] = frozenset(OrderType)
    stop_market_exchanges: frozenset[str] = frozenset()
    oco_short_exchanges: frozenset[str] = frozenset()  # where a *short* can be held by an OCO
    sl_to_limit: bool = True  # by a change of the same order; else it is cancelled, and another placed
    limit_to_sl: bool = True
    modify_after_part_fill: bool = True
    modify_takes_total_quantity: bool = True
    modifications_per_order: int = 25
    tag_length: int = 20  # 0: the broker's books show no tag, orders are told by their content
    gtt_minimum_distance: Decimal = Decimal("0.0025")  # share of the last price
    absence_quiescence: timedelta = timedelta(seconds=10)  # Q: see core rules on absence
    gives_quotes: bool = True
    quote_pause: timedelta = timedelta(0)  # least time between two quote calls
    read_pause: timedelta = timedelta(0)  # the same for reads of the order book, whoever hurries
    evidence_pause: timedelta = timedelta(seconds=1)  # the same for reads of trades and positions
    pushes_orders: bool = False
