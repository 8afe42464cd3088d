"""The live board: open brackets, what protects them, and the acts on them."""

from flask import Response, request

from blueprints.dashboard.guard import caller_for, login, owned_accounts
from blueprints.dashboard.office import open_brackets, word
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import pulse_shape, shown_shape
from database.settings import SettingScope
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from restx_api.schemas import CancelSchema, KillSwitchSchema, ModifySchema
from services.board import (
    board,
    kill_switch_of,
    owned_bracket,
    pulse,
    shown_bracket,
    some_of_board,
    switch_kill_of_owner,
)
from services.bracket.model import IfFilled, KillMode
from services.bracket_change_service import (
    cancel_bracket_order,
    exit_bracket_order,
    modify_bracket_order,
)
from services.consequences import Act, consequences
from services.office_consequences import of_kill_of_all

_MOST_AT_ONCE = 100  # more ids than this make a longer address than servers take

page = Page("board", title="Live board", link="Board", order=10)


@page.get("/")
def show() -> Response:
    return page.render()


@page.get("/api/board")
def read_board() -> Response:
    """Return the open brackets, newest first; with `ids` these, open or closed."""
    named = request.args.get("ids")
    if named is None:
        shown = board(desk(), login().owner_id)
    else:
        shown = some_of_board(desk(), login().owner_id, named.split(",")[:_MOST_AT_ONCE])
    return success({"brackets": [shown_shape(one) for one in shown]})


@page.get("/api/pulse")
def read_pulse() -> Response:
    """Return what moved since: versions, prices at hand, shares without a stop. Asks no broker."""
    return success(pulse_shape(pulse(desk(), login().owner_id), desk().clock.now()))


@page.get("/api/brackets/<bracket_id>")
def read_bracket(bracket_id: str) -> Response:
    """Return one bracket as the board shows it."""
    return success({"bracket": shown_shape(shown_bracket(desk(), login().owner_id, bracket_id))})


@page.get("/api/brackets/<bracket_id>/consequences")
def read_consequences(bracket_id: str) -> Response:
    """Say what an act would do to the bracket as it is now."""
    bracket = owned_bracket(desk(), login().owner_id, bracket_id)
    act = word(Act, "act", request.args.get("act", ""))
    chosen = request.args.get("if_filled") or None
    if_filled = None if chosen is None else word(IfFilled, "if_filled", chosen)
    return success({"sentences": consequences(bracket, act, if_filled=if_filled)})


@page.post("/api/brackets/<bracket_id>/modify")
def modify(bracket_id: str) -> Response:
    """Change prices."""
    bracket = owned_bracket(desk(), login().owner_id, bracket_id)
    asked = ModifySchema().read({**parse_object(request.get_data()), "bracket_id": bracket_id})
    modify_bracket_order(desk(), caller_for(bracket.plan.account_id), bracket_id, changes=asked.changes)
    return read_bracket(bracket_id)


@page.post("/api/brackets/<bracket_id>/cancel")
def cancel(bracket_id: str) -> Response:
    """Cancel the entry; with shares held, say what becomes of them."""
    bracket = owned_bracket(desk(), login().owner_id, bracket_id)
    asked = CancelSchema().read({**parse_object(request.get_data()), "bracket_id": bracket_id})
    cancel_bracket_order(
        desk(),
        caller_for(bracket.plan.account_id),
        bracket_id,
        if_filled=None if asked.if_filled is None else IfFilled(asked.if_filled),
        confirm=asked.confirm,
        leave_exits=asked.leave_exits,
    )
    return read_bracket(bracket_id)


@page.post("/api/brackets/<bracket_id>/exit")
def leave(bracket_id: str) -> Response:
    """Leave at the market now."""
    bracket = owned_bracket(desk(), login().owner_id, bracket_id)
    exit_bracket_order(desk(), caller_for(bracket.plan.account_id), bracket_id)
    return read_bracket(bracket_id)


@page.get("/api/killswitch/consequences")
def read_kill_consequences() -> Response:
    """Say what the kill switch would do now."""
    mode = word(KillMode, "mode", request.args.get("mode", ""))
    accounts = owned_accounts()
    own = {one.name: kill_switch_of(desk(), SettingScope.ACCOUNT, one.id) for one in accounts}
    return success({"sentences": of_kill_of_all(mode, open_brackets(*accounts), own)})


@page.post("/api/killswitch")
def switch() -> Response:
    """Set the kill switch of all the owner's accounts."""
    asked = KillSwitchSchema().read(parse_object(request.get_data()))
    switch_kill_of_owner(desk(), login().owner_id, mode=KillMode(asked.mode))
    return read_pulse()
