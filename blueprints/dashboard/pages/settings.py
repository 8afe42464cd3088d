"""Settings: the analyzer switch and the kill switches, and the service's own settings to look at."""

from dataclasses import asdict

from flask import Response, request

from blueprints.dashboard.bodies import AnalyzeSchema
from blueprints.dashboard.guard import login, owned_accounts
from blueprints.dashboard.office import config, open_brackets
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.settings import SettingScope, analyzer_mode, kill_switch
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from services.analyzer_switch import switch_analyzer
from services.board import kill_switch_of
from services.bracket.model import Mode
from services.office_consequences import of_analyzer
from utils.config_shown import shown_settings

page = Page("settings", title="Settings", link="Settings", order=70)


@page.get("/settings")
def show() -> Response:
    return page.render()


@page.get("/api/settings")
def read() -> Response:
    """Return what is switched, and every setting with where its value comes from; never a secret."""
    db, owner_id = desk().db, login().owner_id
    return success(
        {
            "analyze": analyzer_mode(db, owner_id) is Mode.ANALYZE,
            "kill": str(kill_switch_of(desk(), SettingScope.OWNER, owner_id)),
            "accounts": [
                {
                    **account_shape(one),
                    "kill": str(kill_switch_of(desk(), SettingScope.ACCOUNT, one.id)),
                    "kill_in_force": str(kill_switch(db, one.id, owner_id=owner_id)),
                }
                for one in owned_accounts()
            ],
            "settings": [asdict(one) for one in shown_settings(config())],
        }
    )


@page.get("/api/analyzer/consequences")
def read_consequences() -> Response:
    """Say what switching would change, and what not."""
    mode = _mode(analyze=request.args.get("analyze") == "true")
    return success({"sentences": of_analyzer(mode, open_brackets(*owned_accounts()))})


@page.post("/api/analyzer")
def switch() -> Response:
    """Set whether new brackets of all the owner's accounts are live or paper."""
    asked = AnalyzeSchema().read(parse_object(request.get_data()))
    switch_analyzer(desk(), login().owner_id, _mode(analyze=asked.analyze))
    return read()


def _mode(*, analyze: bool) -> Mode:
    return Mode.ANALYZE if analyze else Mode.LIVE
