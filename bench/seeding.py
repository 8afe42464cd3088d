"""Many brackets at once, in the store and in the stub's books, made by the core itself.

Every bracket goes the way it goes in the service: opened, sent, seen filled, its stop sent and seen. Only
the wire is short-cut: orders are put into the stub's books in bulk, and the store does not wait for the
disk.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ulid import ULID

from bench.stage import BROKER, EXCHANGE, ORDER, SYMBOLS, StagedAccount, instrument
from bench.stub_client import StubProcess
from broker.base import AccountCredentials, BrokerSettings
from broker.registry import import_broker_module
from broker.zerodha.mapping import order_form
from database.bracket_db import EventRecord, insert_bracket
from database.session import Database
from database.settings import SettingScope, put_setting
from services.bracket.account import Claims, index_book, part_of_read, standings
from services.bracket.events import Event, LegAcknowledged
from services.bracket.lifecycle import Decision, answer, reconcile
from services.bracket.model import BookRead, Bracket, LegStatus, Mode, Moment, State
from services.bracket.observation import Seen, Timing
from services.bracket.planning import Account, make_plan
from services.bracket.request import BracketOrderRequest, parse_price
from services.bracket_announcer import CURSOR
from services.bracket_order_service import birth_sight, open_bracket
from services.event_codec import encode_event
from services.market_sessions import MarketSessions
from services.wire import order_request
from utils.clock import SystemClock

_EVIDENCE_SECONDS = 2.5


class SeedingFailed(RuntimeError):
    """A bracket did not get to the state it was meant to be in; the message says which."""


@dataclass(slots=True)
class _Growing:
    """A bracket on its way, with all events so far."""

    bracket: Bracket
    is_filled: bool
    events: list[tuple[Event, Moment]] = field(default_factory=list)

    def take(self, decision: Decision, at: Moment) -> None:
        self.bracket = decision.bracket
        self.events += [(event, at) for event in decision.events]


class Seeder:
    """Seeds one store and one stub."""

    def __init__(self, db: Database, stub: StubProcess) -> None:
        self._db = db
        self._stub = stub
        self._clock = SystemClock()
        self._sessions = MarketSessions(follow_calendar=False)
        self._module = import_broker_module(BROKER)
        self.brackets: dict[str, list[Bracket]] = {}  # by account, as stored
        self.orders: dict[str, list[dict[str, Any]]] = {}  # by token, as the stub was given them

    def seed(self, accounts: Sequence[StagedAccount], *, protected: int, resting: int = 1) -> list[str]:
        """Store in each account `protected` brackets and, newest, those whose entries rest.

        Return the order id of the last of each account's brackets.
        """
        grown = [
            (account, self._grown(account, protected=protected, resting=resting)) for account in accounts
        ]
        # What is not ours in the account is believed when a second look, 2 s later, says the same.
        time.sleep(_EVIDENCE_SECONDS)
        for account, growing in grown:
            self._look(account, growing)
            self._check(growing)
            self._store(account, growing)
        return [growing[-1].bracket.legs[0].broker_order_id or "" for _, growing in grown]

    def _grown(self, account: StagedAccount, *, protected: int, resting: int) -> list[_Growing]:
        growing = [
            self._opened(account, number, is_filled=number < protected)
            for number in range(protected + resting)
        ]
        for _ in range(2):  # the entries, then the stops
            orders = [order for one in growing for order in self._sent(account, one)]
            self.orders.setdefault(account.token, []).extend(orders)
            self._stub.place(orders)
            self._look(account, growing)
        return growing

    def _opened(self, account: StagedAccount, number: int, *, is_filled: bool) -> _Growing:
        now = Moment.read(self._clock)
        session = self._sessions.session(EXCHANGE, now)
        plan = make_plan(
            _request(SYMBOLS[number % len(SYMBOLS)]),
            account=Account(account_id=account.id, owner_id=account.owner_id, broker=BROKER, mode=Mode.LIVE),
            capabilities=self._module.capabilities(),
            instrument=instrument(SYMBOLS[number % len(SYMBOLS)]),
            quote=None,
            session=session,
            now=now.wall,
        )
        seen = birth_sight(plan, self._sessions.trading_session(EXCHANGE, now))
        bracket, events = open_bracket(str(ULID()), plan, seen=seen, now=now)
        return _Growing(bracket, is_filled, [(event, now) for event in events])

    def _sent(self, account: StagedAccount, one: _Growing) -> list[dict[str, Any]]:
        """Acknowledge every intention of a bracket and return the orders to put into the stub's books."""
        now, orders = Moment.read(self._clock), []
        for leg in one.bracket.legs:
            if leg.status is LegStatus.SENT:
                order_id = f"seed-{one.bracket.id}-{leg.seq}"
                form = order_form(order_request(one.bracket, leg))
                is_filled = leg.seq == 1 and one.is_filled
                orders.append(
                    {"order_id": order_id, "token": account.token, "form": form, "filled": is_filled}
                )
                one.take(
                    answer(one.bracket, LegAcknowledged(seq=leg.seq, broker_order_id=order_id), now), now
                )
        return orders

    def _look(self, account: StagedAccount, growing: Sequence[_Growing]) -> None:
        broker = self._module.connect(
            AccountCredentials(account_id=account.id, auth_token=account.token.removeprefix("token ")),
            BrokerSettings(api_roots={BROKER: self._stub.url}, paper_state="", paper_prices=""),
        )
        started = Moment.read(self._clock)
        read = BookRead(
            started=started,
            orders=broker.order_book(),
            gtts=None,
            trades=broker.trade_book(),
            positions=broker.positions(),
        )
        broker.close()
        session = self._sessions.trading_session(EXCHANGE, started)
        brackets = [one.bracket for one in growing]
        index = index_book(read)
        found = standings(index, brackets, session={EXCHANGE: session.id})
        for one in growing:
            standing = found.get(one.bracket.id)
            agrees = None if standing is None else standing.agrees
            seen = Seen(
                session=session,
                read=part_of_read(one.bracket, index, claims=Claims(), agrees=agrees),
                standing=standing,
            )
            now = Moment.read(self._clock)
            one.take(reconcile(one.bracket, seen, now, timing=Timing()), now)

    def _check(self, growing: Sequence[_Growing]) -> None:
        for one in growing:
            wanted = State.PROTECTED if one.is_filled else State.ENTRY_OPEN
            if one.bracket.state is not wanted or one.bracket.foreign_base is None or one.bracket.alarms:
                raise SeedingFailed(f"{one.bracket.id} is {one.bracket.state}, {one.bracket.alarms}")

    def _store(self, account: StagedAccount, growing: Sequence[_Growing]) -> None:
        self.brackets[account.id] = [one.bracket for one in growing]
        for one in growing:
            records = [
                EventRecord(kind=type(event).__name__, at=at, payload=encode_event(event))
                for event, at in one.events
            ]
            last_seq = insert_bracket(self._db, one.bracket, records, claim=None)
        put_setting(
            self._db,
            SettingScope.ACCOUNT,
            subject_id=account.id,
            key=CURSOR,
            value=str(last_seq),
            at=self._clock.now(),
        )


def _request(symbol: str) -> BracketOrderRequest:
    return BracketOrderRequest(
        symbol=symbol,
        exchange=EXCHANGE,
        product=ORDER["product"],
        action=ORDER["action"],
        quantity=ORDER["quantity"],
        entry_price=parse_price(ORDER["entry_price"]),
        sl_price=parse_price(ORDER["sl_price"]),
        target_price=parse_price(ORDER["target_price"]),
        strategy=ORDER["strategy"],
    )
