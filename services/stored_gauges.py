"""What only the database knows of how things stand, for /metrics: logins, ways out, switches.

Read at each scrape, in a few statements whose cost grows with accounts and waiting messages only.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client.core import Metric

from broker.registry import import_broker_module
from database.account_db import Account, AccountStatus, tokens_stored_at
from database.bracket_db import load_open
from database.outbox_db import Channel, backlogs
from database.restore_db import hold_of
from database.session import Database
from database.settings import kill_switches
from services.bracket.model import Bracket, KillMode
from services.gauges import Labelled, gauge, single


def stored_gauges(db: Database, accounts: Sequence[Account], now: datetime) -> Iterator[Metric]:
    """Yield the gauges. Raises NotRead."""
    yield from _account_gauges(db, accounts, now)
    yield from _outbox_gauges(db, now)
    yield single(
        "held_after_restore", "1 while a restored database waits for a person.", hold_of(db) is not None
    )
    switches = Counter(kill_switches(db))
    yield gauge(
        "kill_switches",
        "Kill switches of accounts and owners that are set, by mode.",
        ("mode",),
        (((mode,), switches[mode]) for mode in KillMode if mode is not KillMode.OFF),
    )


def unworked_brackets(
    db: Database, accounts: Sequence[Account], worked: frozenset[str]
) -> tuple[Bracket, ...]:
    """Return the open brackets of accounts that no worker looks after. Raises NotRead."""
    idle = [one.id for one in accounts if one.id not in worked]
    return load_open(db, idle) if idle else ()


def _account_gauges(db: Database, accounts: Sequence[Account], now: datetime) -> Iterator[Metric]:
    counts = Counter((one.broker, one.status) for one in accounts)
    brokers = sorted({one.broker for one in accounts})
    yield gauge(
        "accounts",
        "Accounts by broker and status; needs_login is a dead broker session.",
        ("broker", "status"),
        (((broker, status), counts[broker, status]) for broker in brokers for status in AccountStatus),
    )
    stored = tokens_stored_at(db)
    dated = [(one.broker, stored[one.id]) for one in accounts if one.id in stored]
    yield gauge("token_age_seconds", "Age of the oldest broker token.", ("broker",), _token_ages(dated, now))
    yield gauge(
        "token_ends_in_seconds",
        "When the first broker token ends, as the broker's rules have it; below 0 it has.",
        ("broker",),
        _token_ends(dated, now),
    )


def _token_ages(dated: Sequence[tuple[str, datetime]], now: datetime) -> Labelled:
    for broker in sorted({broker for broker, _ in dated}):
        oldest = min(at for name, at in dated if name == broker)
        yield (broker,), (now - oldest).total_seconds()


def _token_ends(dated: Sequence[tuple[str, datetime]], now: datetime) -> Labelled:
    for broker in sorted({broker for broker, _ in dated}):
        login = import_broker_module(broker).daily_login()
        if login is not None:
            first = min(login.ends_at(at) for name, at in dated if name == broker)
            yield (broker,), (first - now).total_seconds()


def _outbox_gauges(db: Database, now: datetime) -> Iterator[Metric]:
    found = {one.channel: one for one in backlogs(db)}
    waiting = {channel: found[channel].waiting if channel in found else 0 for channel in Channel}
    ages = {channel: (now - one.oldest).total_seconds() for channel, one in found.items()}
    yield gauge(
        "outbox_messages",
        "Messages that wait to be sent outside.",
        ("channel",),
        (((channel,), count) for channel, count in waiting.items()),
    )
    yield gauge(
        "outbox_oldest_seconds",
        "For how long the oldest of them has waited.",
        ("channel",),
        (((channel,), ages.get(channel, 0.0)) for channel in Channel),
    )
