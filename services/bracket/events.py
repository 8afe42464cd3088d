"""What can happen to a bracket. Past tense, frozen, never edited: a wrong one is answered by another.

An *intended* event is also the command: once it is stored, the runner puts it on the wire.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from services.bracket.model import (
    ChangeKind,
    ExitReason,
    IfFilled,
    LegKind,
    LegStatus,
    Moment,
    Outcome,
    Overlay,
    Plan,
    PriceSpec,
    Purpose,
    RefusalKind,
    Role,
    Side,
    State,
    Terms,
    Trail,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketReceived:
    id: str
    plan: Plan
    session: str


# --- what people ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested:
    if_filled: IfFilled | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRequested:
    reason: ExitReason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketModified:
    """New terms from a person; a field that is None stays as it was."""

    by: str
    stop: PriceSpec | None = None
    targets: tuple[PriceSpec, ...] | None = None
    trail: Trail | None = None
    exit_at: datetime | None = None
    entry_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A person took the position; cancel_exits says whether our exits go too."""

    by: str
    cancel_exits: bool


# --- orders


@dataclass(frozen=True, slots=True, kw_only=True)
class LegIntended:
    """Place this order or GTT. Stored before any byte leaves."""

    seq: int
    slice: int
    role: Role
    kind: LegKind
    tag: str
    side: Side
    terms: Terms
    purpose: Purpose
    rung: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAcknowledged:
    seq: int
    broker_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRefused:
    seq: int
    refusal: RefusalKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegNotSent:
    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegBecameUnknown:
    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSighted:
    """A book showed the leg. The row is taken whole: all of this is from one read."""

    seq: int
    broker_order_id: str
    status: LegStatus
    filled: int
    average_price: Decimal | None
    terms: Terms
    row_updated_at: datetime | None = None
    reason: str | None = None
    refusal: RefusalKind | None = None
    expires_at: datetime | None = None  # of a GTT


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSighted:
    """A GTT fired and its child order exists; the child is a leg of its own from here on."""

    seq: int
    parent: int
    trigger_id: str
    tag: str
    broker_order_id: str
    purpose: Purpose
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAdopted:
    """The book shows an exit that a native entry brought; it is a leg of its own from here on."""

    seq: int
    parent: int
    tag: str
    broker_order_id: str
    purpose: Purpose
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsMissed:
    """One complete read showed a filled native entry (seq) without both of its exits."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsProvedAbsent:
    """The broker has no exits of this native entry but those that were shown."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMissed:
    """One complete read, begun after the quiescence or beginning it, did not show the leg."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegProvedAbsent:
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegExpired:
    """The day ended; a DAY order is over at its last proven fill."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCorrected:
    """A trade bust, proved by the trade book: the only way `filled` goes down."""

    seq: int
    filled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeIntended:
    """Modify the order to these terms, or cancel it. Stored before any byte leaves."""

    seq: int
    kind: ChangeKind
    terms: Terms | None = None
    purpose: Purpose | None = None
    rung: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAcknowledged:
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRefused:
    seq: int
    refusal: RefusalKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotSent:
    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBecameUnknown:
    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLapsed:
    """The book still shows the old terms long after the answer: ask again (terms, not differences)."""

    seq: int


# --- decisions and observations about the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEnded:
    """No entry will be sent, or no further part of it wanted. code: entry_stale, entry_absent, ..."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitBegan:
    """The bracket is on its way out, for good."""

    reason: ExitReason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFormCorrected:
    """The stop was refused for a curable reason; the next form of it is tried."""

    slice: int
    form: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailMoved:
    stop: Decimal
    price: Decimal  # the market price that moved it


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPassed:
    """The market is through the stop's trigger: the broker should have fired it by now."""

    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRegained:
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignBaseSeen:
    """One read's word on the lots that were there before today's trades; a second one confirms it.

    turnover: what had traded by then; a read that mixes two instants can be wrong twice in the same way
    while orders fill, never while nothing does.
    """

    carried: int
    turnover: int | None = None  # None: noted before it was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignBaseNoted:
    """How many lots of this symbol were in the account, when the bracket came, that are not ours."""

    base: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedExternally:
    """Somebody else closed part of the position, as foreign trades (or the new day's books) prove."""

    reductions: tuple[tuple[int, int], ...]  # (slice, quantity) added to what is already external
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRestored:
    """A person changed or cancelled our exit; it is put back once."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NakedBegan:
    since: Moment
    cause: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NakedEnded:
    seconds: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    kind: str
    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared:
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayRaised:
    overlay: Overlay


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayCleared:
    overlay: Overlay


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBegan:
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged:
    old: State
    new: State
    on: str  # the cause, one of the words in the table of moves


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionCompleted:
    """The entry is over and every filled share has a working stop. Happens once in a bracket's life."""

    quantity: int
    average_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketFinished:
    """Flat, and no order is left. Again after a revival."""

    outcome: Outcome
    quantity: int
    profit: Decimal | None  # rupees before charges; None when somebody else closed part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEnded:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetBack:
    """After a restart the wall clock shows less than what is on record: what lies ahead counts from now."""


Event = (
    BracketReceived
    | CancelRequested
    | ExitRequested
    | BracketModified
    | HandedOver
    | LegIntended
    | LegAcknowledged
    | LegRefused
    | LegNotSent
    | LegBecameUnknown
    | LegSighted
    | ChildSighted
    | ExitAdopted
    | ExitsMissed
    | ExitsProvedAbsent
    | LegMissed
    | LegProvedAbsent
    | LegExpired
    | FillCorrected
    | ChangeIntended
    | ChangeAcknowledged
    | ChangeRefused
    | ChangeNotSent
    | ChangeBecameUnknown
    | ChangeLapsed
    | EntryEnded
    | ExitBegan
    | StopFormCorrected
    | TrailMoved
    | StopPassed
    | StopRegained
    | ForeignBaseSeen
    | ForeignBaseNoted
    | ReducedExternally
    | ExitRestored
    | NakedBegan
    | NakedEnded
    | AlarmRaised
    | AlarmCleared
    | OverlayRaised
    | OverlayCleared
    | SessionBegan
    | StateChanged
    | ProtectionCompleted
    | BracketFinished
    | WatchEnded
    | ClockSetBack
)
