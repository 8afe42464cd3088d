"""Listing a broker's instruments anew from its own file: the work of a command, and of a daily job."""

from collections.abc import Callable, Sequence
from itertools import groupby

from broker.base import BrokerSettings, ListedInstrument
from broker.registry import import_broker_module
from database.account_db import auth_token_of, list_accounts
from database.secret_box import SecretBox
from database.session import Database
from database.symbol import Listing, replace_instruments
from utils.clock import Clock

Progress = Callable[[int], None]


def read_instruments(
    db: Database, box: SecretBox, settings: BrokerSettings, broker: str, *, progress: Progress
) -> tuple[ListedInstrument, ...]:
    """Return what a broker's file lists; progress hears how many bytes came. Raises ReadFailed, AuthDead."""
    return import_broker_module(broker).list_instruments(settings, _any_token(db, box, broker), progress)


def store_instruments(
    db: Database,
    clock: Clock,
    found: Sequence[ListedInstrument],
    *,
    broker: str,
    progress: Callable[[], Progress],
) -> None:
    """Store them in place of the broker's old lists; each list's progress hears how many rows went in."""
    for exchange, listed in _by_exchange(found):
        replace_instruments(
            db,
            [Listing(instrument=one.instrument, token=one.token) for one in listed],
            broker=broker,
            exchange=exchange,
            at=clock.now(),
            progress=progress(),
        )


def _any_token(db: Database, box: SecretBox, broker: str) -> str | None:
    tokens = (auth_token_of(db, box, one.id) for one in list_accounts(db) if one.broker == broker)
    return next((token for token in tokens if token), None)


def _by_exchange(found: Sequence[ListedInstrument]) -> list[tuple[str, list[ListedInstrument]]]:
    in_order = sorted(found, key=lambda one: one.instrument.exchange)
    return [(name, list(group)) for name, group in groupby(in_order, lambda one: one.instrument.exchange)]
