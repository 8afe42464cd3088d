"""What a person's act on a bracket will do, in sentences, before it is done. Pure.

Told of the bracket as it is now; a fill may come in between, and the act then does what is right for that.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from services.bracket.model import (
    Bracket,
    IfFilled,
    KillMode,
    OrderType,
    Plan,
    PriceMode,
    Purpose,
    Role,
    Side,
    Topology,
    Trail,
)
from services.bracket.preview import Preview, PreviewedLeg
from services.bracket.quantities import entry_is_live, live_legs, net
from utils.constants import EXCHANGE_ZONE


class Act(StrEnum):
    """What a person can do to a bracket."""

    EXIT = "exit"
    CANCEL = "cancel"
    MODIFY = "modify"


def consequences(bracket: Bracket, act: Act, *, if_filled: IfFilled | None = None) -> list[str]:
    """Return what the act will do, one sentence each."""
    match act:
        case Act.EXIT:
            return _exit(bracket)
        case Act.CANCEL:
            return _cancel(bracket, if_filled)
        case Act.MODIFY:
            return _modify(bracket)
        case _:
            assert_never(act)


def consequences_of_placing(plan: Plan, seen: Preview) -> list[str]:
    """Return what placing a new bracket will do."""
    entry, exits = seen.legs[0], seen.legs[1:]
    what = f"{plan.quantity} {plan.instrument.symbol} as {plan.product}"
    told = [f"{_verb(plan.side)} {what}, {_entry(entry)}."]
    if plan.waits_for:
        told.append("Brackets of the other side are closed first; the entry follows once they are flat.")
    told += _exits_to_come(plan, exits)
    told += trailing_words(plan.trail)
    if plan.exit_at is not None:
        at = plan.exit_at.astimezone(EXCHANGE_ZONE)
        told.append(f"What is still held at {at:%H:%M} exchange time leaves at the market.")
    if plan.entry.expires_in is not None:
        seconds = int(plan.entry.expires_in.total_seconds())
        told.append(f"An entry that has not filled after {seconds} s is cancelled.")
    return [*told, _money_of(plan)]


def _entry(leg: PreviewedLeg) -> str:
    match leg.order_type:
        case OrderType.MARKET:
            return "at the market; the price is not guaranteed"
        case OrderType.LIMIT:
            return f"at {leg.price} or better"
        case OrderType.SL:
            return f"at {leg.price} or better once {leg.trigger_price} trades"
        case OrderType.SL_M:
            return f"at the market once {leg.trigger_price} trades; the price is not guaranteed"
        case _:
            assert_never(leg.order_type)


def _exits_to_come(plan: Plan, exits: Sequence[PreviewedLeg]) -> list[str]:
    if plan.topology is not Topology.NATIVE:
        return [_exit_to_come(plan, leg) for leg in exits]
    told = ["Stop and target go with the entry, and the broker places them: it may wait for the whole fill."]
    return told + [_exit_brought(plan, leg) for leg in exits]


def _exit_to_come(plan: Plan, leg: PreviewedLeg) -> str:
    verb = _verb(plan.side.opposite)
    if leg.purpose is Purpose.STOP:
        return f"Each fill gets its stop at once: {verb.lower()} what is held {_at_stop(leg)}."
    return f"{verb} {leg.quantity} {_at_target(leg)}; the stop shrinks or goes with it."


def _exit_brought(plan: Plan, leg: PreviewedLeg) -> str:
    verb = _verb(plan.side.opposite)
    if leg.purpose is Purpose.STOP:
        return f"{verb} what is held {_at_stop(leg)}."
    return f"{verb} {leg.quantity} {_at_target(leg)}; the stop goes with it."


def _at_stop(leg: PreviewedLeg) -> str:
    return "at the stop" if leg.trigger_price is None else f"once {leg.trigger_price} trades"


def _at_target(leg: PreviewedLeg) -> str:
    return "at the target" if leg.price is None else f"at {leg.price} or better"


def trailing_words(trail: Trail | None) -> list[str]:
    """Return how the stop moves by itself, one sentence each; none where it stays."""
    if trail is None:
        return []
    told = []
    if trail.distance is not None:
        unit = " %" if trail.distance.mode is PriceMode.PERCENT else ""
        begins = "" if trail.activate_at is None else f", from {trail.activate_at} on"
        told.append(f"The stop follows the best price by {trail.distance.value}{unit}{begins}.")
    if trail.breakeven_at is not None:
        told.append(f"Once {trail.breakeven_at} trades, the stop moves to the average fill.")
    return told


def consequences_of_kill(
    mode: KillMode, brackets: Sequence[Bracket], *, still_refusing: Sequence[str] = ()
) -> list[str]:
    """Return what setting a kill switch will do to the brackets it is of.

    still_refusing: sentences on other switches that go on refusing entries once this one is off.
    """
    waiting = sum(entry_is_live(one) for one in brackets)
    holding = [one for one in brackets if net(one) > 0]
    match mode:
        case KillMode.OFF:
            accepted = [] if still_refusing else ["New brackets are accepted again."]
            return [*still_refusing, *accepted, "Nothing that is open changes."]
        case KillMode.BLOCK_ENTRIES:
            kept = _count(len(holding), "position stays", "positions stay")
            return [
                *_REFUSED,
                _entries_ended(waiting),
                f"{kept} open with their stops and targets.",
                *_money_of_all(brackets),
            ]
        case KillMode.FLATTEN:
            return [
                *_REFUSED,
                _entries_ended(waiting),
                f"{_count(len(holding), 'position leaves', 'positions leave')} at the market now;"
                " the price is not guaranteed.",
                "Only brackets leave: plain orders, and shares bought beside a bracket, stay as they are.",
                *_money_of_all(brackets),
            ]
        case _:
            assert_never(mode)


_REFUSED = (
    "No new bracket is accepted, from anybody, until you switch this off.",
    "Of plain orders, only those that make a position smaller are.",
)


def _entries_ended(waiting: int) -> str:
    return f"{_count(waiting, 'waiting entry is', 'waiting entries are')} cancelled."


def _exit(bracket: Bracket) -> list[str]:
    told = []
    held = net(bracket)
    if held > 0:
        told.append(f"{_selling(bracket)} {held} {bracket.plan.instrument.symbol} at the market now.")
        told.append("The stop makes way for this order; the price is not guaranteed.")
    if entry_is_live(bracket):
        told.append("What is left of the entry is cancelled.")
    if held <= 0:
        told.append("Nothing is held: only the entry ends. Shares that fill meanwhile leave at the market.")
    return [*told, _money(bracket)]


def _cancel(bracket: Bracket, if_filled: IfFilled | None) -> list[str]:
    told = ["The entry is cancelled."] if entry_is_live(bracket) else ["No entry is at work any more."]
    held, symbol = net(bracket), bracket.plan.instrument.symbol
    if held <= 0:
        told.append("A fill that is faster than the cancel keeps its stop and target.")
    elif if_filled is None:
        told.append(f"{held} {symbol} are held: say what becomes of them.")
    else:
        told.extend(_with_shares(bracket, if_filled, held))
    return [*told, _money(bracket)]


def _with_shares(bracket: Bracket, if_filled: IfFilled, held: int) -> list[str]:
    symbol = bracket.plan.instrument.symbol
    match if_filled:
        case IfFilled.EXIT:
            return [f"{_selling(bracket)} {held} {symbol} at the market now; the price is not guaranteed."]
        case IfFilled.KEEP_EXITS:
            return [f"{held} {symbol} stay, with their stop and target."]
        case IfFilled.HAND_OVER:
            exits = len(live_legs(bracket, Role.EXIT))
            return [
                f"{held} {symbol} become yours alone: no stop of ours holds them.",
                f"{_count(exits, 'exit order at the broker is', 'exit orders at the broker are')} cancelled.",
            ]
        case _:
            assert_never(if_filled)


def _modify(bracket: Bracket) -> list[str]:
    if net(bracket) <= 0:
        return ["The prices count from the next fill on.", _money(bracket)]
    return ["The resting exit is changed in place; it protects while it is changed.", _money(bracket)]


def _selling(bracket: Bracket) -> str:
    return "Sells" if bracket.plan.side is Side.BUY else "Buys back"


def _verb(side: Side) -> str:
    return "Buys" if side is Side.BUY else "Sells"


def _money(bracket: Bracket) -> str:
    return _money_of(bracket.plan)


def _money_of(plan: Plan) -> str:
    return "Paper: no real money moves." if plan.broker == "paper" else "LIVE: real money moves."


def _money_of_all(brackets: Sequence[Bracket]) -> list[str]:
    real = sum(not is_paper(one) for one in brackets)
    if real:
        return [f"LIVE: {_count(real, 'open bracket is', 'open brackets are')} with real money."]
    return ["Paper: no real money moves."] if brackets else []


def is_paper(bracket: Bracket) -> bool:
    """Whether a bracket trades on the paper market."""
    return bracket.plan.broker == "paper"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
