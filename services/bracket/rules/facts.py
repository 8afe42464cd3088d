"""Everything the rules look at, gathered once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from services.bracket import terms
from services.bracket.calendar import Session
from services.bracket.model import (
    BrokerCapabilities,
    Instrument,
    OrderType,
    PriceSpec,
    Product,
    Purpose,
    Quote,
    Side,
)
from services.bracket.prices import resolve
from services.bracket.request import BracketOrderRequest, TargetRequest


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A request beside the market, the broker and the clock it is checked against."""

    request: BracketOrderRequest
    capabilities: BrokerCapabilities
    instrument: Instrument | None
    quote: Quote | None
    session: Session | None
    now: datetime

    @cached_property
    def side(self) -> Side | None:
        return terms.side_of(self.request)

    @cached_property
    def product(self) -> Product | None:
        return terms.product_of(self.request)

    @cached_property
    def order_type(self) -> OrderType | None:
        return terms.order_type_of(self.request)

    @cached_property
    def exchange(self) -> str | None:
        return terms.exchange_of(self.request)

    @cached_property
    def is_option(self) -> bool:
        return self.instrument is not None and self.instrument.is_option

    @cached_property
    def reference(self) -> Decimal | None:
        """The price the entry is expected to fill at, when anybody can say."""
        return terms.entry_reference(self.request, self.quote)

    @cached_property
    def stop(self) -> PriceSpec | None:
        """The stop, when it was given in exactly one way and can be used."""
        return terms.only_usable(terms.stop_specs(self.request))

    @cached_property
    def targets(self) -> tuple[tuple[str, TargetRequest], ...]:
        """The targets with the name their fields have in the request."""
        if self.request.targets is None:
            return tuple(("target", target) for target in terms.target_requests(self.request))
        return tuple((f"targets[{place}]", target) for place, target in enumerate(self.request.targets))

    def target_spec(self, target: TargetRequest) -> PriceSpec | None:
        """Return a target's price, when it was given in exactly one way and can be used."""
        return terms.only_usable(terms.target_specs(target))

    def resolved(self, spec: PriceSpec | None, role: Purpose) -> Decimal | None:
        """Return what a stop or target means in rupees, for the checks; None when nobody can say."""
        if spec is None or self.side is None or self.reference is None:
            return None
        return resolve(spec, reference=self.reference, side=self.side, role=role)
