"""The broker's risk desk: what an order needs of the account, and whether the account has it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from services.bracket.model import Instrument, Product, Side
from simulator.funds import FundsState, funds_state, margin_per_share
from simulator.ledger import Ledger
from simulator.orders import Key, Order
from simulator.risk import Refusal, check_demat, check_margin
from simulator.settings import ExchangeSettings


class RiskDesk:
    """Looks at the ledger and changes nothing."""

    def __init__(
        self, ledger: Ledger, instruments: Mapping[Key, Instrument], *, settings: ExchangeSettings
    ) -> None:
        self._ledger = ledger
        self._instruments = instruments
        self._settings = settings

    def reserved(self, order: Order) -> tuple[Order, Refusal | None]:
        """Return the order with the margin of what it opens held, and why it is refused, if it is."""
        others = [
            other
            for other in self._ledger.live_orders(order.key)
            if other.account_id == order.account_id
            and other.order_id != order.order_id
            and other.product is order.product
            and other.side is order.side
        ]
        promised = sum(other.remaining for other in others if other.is_promise)
        if order.product is Product.CNC and order.side is Side.SELL and order.exchange != "US":
            return order, self._check_delivery(order, promised=promised)
        required = self._fresh_quantity(order, promised=promised) * self._margin_per_share(order)
        if not self._settings.enforces_margin or not required:
            return replace(order, blocked=required), None
        free = self.funds(order.account_id, without=order.order_id).available
        return replace(order, blocked=required), check_margin(required=required, available=free)

    def _check_delivery(self, order: Order, *, promised: int) -> Refusal | None:
        position = self._ledger.position(order.account_id, order.key, product=order.product)
        holding = self._ledger.holding(order.account_id, order.key)
        account = self._ledger.account(order.account_id, self._settings)
        wanted = order.remaining + promised
        return check_demat(
            wanted=wanted,
            owned=holding.total + position.quantity,
            symbol=order.symbol,
            # Shares bought today leave without passing the depository.
            authorised=account.demat_authorised or wanted <= position.quantity,
        )

    def _fresh_quantity(self, order: Order, *, promised: int) -> int:
        """What would open or add to a position: only the first exit of a position is free."""
        if order.product is Product.CNC and order.exchange != "US":
            return order.remaining
        position = self._ledger.position(order.account_id, order.key, product=order.product)
        closable = max(0, -order.side.sign * position.quantity - promised)
        return max(0, order.remaining - closable)

    def _margin_per_share(self, order: Order) -> Decimal:
        market = self._ledger.market(order.key)
        last = Decimal(0) if market is None else market.last
        return margin_per_share(
            self._instruments[order.key],
            order.product,
            side=order.side,
            price=order.price or order.trigger_price or last,
        )

    def funds(self, account_id: str, *, without: str = "") -> FundsState:
        """Return the account's money, leaving one order's hold aside when it is about to change."""
        held = [
            (position, self._instruments[position.key])
            for position in self._ledger.positions
            if position.account_id == account_id
        ]
        live = self._ledger.live_orders_of(account_id)
        return funds_state(
            self._ledger.account(account_id, self._settings),
            positions=held,
            live_orders=(order for order in live if order.order_id != without),
        )
