"""The account's books at every instant at which they changed: what an old answer is made of."""

from bisect import bisect_right

from broker.paper.mapping import net_positions
from services.bracket.model import OrderRow
from simulator import SimulatedExchange
from simulator.faults import Books, Part, Rows
from simulator.orders import Order, order_row
from worlds.agenda import Agenda

_KEPT_SECONDS = 40.0


class Archive(Books):
    """Follows one account at the exchange."""

    def __init__(self, exchange: SimulatedExchange, account_id: str, agenda: Agenda) -> None:
        self._exchange = exchange
        self._account_id = account_id
        self._agenda = agenda
        self._times: list[float] = []
        self._shots: list[dict[Part, Rows]] = []
        self._rows: dict[str, tuple[Order, OrderRow]] = {}
        self._shoot()
        exchange.listen(account_id, self._shoot)

    @property
    def now(self) -> float:  # type: ignore[override]  # the faults only read it
        return self._agenda.now

    def rows(self, part: Part, *, ago: float = 0.0) -> Rows:
        """Return the rows of a book, now or `ago` seconds ago (or as old as they are remembered)."""
        place = bisect_right(self._times, self.now - ago) - 1
        return self._shots[max(0, place)][part]

    def _shoot(self) -> None:
        """Remember the books as they are; the exchange calls after every change of them."""
        if self._times and self._times[-1] == self.now:
            self._shots[-1] = self._shot()
            return
        self._times.append(self.now)
        self._shots.append(self._shot())
        self._forget()

    def _shot(self) -> dict[Part, Rows]:
        exchange, account_id = self._exchange, self._account_id
        return {
            Part.ORDERS: exchange.peek(lambda ledger: tuple(map(self._row, ledger.orders))),
            Part.GTTS: exchange.gtt_book(account_id),
            Part.TRADES: exchange.trade_book(account_id),
            Part.POSITIONS: net_positions(*exchange.portfolio(account_id)),
        }

    def _row(self, order: Order) -> OrderRow:
        known = self._rows.get(order.order_id)
        if known is not None and known[0] is order:
            return known[1]
        row = order_row(order)
        self._rows[order.order_id] = (order, row)
        return row

    def _forget(self) -> None:
        oldest = bisect_right(self._times, self.now - _KEPT_SECONDS) - 1
        if oldest > 64:
            del self._times[:oldest], self._shots[:oldest]
