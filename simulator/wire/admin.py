"""What a test may do that no broker offers: prices, other terminals, tokens, faults. On loopback, no key.

The same at every broker, below /sim; a broker adds `books`, its user's books in its own words, and how one
logs in. `truth` are the exchange's own books, in ours.
"""

from dataclasses import replace
from typing import Any

import msgspec

from simulator.commands import Place, parse
from simulator.wire.calls import Call
from simulator.wire.desk import Desk
from simulator.wire.failures import Complaint, Trouble
from simulator.wire.journal import FOREIGN
from simulator.wire.mischief import ACTING
from simulator.wire_faults import Rule

Row = dict[str, Any]


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str


class _TokenWish(_Wish):
    alive: bool


class _AddressWish(_Wish):
    postback_url: str | None = None
    redirect_url: str | None = None


class _NetworkFault(msgspec.Struct, tag="network", tag_field="at", forbid_unknown_fields=True):
    """A rule for calls, postbacks (method POSTBACK) or socket messages (method SOCKET)."""

    fault: str
    method: str = ".*"
    path: str = ""
    body: str = ""
    client: str = ""
    skip: int = 0
    times: int | None = 1
    chance: float = 1.0
    seconds: float | None = None  # instead of the fault's own


class _ExchangeFault(msgspec.Struct, tag="exchange", tag_field="at", forbid_unknown_fields=True):
    """A fault of the exchange, by code: at a rate, or at the opportunities of a script."""

    fault: str
    user_id: str
    rate: float = 1.0
    script: list[int] | None = None
    seed: int = 0


def command(desk: Desk, call: Call) -> Row:
    """Carry out one of the exchange's commands, `{"act": "set_price", ...}`; account_id is the user's id."""
    text = call.body.decode("utf-8", "replace")
    try:
        by = FOREIGN if isinstance(parse(text), Place) else None
        with desk.journal.acting(by):
            return {"outcome": desk.exchange.obey(text)}
    except ValueError as exc:
        raise Complaint(Trouble.BAD_INPUT, str(exc)) from exc


def token(desk: Desk, call: Call) -> Row:
    """Let an app's tokens die, or its fixed one live again."""
    wish = call.json(_TokenWish)
    if wish.alive:
        desk.sessions.revive(wish.api_key)
    else:
        desk.sessions.kill(wish.api_key)
    return {"alive": wish.alive}


def addresses(desk: Desk, call: Call) -> Row:
    """Set where an app gets its postbacks, and where its login page leads back to."""
    wish = call.json(_AddressWish)
    desk.sessions.set_addresses(wish.api_key, postback_url=wish.postback_url, redirect_url=wish.redirect_url)
    app = desk.sessions.app(wish.api_key)
    return {"postback_url": app.postback_url, "redirect_url": app.redirect_url}


def calls(desk: Desk, call: Call) -> Row:
    """Tell how often an app called what, and with which answer."""
    return dict(desk.tally.of("".join(call.query_values("api_key"))))


def truth(desk: Desk, call: Call) -> Row:
    """Tell what the exchange itself has of a user: orders, GTTs, trades, positions and holdings."""
    user_id, exchange = "".join(call.query_values("user_id")), desk.exchange
    positions, holdings = exchange.portfolio(user_id)
    return {
        "orders": exchange.order_book(user_id),
        "gtts": exchange.gtt_book(user_id),
        "trades": exchange.trade_book(user_id),
        "positions": positions,
        "holdings": holdings,
    }


def sockets(desk: Desk, call: Call) -> Row:
    """Tell how many sockets an app has open; an empty api_key counts everybody's."""
    return {"open": desk.count_sockets("".join(call.query_values("api_key")))}


def cut_sockets(desk: Desk, call: Call) -> Row:
    """Close an app's sockets; an empty api_key closes everybody's."""
    return {"closed": desk.cut_sockets(call.json(_Wish).api_key)}


def faults(desk: Desk, call: Call) -> Row:
    """Tell what can go wrong, and what did."""
    return {
        "network": sorted(desk.faults),
        "exchange": {code: fault.says for code, fault in sorted(ACTING.items())},
        "happened": dict(desk.plan.fired + desk.mischief.deeds),
    }


def add_fault(desk: Desk, call: Call) -> Row:
    """Let something go wrong from now on."""
    wish = call.json(_NetworkFault | _ExchangeFault)
    if isinstance(wish, _NetworkFault):
        desk.plan.add(_rule(desk, wish))
    else:
        _let_loose(desk, wish)
    return {"added": wish.fault}


def clear_faults(desk: Desk, call: Call) -> Row:
    """Let everything go well again."""
    desk.plan.clear()
    desk.mischief.clear()
    return {"cleared": True}


def _rule(desk: Desk, wish: _NetworkFault) -> Rule:
    if wish.fault not in desk.faults:
        known = ", ".join(sorted(desk.faults))
        raise Complaint(Trouble.BAD_INPUT, f"no fault {wish.fault}; there are {known}")
    fault = desk.faults[wish.fault]
    if wish.seconds is not None:
        fault = replace(
            fault,
            wait_before=wish.seconds if fault.wait_before else 0.0,
            wait_after=wish.seconds if fault.wait_after else 0.0,
        )
    return Rule(
        fault=fault,
        method=wish.method,
        path=wish.path,
        body=wish.body,
        client=wish.client,
        skip=wish.skip,
        times=wish.times,
        chance=wish.chance,
    )


def _let_loose(desk: Desk, wish: _ExchangeFault) -> None:
    try:
        desk.mischief.begin(wish.user_id, wish.fault, rate=wish.rate, script=wish.script, seed=wish.seed)
    except ValueError as exc:
        raise Complaint(Trouble.BAD_INPUT, str(exc)) from exc


PUBLIC = (
    ("POST", "/sim/command", command),
    ("POST", "/sim/token", token),
    ("POST", "/sim/app", addresses),
    ("GET", "/sim/sockets", sockets),
    ("POST", "/sim/sockets/cut", cut_sockets),
    ("GET", "/sim/calls", calls),
    ("GET", "/sim/truth", truth),
    ("GET", "/sim/faults", faults),
    ("POST", "/sim/faults", add_fault),
    ("DELETE", "/sim/faults", clear_faults),
)
