"""A new bracket: searching its symbol, seeing what it would do, placing it."""

from flask import Response, g, request

from blueprints.dashboard.guard import caller_for, login, owned_accounts
from blueprints.dashboard.order_shapes import choices_shape, found_shape, preview_told
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.account_db import AccountStatus
from database.account_db import account as account_of
from database.auth_db import Caller
from limiter import PLACING, count, placing_limit
from restx_api.call_logging import log_this_call
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.errors import RateLimited, RequestInvalid
from restx_api.parsing import parse_object
from restx_api.placing import read_order, refuse_while_stopping
from restx_api.shaping import placed_shape
from restx_api.trials import dry_run, refusal_shape
from services import listings
from services.bracket.model import Plan, Quote
from services.bracket_order_service import place_bracket_order_with_auth
from services.bracket_supervisor import PAPER, broker_for
from services.errors import BracketError, Killed
from services.order_choices import choices, price_of

page = Page("new", title="New bracket", link="New", order=20)

_MOST_TYPED = 100


@page.get("/new")
def show() -> Response:
    return page.render()


@page.get("/api/new/accounts")
def read_accounts() -> Response:
    """Return the accounts a bracket can be placed in, and what their orders trade: money or paper."""
    return success({"accounts": [_account(one.id) for one in owned_accounts() if _is_open(one.status)]})


@page.get("/api/new/symbols")
def find_symbols() -> Response:
    """Find symbols of an account by what is typed: "nifty 25000 ce"."""
    caller = caller_for(_said("account"))
    exchange = request.args.get("exchange", "").upper() or None
    found = listings.search(desk(), caller, _said("q")[:_MOST_TYPED], exchange=exchange)
    return success({"symbols": [found_shape(one) for one in found]})


@page.get("/api/new/choices")
def read_choices() -> Response:
    """Return a symbol's grid, its price and the products it can be protected in, with why not."""
    caller = caller_for(_said("account"))
    found = choices(desk(), caller, exchange=_said("exchange").upper(), symbol=_said("symbol").upper())
    return success(choices_shape(found))


@page.get("/api/new/price")
def read_price() -> Response:
    """Return a symbol's last price, at most a second old; null where the broker gives none."""
    caller = caller_for(_said("account"))
    quote = price_of(desk(), caller, (_said("exchange").upper(), _said("symbol").upper()))
    return success({"quote": None if quote is None else {"last": str(quote.last)}})


@page.post("/api/new/preview")
def preview() -> Response:
    """Say what placing would do, or why it would be refused; by the function that places."""
    caller, body = _asked()
    try:
        placed = dry_run(desk(), caller, read_order(desk(), caller, body))
    except BracketError as refused:
        return success({"accepted": False, **refusal_shape(refused)})
    return success({"accepted": True, **preview_told(placed, _quote_for(placed.plan, caller))})


@page.post("/api/new/place")
def place() -> Response:
    """Place the bracket. The form's own client_order_id makes a second click the same bracket."""
    refuse_while_stopping()
    caller, body = _asked()
    _refuse_disabled(caller)
    _refuse_other_money(caller, body.pop("paper", None))
    if not body.get("client_order_id"):
        sentence = "client_order_id is missing: a form makes one when it opens"
        raise RequestInvalid(sentence, {"client_order_id": [sentence]})
    _count_placing()
    g.caller, g.body = caller, body
    log_this_call("placebracketorder")
    placed = place_bracket_order_with_auth(desk(), read_order(desk(), caller, body), caller)
    return success(placed_shape(placed))


def _quote_for(plan: Plan, caller: Caller) -> Quote | None:
    """Return a price to count from; the broker is asked only where the order names none itself."""
    symbol = (plan.instrument.exchange, plan.instrument.symbol)
    if plan.entry.price is None and plan.entry.trigger_price is None:
        return price_of(desk(), caller, symbol)
    return desk().supervisor.worker(caller.account_id, caller.mode).quote(symbol)


def _account(account_id: str) -> dict[str, object]:
    caller, found = caller_for(account_id), account_of(desk().db, account_id)
    shape = {} if found is None else account_shape(found)
    return {**shape, "mode": str(caller.mode), "paper": _is_paper(caller)}


def _is_open(status: AccountStatus) -> bool:
    return status is not AccountStatus.DISABLED


def _asked() -> tuple[Caller, dict[str, object]]:
    body = parse_object(request.get_data())
    account_id = body.pop("account", None)
    if not isinstance(account_id, str):
        raise RequestInvalid("account is missing", {"account": ["account is missing"]})
    return caller_for(account_id), body


def _refuse_disabled(caller: Caller) -> None:
    found = account_of(desk().db, caller.account_id)
    if found is None or not _is_open(found.status):
        raise Killed("this account is disabled: no new entries")


def _refuse_other_money(caller: Caller, said: object) -> None:
    """Raise RequestInvalid when the analyzer was switched between the question and the yes to it."""
    if said is not _is_paper(caller):
        now = "on paper" if _is_paper(caller) else "with real money"
        sentence = f"this account trades {now} now, and that is not what you were asked: look at it again"
        raise RequestInvalid(sentence, {"account": [sentence]})


def _is_paper(caller: Caller) -> bool:
    return broker_for(caller.broker, caller.mode) == PAPER


def _count_placing() -> None:
    standing = count(placing_limit(), f"login:{login().owner_id}", scope=PLACING)
    if not standing.is_within:
        raise RateLimited("Too many orders at once", retry_after_seconds=standing.retry_after_seconds)


def _said(name: str) -> str:
    given = request.args.get(name, "").strip()
    if not given:
        raise RequestInvalid(f"{name} is missing", {name: [f"{name} is missing"]})
    return given
