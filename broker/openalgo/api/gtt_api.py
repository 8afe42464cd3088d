"""An OpenAlgo server's calls for GTTs, which not every server has, nor every broker behind one."""

from broker.base import GttRequest, GttRow, OrderAck
from broker.limiter import Lane
from broker.openalgo import gtts, mapping
from broker.openalgo.refusals import is_not_offered
from broker.openalgo.session import OpenalgoSession


def place_gtt_order_api(gtt: GttRequest, session: OpenalgoSession) -> OrderAck:
    """Place one GTT. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    return gtts.gtt_ack(session.write("placegttorder", gtts.gtt_body(gtt), lane=_lane(gtt)))


def modify_gtt_order_api(trigger_id: str, gtt: GttRequest, *, session: OpenalgoSession) -> None:
    """Replace a GTT as a whole. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    gtts.gtt_ack(session.write("modifygttorder", gtts.gtt_change(trigger_id, gtt), lane=_lane(gtt)))


def cancel_gtt_order_api(trigger_id: str, session: OpenalgoSession) -> None:
    """Delete a GTT. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    gtts.gtt_ack(session.write("cancelgttorder", gtts.gtt_cancel(trigger_id), lane=Lane.EXIT))


def get_gtt_book(session: OpenalgoSession) -> tuple[GttRow, ...]:
    """Return the GTTs that wait. Raises ReadFailed or AuthDead."""
    return gtts.gtt_rows(session.ask("gttorderbook"))


def has_gtts(session: OpenalgoSession) -> bool:
    """Whether the server, and its broker, have GTTs at all. Raises ReadFailed or AuthDead."""
    answer = session.ask("gttorderbook")
    if is_not_offered(answer):
        return False
    gtts.gtt_rows(answer)
    return True


def broker_behind(session: OpenalgoSession) -> str | None:
    """Return the server's own broker; None where it does not tell. Raises ReadFailed or AuthDead."""
    answer = session.ask("ping")
    return None if is_not_offered(answer) else mapping.broker_behind(answer)


def _lane(gtt: GttRequest) -> Lane:
    return Lane.EXIT if gtt.uses_reserve else Lane.ENTRY
