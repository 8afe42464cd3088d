"""What a test may do that no broker offers: prices, other terminals, tokens, faults. On loopback, no key."""

from dataclasses import replace
from typing import Any

import msgspec

from simulator.commands import Place, parse
from simulator.kite import gtts, orders, portfolio
from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure
from simulator.kite.journal import FOREIGN
from simulator.kite.mischief import ACTING
from simulator.kite.rows import Row
from simulator.wire_faults import FAULTS, Rule


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
        raise InputFailure(str(exc)) from exc


def token(desk: Desk, call: Call) -> Row:
    """Let an app's tokens die, or its fixed one live again."""
    wish = _wish(call, _TokenWish)
    if wish.alive:
        desk.sessions.revive(wish.api_key)
    else:
        desk.sessions.kill(wish.api_key)
    return {"alive": wish.alive}


def log_in(desk: Desk, call: Call) -> Row:
    """Return the request token that the login page would have sent the browser back with."""
    return {"request_token": desk.sessions.request_token(_wish(call, _Wish).api_key)}


def addresses(desk: Desk, call: Call) -> Row:
    """Set where an app gets its postbacks, and where its login page leads back to."""
    wish = _wish(call, _AddressWish)
    desk.sessions.set_addresses(wish.api_key, postback_url=wish.postback_url, redirect_url=wish.redirect_url)
    app = desk.sessions.app(wish.api_key)
    return {"postback_url": app.postback_url, "redirect_url": app.redirect_url}


def calls(desk: Desk, call: Call) -> Row:
    """Tell how often an app called what, and with which answer."""
    return dict(desk.tally.of("".join(call.query_values("api_key"))))


def books(desk: Desk, call: Call) -> Row:
    """Tell a user's books as Kite would, without a token and without counting against the user's limits."""
    asked = replace(call, user_id="".join(call.query_values("user_id")))
    return {
        "orders": orders.book(desk, asked),
        "gtts": gtts.book(desk, asked),
        "positions": portfolio.positions(desk, asked)["net"],
        "holdings": portfolio.holdings(desk, asked),
    }


def sockets(desk: Desk, call: Call) -> Row:
    """Tell how many sockets an app has open; an empty api_key counts everybody's."""
    return {"open": desk.count_sockets("".join(call.query_values("api_key")))}


def cut_sockets(desk: Desk, call: Call) -> Row:
    """Close an app's sockets; an empty api_key closes everybody's."""
    return {"closed": desk.cut_sockets(_wish(call, _Wish).api_key)}


def faults(desk: Desk, call: Call) -> Row:
    """Tell what can go wrong, and what did."""
    return {
        "network": sorted(FAULTS),
        "exchange": {code: fault.says for code, fault in sorted(ACTING.items())},
        "happened": dict(desk.plan.fired + desk.mischief.deeds),
    }


def add_fault(desk: Desk, call: Call) -> Row:
    """Let something go wrong from now on."""
    wish = _wish(call, _NetworkFault | _ExchangeFault)
    if isinstance(wish, _NetworkFault):
        desk.plan.add(_rule(wish))
    else:
        _let_loose(desk, wish)
    return {"added": wish.fault}


def clear_faults(desk: Desk, call: Call) -> Row:
    """Let everything go well again."""
    desk.plan.clear()
    desk.mischief.clear()
    return {"cleared": True}


def _rule(wish: _NetworkFault) -> Rule:
    if wish.fault not in FAULTS:
        raise InputFailure(f"no fault {wish.fault}; there are {', '.join(sorted(FAULTS))}")
    fault = FAULTS[wish.fault]
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
        raise InputFailure(str(exc)) from exc


def _wish(call: Call, kind: Any) -> Any:
    try:
        return msgspec.json.decode(call.body, type=kind)
    except msgspec.MsgspecError as exc:
        raise InputFailure(str(exc)) from exc
