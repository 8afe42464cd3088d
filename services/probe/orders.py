"""One order with a tag, changed step by step: from a stop to a limit and back, and to another quantity."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, ReadFailed
from services.bracket.adoption import has_prices_of
from services.bracket.model import OrderRequest, OrderRow, OrderType, Product, RowStatus, Side, Terms
from services.probe.bench import Bench, ProbeFailed, levels
from services.probe.report import Check, Finding, Verdict

_ENDED = frozenset({RowStatus.FILLED, RowStatus.CANCELLED, RowStatus.REJECTED, RowStatus.EXPIRED})
_WORKS = {OrderType.SL: RowStatus.TRIGGER_PENDING, OrderType.LIMIT: RowStatus.OPEN}

Step = tuple[Check, Terms]


def tag_for(bench: Bench) -> str:
    """Return a tag that is none of a bracket's, as long as the broker takes it."""
    return f"probe{secrets.token_hex(4)}"[: bench.broker.capabilities.tag_length or None]


class OrderProbe:
    """Places one order of one lot and looks what becomes of it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def findings(self, product: Product) -> list[Finding]:
        """Return what came out. Raises ProbeFailed when the order could not be placed."""
        at, lot = levels(self._bench.instrument, self._bench.quote()), self._bench.instrument.lot_size
        stop = Terms(
            order_type=OrderType.SL, quantity=lot, price=at.stop_limit, trigger_price=at.stop_trigger
        )
        order = self._order(product, Side.BUY, stop)
        order_id = self._placed(order)
        try:
            row = self._seen(order_id, lambda row: _is_working(row, stop))
            if row is None or not _is_working(row, stop):
                raise ProbeFailed(f"the first SL order does not rest: {_told(row)}")
            limit = Terms(order_type=OrderType.LIMIT, quantity=lot, price=at.limit)
            return [*self._tag(order, row), *self._changes(product, order_id, self._steps(limit, stop))]
        finally:
            self._clear(order, order_id)

    def _order(self, product: Product, side: Side, terms: Terms) -> OrderRequest:
        return OrderRequest(
            tag=tag_for(self._bench),
            exchange=self._bench.instrument.exchange,
            symbol=self._bench.instrument.symbol,
            product=product,
            side=side,
            terms=terms,
        )

    def _placed(self, order: OrderRequest) -> str:
        """Return the order's id, looked for where the answer was lost. Raises ProbeFailed."""
        before = self._ids()
        try:
            return self._bench.patiently(lambda: self._bench.broker.place_order(order)).broker_order_id
        except (OutcomeUnknown, AuthDead) as exc:
            found = self._bench.until(lambda: self._lost(order, before))
            if found is None:
                self._bench.leftovers.append(
                    f"an order may still arrive that nobody answered for: {_named(order)}"
                )
                raise ProbeFailed(f"nobody answered for the order: {exc}") from exc
            return found
        except BrokerError as exc:
            raise ProbeFailed(f"the first order was not taken: {exc}") from exc

    def _ids(self) -> frozenset[str]:
        try:
            return frozenset(row.broker_order_id for row in self._bench.broker.order_book())
        except (ReadFailed, AuthDead) as exc:
            raise ProbeFailed(f"the order book was not read: {exc}") from exc

    def _lost(self, order: OrderRequest, before: frozenset[str]) -> str | None:
        for row in self._bench.broker.order_book():
            is_new = row.broker_order_id not in before and row.symbol == order.symbol
            if is_new and (row.tag == order.tag or has_prices_of(order.terms, row)):
                return row.broker_order_id
        return None

    def _tag(self, order: OrderRequest, row: OrderRow) -> Iterator[Finding]:
        if self._bench.broker.capabilities.tag_length:
            verdict = Verdict.HOLDS if row.tag == order.tag else Verdict.FAILS
            words = f"sent {order.tag}, shown {row.tag}"
            yield self._bench.finding(Check.TAG, order.product, verdict, words)

    def _steps(self, limit: Terms, stop: Terms) -> list[Step]:
        """Return what the order is changed to; its type only where the adapter says that it can be."""
        can = self._bench.broker.capabilities
        types = [(Check.SL_TO_LIMIT, limit), (Check.LIMIT_TO_SL, stop)]
        last = (Check.TOTAL_QUANTITY, replace(stop, quantity=2 * stop.quantity))
        return [*(types if can.sl_to_limit and can.limit_to_sl else []), last]

    def _changes(self, product: Product, order_id: str, steps: Iterable[Step]) -> Iterator[Finding]:
        for check, terms in steps:
            found = self._change(check, product, order_id, terms)
            yield found
            if found.verdict is not Verdict.HOLDS:
                return  # the next step would begin from what nobody knows

    def _change(self, check: Check, product: Product, order_id: str, terms: Terms) -> Finding:
        try:
            self._bench.patiently(
                lambda: self._bench.broker.modify_order(order_id, terms, uses_reserve=False)
            )
        except OrderRejected as exc:
            return self._bench.refused(check, product, exc)
        except OutcomeUnknown:
            pass  # the book tells
        except BrokerError as exc:
            return self._bench.finding(check, product, Verdict.UNKNOWN, str(exc))
        row = self._seen(order_id, lambda row: _is_working(row, terms))
        if row is None:
            return self._bench.finding(check, product, Verdict.UNKNOWN, "the book was not read")
        verdict = Verdict.HOLDS if _is_working(row, terms) else Verdict.FAILS
        return self._bench.finding(check, product, verdict, f"the book shows {_told(row)}")

    def _clear(self, order: OrderRequest, order_id: str) -> None:
        """Cancel what rests and sell what filled; say what neither can be said of."""
        try:
            self._bench.patiently(lambda: self._bench.broker.cancel_order(order_id))
        except BrokerError as exc:
            self._bench.say(f"the cancel was not confirmed ({exc}); looking")
        row = self._seen(order_id, lambda row: row.status in _ENDED)
        if row is None or row.status not in _ENDED:
            self._bench.leftovers.append(
                f"order {order_id} may still rest, cancel it at the broker: {_named(order)}"
            )
        if row is not None and row.filled:
            self._sell(order, row.filled)

    def _sell(self, bought: OrderRequest, quantity: int) -> None:
        self._bench.say(f"{quantity} {bought.symbol} were bought: selling them at the market")
        terms = Terms(order_type=OrderType.MARKET, quantity=quantity)
        order = replace(self._order(bought.product, Side.SELL, terms), uses_reserve=True)
        try:
            order_id = self._placed(order)
        except ProbeFailed as exc:
            self._bench.leftovers.append(
                f"{quantity} {bought.symbol} ({bought.product}) were bought and not sold: {exc}"
            )
            return
        row = self._seen(order_id, lambda row: row.status in _ENDED)
        if row is None or row.filled < quantity:
            self._bench.leftovers.append(
                f"{quantity} {bought.symbol} ({bought.product}) are being sold: see {order_id}"
            )

    def _seen(self, order_id: str, is_wanted: Callable[[OrderRow], bool]) -> OrderRow | None:
        """Return the order's row, as soon as it is as wanted or has ended; the last one seen otherwise."""
        last: list[OrderRow] = []

        def look() -> OrderRow | None:
            for row in self._bench.broker.order_book():
                if row.broker_order_id == order_id:
                    last[:] = [row]
                    return row if is_wanted(row) or row.status in _ENDED else None
            return None

        return self._bench.until(look) or next(iter(last), None)


def _is_working(row: OrderRow, terms: Terms) -> bool:
    """Whether the book shows an order of these terms that works, none of it filled."""
    is_alive = row.status is _WORKS.get(terms.order_type) and not row.filled
    is_that = row.order_type is terms.order_type and row.quantity == terms.quantity
    return is_alive and is_that and has_prices_of(terms, row)


def _told(row: OrderRow | None) -> str:
    if row is None:
        return "nothing"
    trigger = "" if row.trigger_price is None else f" trigger {row.trigger_price}"
    words = f"{row.order_type} {row.quantity} at {row.price}{trigger}, {row.status}, {row.filled} filled"
    return words + (f": {row.reason}" if row.reason else "")


def _named(order: OrderRequest) -> str:
    what = f"{order.side} {order.terms.quantity} {order.exchange}:{order.symbol}"
    return f"{what} {order.product}, tag {order.tag}"
