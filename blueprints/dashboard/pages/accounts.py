"""Accounts: the broker of each, its login, its rate limits, and pausing or disabling it."""

from flask import Response, request, url_for

from blueprints.brlogin import has_login_page, login_ports
from blueprints.dashboard.bodies import ActSchema
from blueprints.dashboard.guard import login, owned_account
from blueprints.dashboard.office import open_brackets, word
from blueprints.dashboard.office_shapes import moment, vitals_shape
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from blueprints.sockets import drop_refused_keys, seats_taken
from database.account_db import Account, AccountStatus
from database.settings import SettingScope
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from restx_api.shaping import Shape
from services.accounts_overview import AccountShown, accounts_overview, act_on_account
from services.board import kill_switch_of
from services.bracket_supervisor import PAPER
from services.broker_login import login_ticket
from services.errors import LoginRefused
from services.office_consequences import AccountAct, of_account

page = Page("accounts", title="Accounts", link="Accounts", order=50)


@page.get("/accounts")
def show() -> Response:
    return page.render()


@page.get("/api/accounts")
def read() -> Response:
    """Return the owner's accounts. Asks no broker."""
    return success({"accounts": [_shape(one) for one in accounts_overview(desk(), login().owner_id)]})


@page.get("/api/accounts/<account_id>/consequences")
def read_consequences(account_id: str) -> Response:
    """Say what an act would do to the account."""
    one = owned_account(account_id)
    act = word(AccountAct, "act", request.args.get("act", ""))
    kill = kill_switch_of(desk(), SettingScope.OWNER, one.owner_id)
    return success({"sentences": of_account(act, one.name, open_brackets(one), kill_of_all=kill)})


@page.post("/api/accounts/<account_id>/act")
def act(account_id: str) -> Response:
    """Pause or disable the account, or take that back."""
    one = owned_account(account_id)
    asked = ActSchema().read(parse_object(request.get_data()))
    act_on_account(desk(), one, word(AccountAct, "act", asked.act))
    drop_refused_keys(seats_taken(), desk().db, now=desk().clock.now())
    return read()


@page.post("/api/accounts/<account_id>/login")
def log_in(account_id: str) -> Response:
    """Return the address at which a person logs the account in at its broker, once and within minutes."""
    one = owned_account(account_id)
    if not has_login_page(one.broker):
        raise LoginRefused(f"{one.broker} has no login page here")
    ticket = login_ticket(login_ports(), one)
    return success({"address": url_for("brlogin.begin", broker=one.broker, ticket=ticket.text)})


def _shape(shown: AccountShown) -> Shape:
    return {
        **account_shape(shown.account),
        "created_at": moment(shown.account.created_at),
        "needs_token": shown.account.broker != PAPER,
        "token_readable": shown.token_readable,
        "token_stored_at": moment(shown.token_stored_at),
        "token_ends_at": moment(shown.token_ends_at),
        "login": _login(shown.account),
        "kill": str(shown.kill),
        "kill_in_force": str(shown.kill_in_force),
        "workers": [vitals_shape(one) for one in shown.workers],
    }


def _login(one: Account) -> Shape | None:
    """Return how a person logs the account in at its broker; None where there is no login."""
    if one.broker == PAPER:
        return None
    return {
        "by_browser": has_login_page(one.broker) and one.status is not AccountStatus.DISABLED,
        "command": f"flask --app app account login {one.name}",
    }
