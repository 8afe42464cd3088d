"""What a storm did, judged from the exchange's own books and from who owned what when. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.bracket.tags import BRACKET_CHARACTERS
from services.shards import shard_of

Row = Mapping[str, Any]
Key = tuple[str, str]  # user, symbol

# What the order path hangs on.
FROZEN_IN_ACT = "worker frozen in an act"
CORE = frozenset(
    {"worker killed", "worker frozen", FROZEN_IN_ACT, "PostgreSQL restarted", "database cut off"}
)
ANSWER_LOST = "answer lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Injury:
    """What was done to whom, from when to when (wall-clock seconds)."""

    kind: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """A shard's new epoch, as the database noted it."""

    shard: int
    owner: str
    epoch: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A call that changes something, as the broker got it, and by whose hand."""

    at: float
    user_id: str
    account_id: str
    owner: str | None  # None: a process that never had a shard
    method: str
    path: str
    taken: bool
    order_id: str | None
    tag: str | None
    quantity: int | None
    begun: float | None = None  # when its process began it, where it noted that


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """An event that a worker stored, as the database noted it."""

    slot: str
    account_id: str
    at: float


@dataclass(slots=True)
class Spells:
    """The longest spell of something, by what had been done to the cluster then."""

    count: int = 0
    longest: dict[str, float] = field(default_factory=dict)

    def add(self, causes: Iterable[str], seconds: float) -> None:
        self.count += 1
        for cause in causes:
            self.longest[cause] = max(self.longest.get(cause, 0.0), seconds)

    @property
    def worst(self) -> float:
        return max(self.longest.values(), default=0.0)


@dataclass(slots=True)
class Verdict:
    """How a run went. `faults` says in words what must not be."""

    brackets: int
    faults: list[str] = field(default_factory=list)
    finished: int = 0
    refused: int = 0  # told that nothing was placed
    acts: int = 0
    lost_answers: int = 0
    begun_before_taking: int = 0  # and with the broker only after it
    takings: int = 0
    points: Counter[str] = field(default_factory=Counter)  # at which workers were frozen in an act
    naked_worst: list[tuple[float, str, str]] = field(default_factory=list)  # seconds, whose, of what
    naked: Spells = field(default_factory=Spells)
    unowned: Spells = field(default_factory=Spells)
    injuries: Counter[str] = field(default_factory=Counter)
    partial_fills: int = 0


def causes_of(injuries: Sequence[Injury], began: float, ended: float, *, after: float = 3.0) -> list[str]:
    """Return the kind of injury in or shortly before a span: `none`, or `several` of the order path.

    What orders do not hang on counts where nothing else was hurt.
    """
    found = {one.kind for one in injuries if one.began <= ended and one.ended + after >= began}
    core = found & CORE
    if len(core) > 1:
        return ["several"]
    return sorted(core or found & {ANSWER_LOST} or found) or ["none"]


def judge_acts(acts: Sequence[Act], takings: Sequence[Taking], *, shards: int, verdict: Verdict) -> None:
    """Find acts that were begun after another process had taken the account's shard.

    What was begun before may reach the broker after it: no fence can call back what has left. One of which
    nobody noted the beginning counts as begun when it came.
    """
    held = _Held(takings, shards=shards)
    verdict.acts, verdict.takings = len(acts), len(takings)
    for act in acts:
        begun = act.at if act.begun is None else act.begun
        owner = held.owner(act.account_id, at=begun)
        if owner is None or act.owner != owner:
            verdict.faults.append(
                f"SUPERSEDED: {act.method} {act.path} for {act.user_id}, begun at {begun:.3f} by {act.owner},"
                f" but {owner or 'nobody'} had the shard"
            )
        elif held.owner(act.account_id, at=act.at) != owner:
            verdict.begun_before_taking += 1


def judge_writes(
    writes: Sequence[Write],
    takings: Sequence[Taking],
    *,
    slots: Mapping[str, str],
    shards: int,
    verdict: Verdict,
) -> None:
    """Find what a worker stored after another had taken the account's shard. slots: by name of an owner."""
    held = _Held(takings, shards=shards)
    for write in writes:
        owner = held.owner(write.account_id, at=write.at)
        if owner is None or slots.get(owner) != write.slot:
            verdict.faults.append(
                f"SUPERSEDED WRITE: {write.slot} stored an event of {write.account_id} at {write.at:.3f},"
                f" but {owner or 'nobody'} had the shard"
            )


class _Held:
    """Who had which account when."""

    def __init__(self, takings: Sequence[Taking], *, shards: int) -> None:
        self._shards = shards
        self._by_shard: dict[int, list[Taking]] = defaultdict(list)
        for one in sorted(takings, key=lambda taking: taking.at):
            self._by_shard[one.shard].append(one)

    def owner(self, account_id: str, *, at: float) -> str | None:
        found = None
        for one in self._by_shard[shard_of(account_id, count=self._shards)]:
            if one.at > at:
                break
            found = one.owner
        return found


