"""The bracket itself: its plan, legs, slices and where it stands. Frozen; only the fold changes it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from services.bracket.model.broker import BrokerCapabilities, Terms
from services.bracket.model.market import Instrument
from services.bracket.model.vocabulary import (
    Mode,
    Moment,
    OrderType,
    PriceSpec,
    Product,
    Purpose,
    RefusalKind,
    Side,
    Topology,
    Validity,
)


class State(StrEnum):
    RECEIVED = "RECEIVED"
    VALIDATED = "VALIDATED"
    ENTRY_PENDING = "ENTRY_PENDING"
    ENTRY_OPEN = "ENTRY_OPEN"
    PROTECTING = "PROTECTING"
    PROTECTED_PARTIAL = "PROTECTED_PARTIAL"
    PROTECTED = "PROTECTED"
    EXITING = "EXITING"
    EMERGENCY = "EMERGENCY"
    UNWINDING = "UNWINDING"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    HANDED_OVER = "HANDED_OVER"

    @property
    def is_closed(self) -> bool:
        return self in CLOSED_STATES


CLOSED_STATES = frozenset({State.CLOSED, State.REJECTED, State.CANCELLED, State.EXPIRED, State.HANDED_OVER})


class Overlay(StrEnum):
    """Flags beside the state."""

    UNKNOWN_LEG = "UNKNOWN_LEG"
    BROKER_DOWN = "BROKER_DOWN"
    AUTH_DEAD = "AUTH_DEAD"
    FEED_STALE = "FEED_STALE"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"
    EXTERNAL_CHANGE = "EXTERNAL_CHANGE"
    KILLED = "KILLED"
    EXITING_AT_BAND = "EXITING_AT_BAND"
    WATCH = "WATCH"


class Role(StrEnum):
    ENTRY = "E"
    EXIT = "X"
    UNWIND = "U"  # buys back (or sells off) what an exit took too much; its fills count as entry fills


class LegKind(StrEnum):
    ORDER = "order"
    GTT = "gtt"


class LegStatus(StrEnum):
    SENT = "sent"  # intention committed; the answer is not in yet
    UNKNOWN = "unknown"  # sent, no usable answer: it may exist
    ACKED = "acked"  # the broker gave an id; no book has shown it yet
    PENDING = "pending"  # in the book, resting nowhere yet
    TRIGGER_PENDING = "trigger_pending"  # resting until its trigger; for a GTT: active
    OPEN = "open"
    TRIGGERED = "triggered"  # a GTT that fired; its child order carries on
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABSENT = "absent"  # proved never to have arrived
    NOT_SENT = "not_sent"  # provably never left us


WORKING = frozenset({LegStatus.TRIGGER_PENDING, LegStatus.OPEN})
UNSEEN = frozenset({LegStatus.SENT, LegStatus.UNKNOWN, LegStatus.ACKED})
LIVE = WORKING | UNSEEN | {LegStatus.PENDING}


class ChangeKind(StrEnum):
    MODIFY = "modify"
    CANCEL = "cancel"


class ChangeStatus(StrEnum):
    SENT = "sent"
    ACKED = "acked"
    UNKNOWN = "unknown"


class ExitReason(StrEnum):
    """Why a bracket is on its way out, for good."""

    STOP_HIT = "stop_hit"
    EXIT_NOW = "exit_now"
    TIME_EXIT = "time_exit"
    KILL_SWITCH = "kill_switch"
    CANCELLED = "cancelled"  # the user cancelled a filled bracket with if_filled=exit
    OPPOSITE_SIGNAL = "opposite_signal"
    SLIPPAGE = "slippage"
    CONTRACT_EXPIRY = "contract_expiry"
    EMERGENCY = "emergency"


class Outcome(StrEnum):
    """How a bracket that held shares ended."""

    TARGET_HIT = "target_hit"
    STOP_HIT = "stop_hit"
    EXITED = "exited"  # at the market, by request, time, emergency, or by somebody else


class IfFilled(StrEnum):
    """What a cancel does with shares already bought."""

    EXIT = "exit"
    KEEP_EXITS = "keep_exits"
    HAND_OVER = "hand_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTerms:
    order_type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    disclosed_quantity: int = 0
    expires_in: timedelta | None = None
    max_age: timedelta = timedelta(seconds=10)  # R1: older than this and not on the wire = never sent
    max_slippage: PriceSpec | None = None
    expected_price: Decimal | None = None  # what slippage counts from; None: the order's own limit
    retry_absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A stop that follows the price. `distance` is points or per cent of the best price seen."""

    distance: PriceSpec | None = None
    activate_at: Decimal | None = None
    breakeven_at: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTerms:
    price: PriceSpec
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    on_manual_change: str = "restore"  # restore | respect
    unknown_stop: str = "wait"  # wait | duplicate_stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for and accepted, with everything needed to carry it out without asking again."""

    account_id: str
    owner_id: str
    broker: str
    mode: Mode
    instrument: Instrument
    product: Product
    side: Side
    quantity: int
    entry: EntryTerms
    stop: PriceSpec
    targets: tuple[TargetTerms, ...]  # nearest first
    topology: Topology
    survives_day: bool  # whether the broker can hold the protection overnight
    capabilities: BrokerCapabilities
    stop_limit_offset: Decimal | None = None
    trail: Trail | None = None
    exit_at: datetime | None = None
    policies: Policies = field(default_factory=Policies)
    strategy: str = ""
    client_order_id: str | None = None
    waits_for: tuple[str, ...] = ()  # brackets of the other side that must be flat before the entry goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A modify or cancel that is on its way to an order. Names target terms, never differences."""

    kind: ChangeKind
    sent_at: Moment
    terms: Terms | None = None
    purpose: Purpose | None = None
    former_purpose: Purpose | None = None  # what the order is for again, should the change fail
    former_since: Moment | None = None
    status: ChangeStatus = ChangeStatus.SENT
    answered_at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One order, or one GTT, of a bracket. `filled` never decreases but by a proven trade bust."""

    seq: int
    slice: int
    role: Role
    kind: LegKind
    tag: str
    side: Side
    terms: Terms
    purpose: Purpose
    status: LegStatus
    sent_at: Moment
    session: str
    broker_order_id: str | None = None
    filled: int = 0
    average_price: Decimal | None = None
    change: Change | None = None
    agreed_terms: Terms | None = None  # ours, as last placed or confirmed: others' changes differ from it
    asked_terms: Terms | None = None  # ours, as last asked for: a late modify may still arrive
    cancelled_by_us: bool = False
    failed_changes: int = 0  # refused or lapsed in a row
    modifications: int = 0
    morphs: int = 0
    purpose_since: Moment | None = None
    rung: int = 0  # step of the price ladder; counts only while marketable
    changed_at: Moment | None = None  # when a modify or cancel was last asked for
    triggered_at: Moment | None = None  # a stop that has fired cannot rest as a stop again
    unknown_at: Moment | None = None  # when it was clear that no answer says what became of it
    sighted_at: Moment | None = None
    row_updated_at: datetime | None = None
    missed_reads: int = 0
    missed_since: Moment | None = None  # the first of those reads was taken in
    parent: int | None = None  # seq of the GTT, or of the native entry, that this order came with
    reason: str | None = None
    refusal: RefusalKind | None = None
    expires_at: datetime | None = None  # when the broker drops a GTT
    exits_absent: bool = False  # of a native entry: proved that the broker has no (second) exit of it

    @property
    def is_live(self) -> bool:
        """Whether it may still fill, as far as anyone can tell: unseen and unknown orders count."""
        return self.status in LIVE

    @property
    def is_working(self) -> bool:
        """Whether a book showed it resting."""
        return self.status in WORKING

    @property
    def triggered(self) -> bool:
        return self.triggered_at is not None

    @property
    def remaining(self) -> int:
        return max(0, self.terms.quantity - self.filled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The part of a bracket that shares one exit order and one target."""

    index: int
    quantity: int
    target: PriceSpec
    allocated: int = 0  # entry fills given to this slice; only ever grows
    external: int = 0  # taken away by somebody else, as foreign trades prove
    form: int = 0  # how many corrected forms of the stop have been tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Naked:
    """Filled shares without a working stop: since when, and why."""

    since: Moment
    noticed: Moment
    cause: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    kind: str
    text: str
    count: int
    last_at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """One bracket: entry that arms a stop and a target which cancel each other."""

    id: str
    plan: Plan
    state: State
    received: Moment
    slices: tuple[Slice, ...]
    stop: PriceSpec
    version: int = 0  # number of events folded
    legs: tuple[Leg, ...] = ()
    overlays: frozenset[Overlay] = frozenset()
    trail: Trail | None = None
    trail_stop: Decimal | None = None  # where trailing or break-even has moved the stop to
    trail_moved_at: Moment | None = None
    stop_passed_at: Moment | None = None  # since when the market is through the stop
    exit_at: datetime | None = None
    exit_reason: ExitReason | None = None
    exit_detail: str | None = None
    cancel_requested: IfFilled | None = None
    handed_over: bool = False
    hand_over_cancels: bool = False  # whether the hand-over takes our exits away too
    entry_ended: str | None = None  # why no entry will be sent (any more): a stable code
    naked: Naked | None = None
    naked_seconds: float = 0.0  # finished intervals, summed
    was_protected: bool = False
    alarms: tuple[Alarm, ...] = ()
    session: str = ""
    foreign_base: int | None = None  # lots of this symbol that were not ours when the bracket came
    base_seen: int | None = None  # what one read said of them; the base is noted once a second agrees
    base_turnover: int | None = None  # what that read showed as traded in the symbol
    base_seen_at: Moment | None = None
    external_at_base: int = 0  # shares closed by others before the trades that count since
    restored: int = 0  # times a person's change of our exit was undone
    finished_at: Moment | None = None
    outcome: Outcome | None = None
    profit: Decimal | None = None
    updated: Moment | None = None
    age_unknown: bool = False  # the clock was set back since it came: nobody can say how old it is

    def leg(self, seq: int) -> Leg:
        """Return the leg numbered seq; seq counts from 1."""
        return self.legs[seq - 1]
