"""What the service counts and times as it works, for /metrics. Nothing here reads anything.

Every label has a closed set of values: words of ours, names of brokers and of routes. Never an id, a symbol,
an address or a secret. A count costs microseconds, where a commit or a broker's answer takes milliseconds.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from utils.clock import elapsed_timer

# Since when each series is counted would be told as a series of its own, and double them all.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_CALLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8)
_NAKED = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 15, 30, 60, 300)

# The promise.
UNPROTECTED_SECONDS = Histogram(
    "openbracket_unprotected_seconds",
    "How long filled shares stood without a working stop, each time it ended.",
    ("mode", "cause"),
    buckets=_NAKED,
    registry=REGISTRY,
)
EMERGENCY_EXITS = Counter(
    "openbracket_emergency_exits",
    "Positions left at the market because no stop could be had in time.",
    ("mode",),
    registry=REGISTRY,
)
UNWINDS = Counter(
    "openbracket_unwinds",
    "Times that exits had filled for more than was held, and the rest was taken back.",
    ("mode",),
    registry=REGISTRY,
)
ALARMS = Counter(
    "openbracket_alarms",
    "Alarms raised for the first time, by kind; `revived` is an order that came back to life.",
    ("mode", "kind"),
    registry=REGISTRY,
)

# Orders.
BRACKETS_PLACED = Counter(
    "openbracket_brackets_placed", "Brackets taken and stored.", ("mode",), registry=REGISTRY
)
BRACKET_STATES = Counter(
    "openbracket_bracket_states", "Brackets that came into a state.", ("mode", "state"), registry=REGISTRY
)
ORDERS = Counter(
    "openbracket_orders",
    "What came back for an order or GTT that was sent: acknowledged, refused, not_sent, unknown, absent.",
    ("mode", "role", "outcome"),
    registry=REGISTRY,
)
CHANGES = Counter(
    "openbracket_order_changes",
    "What came back for a modify or cancel that was sent: acknowledged, refused, not_sent, unknown, lapsed.",
    ("mode", "outcome"),
    registry=REGISTRY,
)
SIGNALS = Counter("openbracket_signals", "Alerts by what became of them.", ("verdict",), registry=REGISTRY)

# Brokers.
BROKER_CALL_SECONDS = Histogram(
    "openbracket_broker_call_seconds",
    "How long calls to brokers took, and how they ended.",
    ("broker", "operation", "outcome"),
    buckets=_CALLS,
    registry=REGISTRY,
)
BROKER_ANSWERS = Counter(
    "openbracket_broker_answers",
    "HTTP answers of brokers by status: 2xx, 3xx, 4xx, 429 and 5xx.",
    ("status",),
    registry=REGISTRY,
)

# The service itself.
COMMIT_SECONDS = Histogram(
    "openbracket_database_commit_seconds",
    "How long write transactions of the order path took, from asking for the lock to the commit.",
    buckets=_FAST,
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "openbracket_http_request_seconds",
    "How long requests took, by the name of their route.",
    ("route",),
    buckets=_FAST,
    registry=REGISTRY,
)
REQUESTS = Counter(
    "openbracket_http_requests", "Requests by route and status.", ("route", "status"), registry=REGISTRY
)
DELIVERIES = Counter(
    "openbracket_deliveries",
    "Messages to people and programs outside, sent or failed, by channel.",
    ("channel", "outcome"),
    registry=REGISTRY,
)

ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


@contextmanager
def timed(note: Callable[[float], None]) -> Generator[None]:
    """Tell note how many seconds the block took, however it ends."""
    began = elapsed_timer()
    try:
        yield
    finally:
        note(elapsed_timer() - began)
