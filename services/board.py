"""What the dashboard shows: open brackets with what protects them, and a pulse that says what moved.

Reads what is stored and what the workers have at hand; nothing here asks a broker, however many look on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from database.account_db import Account, AccountStatus, list_accounts
from database.bracket_db import StoredEvent, events_of, last_seqs, load, load_open
from database.settings import KILL_SWITCH, SettingScope, analyzer_mode, kill_switch, set_kill_switch, setting
from services.account_worker import AccountWorker
from services.bracket.clocks import naked_cause
from services.bracket.explanation import Explanation, explain
from services.bracket.guards import Guard, guards_of
from services.bracket.model import Bracket, KillMode, Mode, Overlay, Quote
from services.bracket.quantities import net
from services.desk import Desk
from services.errors import NotFound
from services.roster import Symbol, symbol_of
from services.vitals import HEARTBEAT_SECONDS, Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One bracket as the board shows it. explanation is None while nobody works the account."""

    bracket: Bracket
    account: Account
    held: int
    guards: tuple[Guard, ...]
    naked_seconds: float | None  # of the running clock
    quote: Quote | None  # the newest there is, however old
    explanation: Explanation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NakedShares:
    """Shares without a working stop, and for how long already."""

    bracket: Bracket
    account: Account
    seconds: float
    quantity: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPulse:
    """How an account stands. kill is what is in force, the stricter of its own switch and its owner's.

    seq is of its newest event: a page that has read the rest needs to hear of later ones only. faults are
    sentences on what makes its brackets look other than they are, or keeps them from being decided.
    """

    account: Account
    seq: int
    kill: KillMode
    troubles: frozenset[Overlay]
    is_worked: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What moved: versions of the open brackets, prices at hand, shares without a stop.

    kill is the switch of all the owner's accounts by itself; mode is where new brackets go.
    """

    kill: KillMode
    mode: Mode
    accounts: tuple[AccountPulse, ...]
    versions: dict[str, int]
    quotes: dict[tuple[str, Mode, Symbol], Quote]
    naked: tuple[NakedShares, ...]


def board(desk: Desk, owner_id: str) -> list[Shown]:
    """Return the owner's open brackets, newest first. Raises NotRead."""
    accounts = _accounts(desk, owner_id)
    return [_shown(desk, one, accounts) for one in reversed(load_open(desk.db, accounts))]


def some_of_board(desk: Desk, owner_id: str, bracket_ids: Iterable[str]) -> list[Shown]:
    """Return those of these brackets that are the owner's, open or closed. Raises NotRead."""
    accounts = _accounts(desk, owner_id)
    found = (load(desk.db, bracket_id) for bracket_id in bracket_ids)
    ours = [one for one in found if one is not None and one.plan.account_id in accounts]
    return [_shown(desk, one, accounts) for one in ours]


def shown_bracket(desk: Desk, owner_id: str, bracket_id: str) -> Shown:
    """Return one bracket of the owner, open or closed. Raises NotFound, also for another's."""
    return _shown(desk, owned_bracket(desk, owner_id, bracket_id), _accounts(desk, owner_id))


def owned_bracket(desk: Desk, owner_id: str, bracket_id: str) -> Bracket:
    """Return one bracket of the owner. Raises NotFound, also for another's."""
    bracket = load(desk.db, bracket_id)
    if bracket is None or bracket.plan.account_id not in _accounts(desk, owner_id):
        raise NotFound(f"bracket {bracket_id[:32]} was not found")
    return bracket


def story_of(desk: Desk, bracket: Bracket) -> tuple[StoredEvent, ...]:
    """Return everything that happened to a bracket, oldest first. Raises NotRead."""
    return events_of(desk.db, bracket.id)


def pulse(desk: Desk, owner_id: str) -> Pulse:
    """Return what moved, from what the workers have at hand. Cheap: every page asks once a second."""
    accounts = _accounts(desk, owner_id)
    seqs = last_seqs(desk.db, accounts)
    workers = [one for one in desk.supervisor.workers() if one.account_id in accounts]
    brackets = [bracket for worker in workers for bracket in worker.open_brackets()]
    brackets += _unworked(desk, set(accounts) - {one.account_id for one in workers})
    return Pulse(
        kill=kill_switch_of(desk, SettingScope.OWNER, owner_id),
        mode=analyzer_mode(desk.db, owner_id),
        accounts=tuple(
            _account_pulse(desk, one, workers, seq=seqs.get(one.id, 0)) for one in accounts.values()
        ),
        versions={bracket.id: bracket.version for bracket in brackets},
        quotes={
            (worker.account_id, worker.mode, symbol): quote
            for worker in workers
            for symbol, quote in worker.newest_quotes().items()
        },
        naked=tuple(_naked(desk, one, accounts) for one in brackets if one.naked is not None),
    )


