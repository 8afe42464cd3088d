"""The calls of the paper broker, one function each. Writes raise OrderRejected or OutcomeUnknown."""

from broker.base import Funds, OrderAck, OrderRow, PositionRow, Quote, TradeRow
from broker.paper.mapping import net_positions, reading, writing
from broker.paper.session import PaperSession
from services.bracket.model import GttRequest, GttRow, OrderRequest, Terms


def place_order_api(order: OrderRequest, session: PaperSession) -> OrderAck:
    """Place one regular order; the ack is an id, not yet an order that rests."""
    with writing():
        return OrderAck(broker_order_id=session.exchange.place(session.account_id, order))


def modify_order_api(broker_order_id: str, session: PaperSession, *, terms: Terms) -> None:
    """Change an order to new terms, the quantity being the total."""
    with writing():
        session.exchange.modify(session.account_id, broker_order_id, terms=terms)


def cancel_order_api(broker_order_id: str, session: PaperSession) -> None:
    """Cancel what is unfilled of an order."""
    with writing():
        session.exchange.cancel(session.account_id, broker_order_id)


def place_gtt_order_api(gtt: GttRequest, session: PaperSession) -> OrderAck:
    """Place one GTT, two-leg when its terms have a target; the ack's id is the trigger id."""
    with writing():
        return OrderAck(broker_order_id=session.exchange.place_gtt(session.account_id, gtt))


def modify_gtt_order_api(trigger_id: str, session: PaperSession, *, gtt: GttRequest) -> None:
    """Replace a GTT as a whole."""
    with writing():
        session.exchange.modify_gtt(session.account_id, trigger_id, gtt=gtt)


def cancel_gtt_order_api(trigger_id: str, session: PaperSession) -> None:
    """Delete a GTT."""
    with writing():
        session.exchange.cancel_gtt(session.account_id, trigger_id)


def get_order_book(session: PaperSession) -> tuple[OrderRow, ...]:
    """Return the day's orders."""
    with reading():
        return session.exchange.order_book(session.account_id)


def get_gtt_book(session: PaperSession) -> tuple[GttRow, ...]:
    """Return the active GTTs and those that ended in the last week."""
    with reading():
        return session.exchange.gtt_book(session.account_id)


def get_trade_book(session: PaperSession) -> tuple[TradeRow, ...]:
    """Return the day's trades."""
    with reading():
        return session.exchange.trade_book(session.account_id)


def get_positions(session: PaperSession) -> tuple[PositionRow, ...]:
    """Return net positions; delivery is holdings plus today's trades."""
    with reading():
        positions, holdings = session.exchange.portfolio(session.account_id)
        return net_positions(positions, holdings)


def get_quotes(symbols: frozenset[tuple[str, str]], session: PaperSession) -> dict[tuple[str, str], Quote]:
    """Return the quotes of the (exchange, symbol) pairs that have a price."""
    with reading():
        found = {key: session.exchange.quote(*key) for key in sorted(symbols)}
        return {key: quote for key, quote in found.items() if quote is not None}


def get_funds(session: PaperSession) -> Funds:
    """Return the account's cash in rupees."""
    with reading():
        state = session.exchange.funds(session.account_id)
        return Funds(available=state.available, used=state.used)
