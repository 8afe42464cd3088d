"""One GTT with two legs around the market: placed, changed and deleted."""

from dataclasses import replace

from broker.base import BrokerError, OrderRejected
from services.bracket.fold import shows_terms
from services.bracket.gtt_rows import gtt_terms
from services.bracket.model import GttRequest, GttRow, GttStatus, OrderType, Product, Side, Terms
from services.probe.bench import Bench, levels
from services.probe.orders import tag_for
from services.probe.report import Check, Finding, Verdict


class GttProbe:
    """Places one GTT of one lot and looks what becomes of it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def finding(self, product: Product) -> Finding:
        """Return what came out. Raises ProbeFailed without a price."""
        quote = self._bench.quote()
        at, lot = levels(self._bench.instrument, quote), self._bench.instrument.lot_size
        terms = Terms(
            order_type=OrderType.LIMIT,
            quantity=lot,
            trigger_price=at.below,
            price=at.below,
            target_trigger=at.above,
            target_price=at.above,
        )
        gtt = GttRequest(
            exchange=self._bench.instrument.exchange,
            symbol=self._bench.instrument.symbol,
            product=product,
            side=Side.SELL,
            terms=terms,
            last_price=quote.last,
            uses_reserve=False,
            tag=tag_for(self._bench),
        )
        try:
            trigger_id = self._bench.patiently(lambda: self._bench.broker.place_gtt(gtt)).broker_order_id
        except OrderRejected as exc:
            return self._bench.refused(Check.GTT, product, exc)
        except BrokerError as exc:
            self._bench.leftovers.append(
                f"a GTT of {gtt.symbol} may stand that nobody answered for: delete it"
            )
            return self._bench.finding(Check.GTT, product, Verdict.UNKNOWN, str(exc))
        return self._lived(gtt, trigger_id)

    def _lived(self, gtt: GttRequest, trigger_id: str) -> Finding:
        """Change the GTT and delete it; return how that went."""
        tick = self._bench.instrument.tick_size
        lower = (gtt.terms.trigger_price or tick) - tick
        moved = replace(gtt, terms=replace(gtt.terms, trigger_price=lower, price=lower))
        try:
            stood = self._shown(trigger_id, gtt)
            self._bench.patiently(lambda: self._bench.broker.modify_gtt(trigger_id, moved))
            stood = self._shown(trigger_id, moved) and stood
        except OrderRejected as exc:
            return self._bench.refused(Check.GTT, gtt.product, exc)
        except BrokerError as exc:
            return self._bench.finding(Check.GTT, gtt.product, Verdict.UNKNOWN, str(exc))
        finally:
            is_gone = self._deleted(trigger_id)
        verdict = Verdict.HOLDS if stood and is_gone else Verdict.FAILS
        words = f"{'shown as sent and as changed' if stood else 'not shown as sent and changed'}, "
        return self._bench.finding(
            Check.GTT, gtt.product, verdict, words + ("deleted" if is_gone else "not deleted")
        )

    def _shown(self, trigger_id: str, gtt: GttRequest) -> bool:
        def is_shown() -> bool | None:
            row = self._gtt(trigger_id)
            return (
                row is not None and len(row.legs) == 2 and shows_terms(gtt.terms, gtt_terms(row, gtt.side))
            ) or None

        return self._bench.until(is_shown) is True

    def _deleted(self, trigger_id: str) -> bool:
        try:
            self._bench.patiently(lambda: self._bench.broker.cancel_gtt(trigger_id))
        except BrokerError as exc:
            self._bench.say(f"the deletion of the GTT was not confirmed ({exc}); looking")
        is_gone = self._bench.until(lambda: self._gtt(trigger_id) is None or None) is True
        if not is_gone:
            self._bench.leftovers.append(
                f"GTT {trigger_id} of {self._bench.instrument.symbol} still stands: delete it"
            )
        return is_gone

    def _gtt(self, trigger_id: str) -> GttRow | None:
        rows = (row for row in self._bench.broker.gtt_book() if row.status is GttStatus.ACTIVE)
        return next((row for row in rows if row.trigger_id == trigger_id), None)
