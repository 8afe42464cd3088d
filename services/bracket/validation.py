"""Whether a bracket order may be placed: every fault at once, before anything is sent."""

from datetime import datetime

from services.bracket.calendar import Session
from services.bracket.model import BrokerCapabilities, Instrument, Quote
from services.bracket.request import BracketOrderRequest
from services.bracket.rules.amounts import check_amounts
from services.bracket.rules.facts import Facts
from services.bracket.rules.holding import check_holding
from services.bracket.rules.quantities import check_quantities
from services.bracket.rules.relations import check_relations
from services.bracket.rules.timing import check_timing
from services.bracket.rules.words import check_words
from services.bracket.violations import Code, Violation, summary

__all__ = ["Code", "Violation", "check", "summary"]

_RULES = (check_words, check_amounts, check_quantities, check_relations, check_holding, check_timing)


def check(
    request: BracketOrderRequest,
    *,
    capabilities: BrokerCapabilities,
    instrument: Instrument | None,
    quote: Quote | None,
    session: Session | None,
    now: datetime,
) -> list[Violation]:
    """Return every fault of a request; empty means a plan can be made of it.

    instrument None: the symbol is not known on that exchange. quote None: there is no fresh one, checks
    against the market are skipped. session: the exchange's current or next one; None only while the
    calendar does not know the exchange, which is then a fault of its own or of our calendar file.
    """
    facts = Facts(
        request=request,
        capabilities=capabilities,
        instrument=instrument,
        quote=quote,
        session=session,
        now=now,
    )
    return [violation for rule in _RULES for violation in rule(facts)]
