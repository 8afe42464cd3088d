"""What a webhook adds to an alert that leaves something open."""

from collections.abc import Mapping

from services.bracket.units import SIZES, STOPS, TARGETS

# Said in any way, a kind is said: a default stop never joins the message's own.
_KINDS = (STOPS, TARGETS, SIZES)


def with_defaults(body: Mapping[str, object], defaults: Mapping[str, str]) -> dict[str, object]:
    """Return an order's fields with the defaults for whatever it does not say."""
    said = {name for name, value in body.items() if value not in (None, "")}
    added = {name: value for name, value in defaults.items() if value and not _is_said(name, said)}
    return {**added, **{name: body[name] for name in said}}


def _is_said(name: str, said: set[str]) -> bool:
    kind = next((kind for kind in _KINDS if name in kind), (name,))
    return bool(said.intersection(kind))
