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
    PriceMode,
    PriceSpec,
    Product,
    Purpose,
    Quote,
    Side,
    Topology,
    Validity,
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

    def topology_of(self, product: Product, *, exchange: str) -> Topology | None:
        """Return how the exits of this request are held as a product there; None when they cannot be.

        A native bracket brings one target and is priced before the entry; what it cannot be is held by
        the broker's second choice.
        """
        held = terms.topology_of(self.capabilities, product, exchange=exchange)
        if held is not Topology.NATIVE or self._fits_native(exchange):
            return held
        return terms.fallback_of(self.capabilities, product, exchange=exchange)

    def _fits_native(self, exchange: str) -> bool:
        request, asked = self.request, self.order_type
        if asked is None or len(self.targets) != 1 or request.disclosed_quantity:
            return False
        sent = terms.entry_order_type(self.capabilities, asked, exchange=exchange)
        if sent not in self.capabilities.native_entry_types:
            return False
        specs = (self.stop, self.target_spec(self.targets[0][1]))
        return terms.validity_of(request) is Validity.DAY and all(map(self._is_known, specs))

    def _is_known(self, spec: PriceSpec | None) -> bool:
        """Whether a price is known in rupees before the entry."""
        if spec is None:
            return False
        has_reference = terms.slippage_reference(self.request, self.quote) is not None
        return spec.mode is PriceMode.ABSOLUTE or has_reference

    def target_spec(self, target: TargetRequest) -> PriceSpec | None:
        """Return a target's price, when it was given in exactly one way and can be used."""
        return terms.only_usable(terms.target_specs(target))

    def resolved(self, spec: PriceSpec | None, role: Purpose) -> Decimal | None:
        """Return what a stop or target means in rupees, for the checks; None when nobody can say."""
        if spec is None or self.side is None or self.reference is None:
            return None
        return resolve(spec, reference=self.reference, side=self.side, role=role)
