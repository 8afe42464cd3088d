"""A service on a restored database: it reads the brokers, says what it found, and sends nothing.

A person confirms exactly what was found. The books are read once more then; only if they say the same are
orders taken back by their tags and what nobody can prove given into the person's hands, and work begins.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from broker.base import AccountCredentials, AuthDead, BrokerAccount, ReadFailed
from broker.registry import capabilities_of
from database.account_db import Account, auth_token_of, list_accounts
from database.bracket_db import BracketChange, load, load_open, save
from database.order_owner import known_order_ids
from database.restore_db import (
    Findings,
    Hold,
    confirmed_digest,
    end_hold,
    forget_confirmation,
    hold_of,
    store_findings,
)
from database.session import StorageError
from services.adoption import Books, Finding, Stranger, judge, strangers
from services.bracket.lifecycle import answer
from services.bracket.model import Bracket, Moment, Topology
from services.bracket_supervisor import broker_for
from services.desk import Desk
from services.notices import notify
from services.placed_gtts import remind_of_gtts
from services.recording import Told, records_of

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_READ_EVERY_SECONDS = 30.0
_SAY_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFound:
    """What one account's books showed at one broker. error is why they could not be read."""

    account: Account
    broker: str
    findings: tuple[Finding, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    error: str | None = None


class RestoredWatch:
    """Looks, tells and waits for a person. `run` is one thread's work; `go_on` starts everything else."""

    def __init__(self, desk: Desk, hold: Hold, go_on: Callable[[], None]) -> None:
        self._desk = desk
        self._hold = hold
        self._go_on = go_on
        self._connections: dict[tuple[str, str], BrokerAccount] = {}

    def run(self, stop: threading.Event) -> None:
        """Read and tell until a person has confirmed or stop is set."""
        monotonic = self._desk.clock.monotonic
        read_at = said_at = float("-inf")
        while not stop.is_set():
            try:
                if hold_of(self._desk.db) is None:
                    self._go_on()
                    stop.wait()
                    return
                if monotonic() - said_at >= _SAY_EVERY_SECONDS:
                    said_at = monotonic()
                    self._say()
                confirmed = confirmed_digest(self._desk.db)
                if confirmed is not None or monotonic() - read_at >= _READ_EVERY_SECONDS:
                    read_at = monotonic()
                    if self._look(confirmed):
                        continue
            except StorageError:
                logger.exception("the restored database does not answer; it is asked again")
            stop.wait(_LOOK_EVERY_SECONDS)

    def _look(self, confirmed: str | None) -> bool:
        """Read the books; return whether the hold has ended."""
        found = [self._read(one, broker) for one, broker in self._pairs()]
        findings = self._findings(found)
        store_findings(self._desk.db, findings)
        if confirmed is None:
            return False
        if confirmed != findings.digest or not findings.is_complete:
            forget_confirmation(self._desk.db)
            logger.critical("the brokers show something else than was confirmed: look and confirm again")
            return False
        self._carry_out(found)
        return True

    def _carry_out(self, found: Sequence[AccountFound]) -> None:
        for finding in (one for part in found for one in part.findings):
            if finding.events:
                self._record(finding)
        end_hold(self._desk.db)
        for connection in self._connections.values():
            connection.close()
        logger.warning("the restored database was confirmed: work begins")

    def _record(self, finding: Finding) -> None:
        """Store what becomes of a bracket, with what follows; each event is one answer of its own."""
        for event in finding.events:
            bracket, now = load(self._desk.db, finding.bracket_id), Moment.read(self._desk.clock)
            if bracket is None:
                return
            decision = answer(bracket, event, now)
            change = BracketChange(
                bracket=decision.bracket,
                events=records_of(decision.events, Told(now)),
                expected_version=bracket.version,
            )
            save(self._desk.db, [change])
        logger.warning("bracket %s: %s, %s", finding.bracket_id, finding.verdict, finding.why)

    def _read(self, owner: Account, broker: str) -> AccountFound:
        try:
            books = self._books(owner, broker)
        except (ReadFailed, AuthDead, ValueError) as exc:
            return AccountFound(account=owner, broker=broker, error=f"{type(exc).__name__}: {exc}")
        brackets = [one for one in load_open(self._desk.db, [owner.id]) if one.plan.broker == broker]
        ids = [row.broker_order_id for row in books.orders]
        ids += [row.trigger_id for row in books.gtts or ()]
        known = known_order_ids(self._desk.db, owner.id, order_ids=ids)
        return AccountFound(
            account=owner,
            broker=broker,
            findings=tuple(judge(one, books, known) for one in brackets),
            strangers=strangers(brackets, books, known_ids=known),
        )

    def _books(self, owner: Account, broker: str) -> Books:
        connection = self._connections.get((owner.id, broker))
        if connection is None:
            ports = self._desk.supervisor.ports
            token = auth_token_of(ports.db, ports.box, owner.id) or ""
            credentials = AccountCredentials(account_id=owner.id, auth_token=token)
            connection = ports.connect(broker, credentials, ports.broker_settings)
            remind_of_gtts(self._desk.db, owner, connection)
            self._connections[owner.id, broker] = connection
        can = capabilities_of(broker, self._desk.supervisor.ports.broker_settings)
        has_gtts = Topology.OCO in {*can.topologies.values(), *can.fallbacks.values()}
        orders = connection.order_book()
        if not orders and not connection.session_alive():
            raise AuthDead("the broker session is dead: its empty book proves nothing")
        return Books(orders=orders, gtts=connection.gtt_book() if has_gtts else None)

    def _pairs(self) -> Iterator[tuple[Account, str]]:
        """Yield each account with each broker that may have orders of it."""
        for one in list_accounts(self._desk.db):
            brackets = load_open(self._desk.db, [one.id])
            yield from ((one, broker) for broker in sorted(_brokers_of(one, brackets)))

    def _findings(self, found: Sequence[AccountFound]) -> Findings:
        lines = [line for one in found for line in lines_of(one)]
        return Findings(
            at=self._desk.clock.now(),
            digest=hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12],
            is_complete=all(one.error is None for one in found),
            lines=lines,
        )

    def _say(self) -> None:
        words = (
            "This service runs on a database restored from a backup. It places nothing, moves nothing and"
            " watches nothing: stops that rest at the broker go on resting. Look and let it go on:"
            " flask --app app restore --status"
        )
        logger.critical("%s", words)
        key = f"restored-{int(self._hold.since.timestamp())}"
        for one in list_accounts(self._desk.db):
            notify(self._desk.db, self._desk.clock, one, key=key, kind="service.restored", words=words)


def lines_of(found: AccountFound) -> Iterator[str]:
    """Yield what a person is to read about one account at one broker; the same books give the same lines."""
    where = f"account {found.account.name} at {found.broker}"
    if found.error is not None:
        yield f"{where}: COULD NOT BE READ, {found.error}"
        return
    yield f"{where}: {len(found.findings)} open brackets"
    for one in found.findings:
        yield f"  bracket {one.bracket_id}: {one.verdict}, {one.why}"
    for stranger in found.strangers:
        yield f"  UNKNOWN ORDER {stranger.order_id}: {stranger.words}"


def _brokers_of(owner: Account, brackets: Sequence[Bracket]) -> set[str]:
    return {owner.broker, *(broker_for(owner.broker, one.plan.mode) for one in brackets)}