def judge_books(
    user_id: str, truth: Row, *, acts: Sequence[Act], injuries: Sequence[Injury], verdict: Verdict
) -> None:
    """Find double entries, double exits, what is left over, and how long shares were not covered."""
    orders = truth["orders"]
    for tag, count in Counter(row["tag"] for row in orders if row["tag"]).items():
        if count > 1:
            verdict.faults.append(f"DOUBLE ORDER: {user_id} has {count} orders with tag {tag}")
    entries = Counter(row["tag"][:8] for row in orders if row["tag"] and row["tag"][8] == "E")
    filled = Counter(
        row["tag"][:8] for row in orders if row["tag"] and row["tag"][8] == "E" and row["filled"]
    )
    for bracket, count in entries.items():
        if filled[bracket] > 1 or count > 1:
            verdict.faults.append(f"DOUBLE ENTRY: {user_id} has {count} entries of bracket {bracket}")
    for row in truth["positions"]:
        if row["quantity"]:
            word = "LOST EXIT" if row["quantity"] > 0 else "DOUBLE EXIT"
            verdict.faults.append(f"{word}: {user_id} ends with {row['quantity']} {row['symbol']}")
    for row in orders:
        if row["status"] in ("open", "pending", "trigger_pending"):
            verdict.faults.append(f"LEFT OVER: {user_id} has order {row['broker_order_id']} at work")
    for symbol in sorted({row["symbol"] for row in orders}):
        _judge_cover(user_id, symbol, truth, acts=acts, injuries=injuries, verdict=verdict)


def judge_promises(user_id: str, truth: Row, *, promised: Collection[str], verdict: Verdict) -> None:
    """Find entries of brackets whose clients were told that nothing was placed."""
    ours = {bracket[-BRACKET_CHARACTERS:] for bracket in promised}
    for row in truth["orders"]:
        if row["tag"] and row["tag"][:BRACKET_CHARACTERS] not in ours:
            verdict.faults.append(f"UNTOLD ORDER: {user_id} has {row['tag']}, of which nobody was told")


def _judge_cover(
    user_id: str,
    symbol: str,
    truth: Row,
    *,
    acts: Sequence[Act],
    injuries: Sequence[Injury],
    verdict: Verdict,
) -> None:
    """Follow one position and the exits that rest for it, and note every spell without enough of them."""
    held, cover, naked_since = 0, _Cover(truth, symbol), None
    last: dict[float, tuple[int, int]] = {}
    for at, change in cover.changes(acts):
        held += change
        last[at] = held, cover.resting()
        if held < 0:
            verdict.faults.append(f"DOUBLE EXIT: {user_id} was {held} {symbol} short at {at:.3f}")
    for at, (shares, resting) in last.items():
        if resting > max(shares, 0):
            verdict.faults.append(
                f"DOUBLE EXIT AT WORK: {user_id} had {resting} {symbol} to sell and {shares} at {at:.3f}"
            )
        is_naked = shares > resting
        if is_naked and naked_since is None:
            naked_since = at
        elif not is_naked and naked_since is not None:
            verdict.naked.add(causes_of(injuries, naked_since, at), at - naked_since)
            verdict.naked_worst.append((at - naked_since, user_id, symbol))
            naked_since = None
    verdict.partial_fills += cover.partial


class _Cover:
    """What rests to sell, order by order, as acts and trades change it."""

    def __init__(self, truth: Row, symbol: str) -> None:
        self._orders = {row["broker_order_id"]: row for row in truth["orders"] if row["symbol"] == symbol}
        self._trades = [row for row in truth["trades"] if row["symbol"] == symbol]
        self._live: dict[str, int] = {}
        self._sold: Counter[str] = Counter()
        self.partial = 0

    def changes(self, acts: Sequence[Act]) -> Iterable[tuple[float, int]]:
        """Give each moment at which something changed, and by how much the position did."""
        moments: list[tuple[float, int, Any]] = [(one.at, 0, one) for one in acts if self._is_mine(one)]
        moments += [(seconds_of(row["at"]), 1, row) for row in self._trades]
        for at, _, one in sorted(moments, key=lambda moment: moment[:2]):
            yield at, self._acted(one) if isinstance(one, Act) else self._traded(one)

    def resting(self) -> int:
        return sum(self._live.values())

    def _is_mine(self, act: Act) -> bool:
        order = self._orders.get(act.order_id or "")
        return act.taken and order is not None and order["side"] == "SELL"

    def _acted(self, act: Act) -> int:
        order_id = str(act.order_id)
        if act.method == "DELETE":
            self._live.pop(order_id, None)
        elif act.quantity is not None and self._orders[order_id]["status"] != "rejected":
            self._live[order_id] = max(act.quantity - self._sold[order_id], 0)
        return 0

    def _traded(self, row: Row) -> int:
        order_id, quantity = row["broker_order_id"], int(row["quantity"])
        if row["side"] == "BUY":
            self.partial += quantity < int(self._orders[order_id]["quantity"])
            return quantity
        self._sold[order_id] += quantity
        if order_id in self._live:
            self._live[order_id] = max(self._live[order_id] - quantity, 0)
        return -quantity


def seconds_of(stamp: str) -> float:
    """Return the wall-clock seconds of a moment in ISO form."""
    return datetime.fromisoformat(stamp).timestamp()