def kill_switch_of(desk: Desk, scope: SettingScope, subject_id: str) -> KillMode:
    """Return one switch by itself, whatever else is in force. Raises NotRead."""
    value = setting(desk.db, scope, subject_id=subject_id, key=KILL_SWITCH)
    return KillMode.OFF if value is None else KillMode(value)


def switch_kill_of_owner(desk: Desk, owner_id: str, *, mode: KillMode) -> None:
    """Set the kill switch of all accounts of an owner; their workers act on it within a second."""
    set_kill_switch(desk.db, SettingScope.OWNER, subject_id=owner_id, mode=mode, at=desk.clock.now())
    accounts = _accounts(desk, owner_id)
    for worker in desk.supervisor.workers():
        if worker.account_id in accounts:
            worker.obey_kill_switch()


def switch_kill_of_account(desk: Desk, account_id: str, *, mode: KillMode) -> None:
    """Set the kill switch of one account; its workers act on it within a second."""
    set_kill_switch(desk.db, SettingScope.ACCOUNT, subject_id=account_id, mode=mode, at=desk.clock.now())
    for worker in desk.supervisor.workers():
        if worker.account_id == account_id:
            worker.obey_kill_switch()


def _accounts(desk: Desk, owner_id: str) -> dict[str, Account]:
    return {one.id: one for one in list_accounts(desk.db, owner_id=owner_id)}


def _shown(desk: Desk, bracket: Bracket, accounts: dict[str, Account]) -> Shown:
    worker = desk.supervisor.running(bracket.plan.account_id, bracket.plan.mode)
    now = desk.now()
    return Shown(
        bracket=bracket,
        account=accounts[bracket.plan.account_id],
        held=net(bracket),
        guards=guards_of(bracket),
        naked_seconds=None if bracket.naked is None else now.since(bracket.naked.since).total_seconds(),
        quote=None if worker is None else worker.newest_quotes().get(symbol_of(bracket)),
        explanation=None if worker is None else explain(bracket, worker.sight_of(bracket), now),
    )


def _unworked(desk: Desk, account_ids: set[str]) -> list[Bracket]:
    return list(load_open(desk.db, account_ids)) if account_ids else []


def _account_pulse(desk: Desk, one: Account, workers: list[AccountWorker], *, seq: int) -> AccountPulse:
    ours = [worker for worker in workers if worker.account_id == one.id]
    troubles = frozenset[Overlay]().union(*(worker.troubles for worker in ours))
    if one.status is AccountStatus.NEEDS_LOGIN:
        troubles |= {Overlay.AUTH_DEAD}
    return AccountPulse(
        account=one,
        seq=seq,
        kill=kill_switch(desk.db, one.id, owner_id=one.owner_id),
        troubles=troubles,
        is_worked=bool(ours),
        faults=tuple(fault for worker in ours for fault in _faults(one, worker.vitals())),
    )


def _faults(one: Account, vitals: Vitals) -> list[str]:
    found = [
        f"Bracket {stuck} of account {one.name} cannot be decided: look at it yourself."
        for stuck in sorted(vitals.stuck)
    ]
    if vitals.turned_seconds > HEARTBEAT_SECONDS:
        seconds = int(vitals.turned_seconds)
        found.append(
            f"Account {one.name} has not been looked after for {seconds} s: its brackets may stand otherwise."
        )
    if vitals.unstored:
        found.append(f"Account {one.name}: {vitals.unstored} answers of the broker wait to be stored.")
    return found


def _naked(desk: Desk, bracket: Bracket, accounts: dict[str, Account]) -> NakedShares:
    clock = bracket.naked
    if clock is None:
        raise AssertionError("asked for brackets with a running clock only")
    return NakedShares(
        bracket=bracket,
        account=accounts[bracket.plan.account_id],
        seconds=desk.now().since(clock.since).total_seconds(),
        quantity=clock.quantity,
        cause=naked_cause(bracket),  # as it is now: the clock keeps what it began with
    )
