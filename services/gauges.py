"""How things stand now, for /metrics: first of all what is not protected. Read when somebody asks.

What the workers have in memory costs the order path nothing but the interpreter's time; what only the
database knows is in `stored_gauges`. No label names an account: numbers are sums, or the worst of all.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from services.account_worker import AccountWorker
from services.bracket.model import Bracket, LegStatus, Mode, Overlay, State
from services.roster import symbol_of
from services.vitals import Vitals

OPEN_STATES = tuple(state for state in State if not state.is_closed)

Labelled = Iterable[tuple[tuple[str, ...], float]]


def gauge(name: str, words: str, labels: Sequence[str] = (), values: Labelled = ()) -> Metric:
    """Return one gauge; values are pairs of its labels' values and a number."""
    family = GaugeMetricFamily(f"openbracket_{name}", words, labels=labels)
    for label_values, value in values:
        family.add_metric(list(label_values), value)
    return family


def single(name: str, words: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return gauge(name, words, values=[((), value)])


def bracket_gauges(brackets: Sequence[Bracket], now: datetime) -> Iterator[Metric]:
    """Yield what the open brackets say, the unprotected ones first."""
    yield from _unprotected(brackets, now)
    states = Counter((one.plan.mode, one.state) for one in brackets)
    yield gauge(
        "open_brackets",
        "Open brackets by state.",
        ("mode", "state"),
        (((mode, state), states[mode, state]) for mode in Mode for state in OPEN_STATES),
    )
    yield _by_mode(
        "unknown_legs", "Orders that may or may not exist at the broker.", brackets, count=_unknown_legs
    )
    yield _by_mode("attention_brackets", "Brackets that need a person.", brackets, count=_needs_attention)


def worker_gauges(workers: Sequence[AccountWorker], now: datetime) -> Iterator[Metric]:
    """Yield how the account workers are: heartbeat, books, prices, queues, rate limits."""
    vitals = [one.vitals() for one in workers]
    yield single("workers", "Account workers at work.", len(vitals))
    yield single(
        "engine_heartbeat_age_seconds",
        "Since when the account worker that is longest silent has not turned.",
        max((one.turned_seconds for one in vitals), default=0.0),
    )
    yield gauge(
        "book_age_seconds", "Age of the oldest book among accounts that read.", ("mode",), _book_ages(vitals)
    )
    yield gauge(
        "quote_age_seconds",
        "Age of the oldest price of an open bracket.",
        ("mode",),
        _quote_ages(workers, now),
    )
    yield gauge(
        "account_troubles",
        "Accounts by what keeps their books from being read.",
        ("trouble",),
        _troubles(vitals),
    )
    yield gauge("streams", "Live accounts by whether their push stream is up.", ("state",), _streams(workers))
    yield gauge(
        "rate_limit_used_ratio",
        "The fullest rate limit of any account, 1 is full.",
        ("budget",),
        _rate_use(vitals),
    )
    yield single(
        "worker_inbox_messages", "Messages that wait for account workers.", sum(one.inbox for one in vitals)
    )
    yield single(
        "worker_inbox_age_seconds",
        "How long the oldest of those messages has waited at most.",
        max((one.turned_seconds for one in vitals if one.inbox), default=0.0),
    )
    yield single(
        "unstored_answers", "Answers of brokers not stored yet.", sum(one.unstored for one in vitals)
    )
    yield single(
        "stuck_brackets",
        "Brackets a fault of ours keeps from being decided.",
        sum(len(one.stuck) for one in vitals),
    )


def _unprotected(brackets: Sequence[Bracket], now: datetime) -> Iterator[Metric]:
    naked = [(one.plan.mode, one.naked) for one in brackets if one.naked is not None]
    counts, shares, ages = Counter[Mode](), Counter[Mode](), dict.fromkeys(Mode, 0.0)
    for mode, clock in naked:
        counts[mode] += 1
        shares[mode] += clock.quantity
        ages[mode] = max(ages[mode], (now - clock.since.wall).total_seconds())
    causes = Counter((mode, clock.cause) for mode, clock in naked)
    yield gauge(
        "unprotected_brackets",
        "Brackets with filled shares and no working stop, now.",
        ("mode",),
        _each(counts),
    )
    yield gauge("unprotected_shares", "Filled shares without a working stop, now.", ("mode",), _each(shares))
    yield gauge(
        "unprotected_oldest_seconds",
        "For how long the oldest of them has had none.",
        ("mode",),
        (((mode,), ages[mode]) for mode in Mode),
    )
    yield gauge(
        "unprotected_by_cause",
        "The same brackets by what keeps them without one.",
        ("mode", "cause"),
        causes.items(),
    )


def _by_mode(
    name: str, words: str, brackets: Iterable[Bracket], *, count: Callable[[Bracket], int]
) -> Metric:
    found = Counter[Mode]()
    for one in brackets:
        found[one.plan.mode] += count(one)
    return gauge(name, words, ("mode",), _each(found))


def _each(counts: Counter[Mode]) -> Labelled:
    return (((mode,), counts[mode]) for mode in Mode)


def _unknown_legs(bracket: Bracket) -> int:
    return sum(leg.status is LegStatus.UNKNOWN for leg in bracket.legs)


def _needs_attention(bracket: Bracket) -> int:
    return int(Overlay.NEEDS_ATTENTION in bracket.overlays)


def _book_ages(vitals: Sequence[Vitals]) -> Labelled:
    for mode in Mode:
        reading = [one.read_seconds for one in vitals if one.mode is mode and one.is_reading]
        yield (mode,), max((age for age in reading if age is not None), default=0.0)


def _quote_ages(workers: Sequence[AccountWorker], now: datetime) -> Labelled:
    for mode in Mode:
        ages = [age for one in workers if one.mode is mode for age in _ages_of_quotes(one, now)]
        yield (mode,), max(ages, default=0.0)


def _ages_of_quotes(worker: AccountWorker, now: datetime) -> Iterator[float]:
    quotes = worker.newest_quotes()
    for symbol in {symbol_of(one) for one in worker.open_brackets()}:
        quote = quotes.get(symbol)
        if quote is not None:
            yield (now - quote.at).total_seconds()


def _troubles(vitals: Sequence[Vitals]) -> Labelled:
    found = Counter(trouble for one in vitals for trouble in one.troubles)
    known = (Overlay.BROKER_DOWN, Overlay.AUTH_DEAD, Overlay.FEED_STALE)
    return (((trouble,), found[trouble]) for trouble in known)


def _streams(workers: Sequence[AccountWorker]) -> Labelled:
    live = [one for one in workers if one.mode is Mode.LIVE]
    up = sum(one.pushes.is_up for one in live)
    return [(("up",), up), (("down",), len(live) - up)]


def _rate_use(vitals: Sequence[Vitals]) -> Labelled:
    fullest: dict[str, float] = {}
    for use in (use for one in vitals for use in one.rate_use):
        fullest[use.budget] = max(fullest.get(use.budget, 0.0), use.used / use.calls)
    return (((budget,), share) for budget, share in fullest.items())
