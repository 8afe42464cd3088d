"""A webhook's form, whole: what it may do and how it reads, with every fault beside its field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from database.webhook_settings import OnExit, PriceUnit, RiskUnit, WebhookLimits, WebhookSettings
from services.bracket.opposite import OnOpposite
from services.bracket.violations import Violation, invalid
from services.errors import BracketDenied
from services.webhook_words import (
    WordsUnfit,
    addresses_of,
    amount_of,
    count_of,
    defaults_of,
    hours_of,
    pairs_of,
    products_of,
    symbol_map_of,
    symbols_of,
)

Read = TypeVar("Read")
Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookForm:
    """What a person filled in. An empty text or list sets no limit; the form is the whole of it."""

    max_quantity: str = ""
    max_value: str = ""
    max_open_brackets: str = ""
    symbols: Texts = ()
    products: Texts = ()
    hours: str = ""
    addresses: Texts = ()
    defaults: Texts = ()  # FIELD=VALUE
    symbol_map: Texts = ()  # NAME=EXCHANGE:SYMBOL
    on_exit: str = OnExit.CLOSE_BRACKET.value
    on_opposite: str = OnOpposite.REJECT.value
    price_unit: str = ""
    risk_unit: str = ""
    allow_delayed: bool = False


@dataclass(slots=True)
class _Reader:
    """Reads field after field and keeps what is wrong with them."""

    form: WebhookForm
    faults: list[Violation] = field(default_factory=list)

    def text(self, name: str, read: Callable[[str], Read]) -> Read | None:
        text = str(getattr(self.form, name)).strip()
        return self._read(name, read, text, None) if text else None

    def lines(self, name: str, read: Callable[[Any], Read], empty: Read) -> Read:
        texts = [one.strip() for one in getattr(self.form, name) if one.strip()]
        found = self._read(name, read, texts, empty)
        return empty if found is None else found

    def _read(self, name: str, read: Callable[[Any], Read], given: Any, instead: Read | None) -> Read | None:
        try:
            return read(given)
        except WordsUnfit as exc:
            self.faults.append(invalid(name, str(exc)))
        except ValueError:
            self.faults.append(invalid(name, f"{given} is none of the choices"))
        return instead


def read_form(form: WebhookForm) -> tuple[WebhookLimits, WebhookSettings]:
    """Return the limits and settings of a form. Raises BracketDenied with all its faults."""
    reader = _Reader(form)
    limits, settings = _limits(reader), _settings(reader)
    if reader.faults:
        raise BracketDenied(reader.faults)
    return limits, settings


def form_of(limits: WebhookLimits, settings: WebhookSettings) -> WebhookForm:
    """Return the form that says what is set."""
    return WebhookForm(
        max_quantity=_shown(limits.max_quantity),
        max_value=_shown(limits.max_value),
        max_open_brackets=_shown(limits.max_open_brackets),
        symbols=tuple(sorted(limits.symbols)),
        products=tuple(sorted(limits.products)),
        hours=limits.hours or "",
        addresses=tuple(sorted(limits.addresses)),
        defaults=_pairs(settings.defaults),
        symbol_map=_pairs(settings.symbol_map),
        on_exit=settings.on_exit.value,
        on_opposite=settings.on_opposite,
        price_unit=_shown(settings.price_unit),
        risk_unit=_shown(settings.risk_unit),
        allow_delayed=settings.allow_delayed,
    )


def _limits(reader: _Reader) -> WebhookLimits:
    nothing: frozenset[str] = frozenset()
    return WebhookLimits(
        max_quantity=reader.text("max_quantity", count_of),
        max_open_brackets=reader.text("max_open_brackets", count_of),
        symbols=reader.lines("symbols", symbols_of, nothing),
        max_value=reader.text("max_value", amount_of),
        products=reader.lines("products", products_of, nothing),
        hours=reader.text("hours", hours_of),
        addresses=reader.lines("addresses", addresses_of, nothing),
    )


def _settings(reader: _Reader) -> WebhookSettings:
    nothing: dict[str, str] = {}
    return WebhookSettings(
        defaults=reader.lines("defaults", lambda texts: _said(defaults_of(pairs_of(texts))), nothing),
        symbol_map=reader.lines("symbol_map", lambda texts: _said(symbol_map_of(pairs_of(texts))), nothing),
        on_exit=reader.text("on_exit", OnExit) or OnExit.CLOSE_BRACKET,
        on_opposite=(reader.text("on_opposite", OnOpposite) or OnOpposite.REJECT).value,
        price_unit=reader.text("price_unit", PriceUnit),
        risk_unit=reader.text("risk_unit", RiskUnit),
        allow_delayed=reader.form.allow_delayed,
    )


def _said(pairs: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in pairs.items() if value}


def _pairs(pairs: Mapping[str, str]) -> Texts:
    return tuple(f"{name}={value}" for name, value in sorted(pairs.items()))


def _shown(value: object) -> str:
    return "" if value is None else str(value)
