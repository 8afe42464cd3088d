"""The matrix in docs/brokers/README.md, made from what each adapter on the list declares."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from broker.base import BrokerCapabilities, BrokerModule, BrokerSettings, DailyLogin
from broker.registry import BROKERS, capabilities_of, import_broker_module
from services.bracket.model import OrderType, Product, Topology
from services.bracket.rules.words import products_on
from services.bracket.terms import fallback_of, survives_day, topology_of
from utils.config import OcoBroker

PAGE = Path(__file__).parent.parent / "docs" / "brokers" / "README.md"
BEGIN = "<!-- made from broker/*/ by `make docs`; do not edit -->"
END = "<!-- end of what is made -->"

_HELD = {
    Topology.MORPH: "one stop, morphed",
    Topology.OCO: "broker's OCO",
    Topology.LOOSE: "two unlinked exits, on request",
    Topology.NATIVE: "broker's bracket",
}
_SETTINGS = {
    "openalgo": {
        f"OPENALGO_GTT={behind}": BrokerSettings(
            api_roots={}, paper_state="", paper_prices="", openalgo_gtt=behind
        )
        for behind in OcoBroker
    }
}
_REFUSED = "refused"
_DELIVERED = (Product.CNC, Product.MTF)
_HOLDING_HEAD = ("broker", *Product)
_DOING_HEAD = (
    "broker",
    "entries by the broker's bracket",
    "`SL-M` at",
    "changes of one order",
    "tag",
    "absent after",
    "prices",
    "order book at most each",
    "login",
)


def main(arguments: list[str]) -> int:
    """Write the matrix into the page; with --check, only say whether it is up to date."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{matrix()}\n{END}{after}"
    if "--check" in arguments:
        is_current = made == text
        print("the matrix is up to date" if is_current else "run `make docs`: docs/brokers/README.md is old")
        return int(not is_current)
    PAGE.write_text(made, encoding="utf-8")
    return 0


def matrix(names: Iterable[str] = BROKERS) -> str:
    """Return both tables, a row for each broker of these names."""
    modules = {name: import_broker_module(name) for name in names}
    doing = (_doing_cells(module) for module in modules.values())
    links = [_link(name) for name in modules]
    return "\n".join(
        (
            *_table(_HOLDING_HEAD, (row for name in modules for row in _holding_rows(name))),
            "",
            *_table(_DOING_HEAD, ((link, *cells) for link, cells in zip(links, doing, strict=True))),
        )
    )


def _holding_rows(name: str) -> Iterator[tuple[str, ...]]:
    """Yield what a broker holds as it comes, and by each setting that has it hold more."""
    yield _link(name), *holding_cells(import_broker_module(name).capabilities())
    for words, settings in _SETTINGS.get(name, {}).items():
        yield f"{_link(name)}, `{words}`", *holding_cells(capabilities_of(name, settings))


def holding_cells(capabilities: BrokerCapabilities) -> tuple[str, ...]:
    """Return for each product how its exits are held, and where."""
    return tuple(_held(capabilities, product) for product in Product)


def _held(capabilities: BrokerCapabilities, product: Product) -> str:
    where: dict[str, list[str]] = {}
    for exchange in sorted(capabilities.exchanges):
        if product in products_on(exchange):
            where.setdefault(_words(capabilities, product, exchange), []).append(exchange)
    if len(where) < 2:
        return next(iter(where), _REFUSED)
    return "<br>".join(f"{', '.join(exchanges)}: {words}" for words, exchanges in where.items())


def _words(capabilities: BrokerCapabilities, product: Product, exchange: str) -> str:
    topology = topology_of(capabilities, product, exchange=exchange)
    if topology is None:
        return _REFUSED
    words = _HELD[topology]
    if topology is Topology.NATIVE:
        words += f", else {_HELD[fallback_of(capabilities, product, exchange=exchange)]}"
    is_long_only = topology is Topology.OCO and exchange not in capabilities.oco_short_exchanges
    if (product in _DELIVERED and exchange != "US") or is_long_only:
        words += ", long only"
    return words + _by_day(capabilities, product, exchange)


def _by_day(capabilities: BrokerCapabilities, product: Product, exchange: str) -> str:
    """Return what is held for the day only: all of it, or what stands in for the broker's bracket."""
    held = topology_of(capabilities, product, exchange=exchange)
    instead = fallback_of(capabilities, product, exchange=exchange) if held is Topology.NATIVE else held
    if product is Product.MIS or survives_day(capabilities, product, exchange=exchange, topology=instead):
        return ""
    survives = survives_day(capabilities, product, exchange=exchange, topology=held)
    return ", the latter by day only" if survives else ", by day only"


def _doing_cells(module: BrokerModule) -> tuple[str, ...]:
    can = module.capabilities()
    return (
        ", ".join(kind for kind in OrderType if kind in can.native_entry_types) or "none",
        ", ".join(sorted(can.stop_market_exchanges)) or "none",
        str(can.modifications_per_order),
        f"{can.tag_length} characters" if can.tag_length else "none: told by content",
        f"{can.absence_quiescence.total_seconds():g} s",
        _each(can.quote_pause.total_seconds()) if can.gives_quotes else "none",
        _each(can.read_pause.total_seconds()),
        _login(module.daily_login()),
    )


def _each(seconds: float) -> str:
    return f"{seconds:g} s" if seconds else "as needed"


def _login(login: DailyLogin | None) -> str:
    if login is None:
        return "does not end"
    ways = ("browser or command" if login.by_browser else "command", "unattended" if login.unattended else "")
    return "daily, by " + ", or ".join(filter(None, ways))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = tuple(head)
    yield _line(head)
    yield _line("---" for _ in head)
    yield from map(_line, rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _link(name: str) -> str:
    return f"[{name}]({name}.md)" if (PAGE.parent / f"{name}.md").exists() else name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
