"""What truly happened at the exchange, noted at every change whatever the service believes of it."""

from collections.abc import Iterator

from services.bracket.model import GttRow, GttStatus, OrderRow, RowStatus
from services.bracket.tags import is_ours
from simulator import SimulatedExchange

LIVE = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})
Place = tuple[str, str]  # symbol, product


class Diary:
    """Follows one account; `surplus` and `reversed_by` are the worst that ever was."""

    def __init__(self, exchange: SimulatedExchange, account_id: str) -> None:
        self.orders: dict[str, OrderRow] = {}  # by id, as last seen; outlives the night
        self.surplus = 0  # shares that live exits could take beyond what was held
        self.reversed_by = 0  # shares held on the side of our exits
        self.most_exits = 0  # live at one moment
        self._exchange = exchange
        self._account_id = account_id
        self._entry_signs: dict[Place, int] = {}
        self._stop = exchange.listen(account_id, self._note)

    def _note(self) -> None:
        rows = self._exchange.order_book(self._account_id)
        gtts = [g for g in self._exchange.gtt_book(self._account_id) if g.status is GttStatus.ACTIVE]
        self.orders |= {row.broker_order_id: row for row in rows}
        brackets = {row.parent_order_id for row in rows}  # their entries, be it without a tag
        for row in rows:
            if _role(row) == "E" or row.broker_order_id in brackets:
                self._entry_signs[row.symbol, row.product] = row.side.sign
        exits = [row for row in rows if row.status in LIVE and self._is_exit(row)]
        self.most_exits = max(self.most_exits, len(exits) + len(gtts))
        held = self._held()
        for place, sign in self._entry_signs.items():
            could_take = sum(_could_take(place, exits, gtts))
            self.surplus = max(self.surplus, could_take - max(0, held.get(place, 0) * sign))
            self.reversed_by = max(self.reversed_by, -held.get(place, 0) * sign)

    def _is_exit(self, row: OrderRow) -> bool:
        children = {
            part.child_order_id for gtt in self._exchange.gtt_book(self._account_id) for part in gtt.legs
        }
        is_held = row.parent_order_id is not None and row.status is RowStatus.PENDING
        is_brought = row.parent_order_id is not None and not is_held
        return _role(row) == "X" or is_brought or row.broker_order_id in children

    def _held(self) -> dict[Place, int]:
        days, holdings = self._exchange.portfolio(self._account_id)
        held: dict[Place, int] = {}
        for row in (*days, *holdings):
            held[row.symbol, row.product] = held.get((row.symbol, row.product), 0) + row.quantity
        return held

    def close(self) -> None:
        self._stop()


def _could_take(place: Place, exits: list[OrderRow], gtts: list[GttRow]) -> Iterator[int]:
    brought: dict[str, int] = {}  # the two exits of a native bracket take what one of them takes
    for row in exits:
        if (row.symbol, row.product) != place:
            continue
        if row.parent_order_id is None:
            yield row.quantity - row.filled
        else:
            most = max(brought.get(row.parent_order_id, 0), row.quantity - row.filled)
            brought[row.parent_order_id] = most
    yield from brought.values()
    for gtt in gtts:
        if (gtt.symbol, gtt.product) == place:
            yield gtt.legs[0].quantity


def _role(row: OrderRow) -> str:
    return row.tag[8] if row.tag is not None and is_ours(row.tag) else ""
