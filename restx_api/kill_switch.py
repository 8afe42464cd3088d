"""POST /api/v1/killswitch/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from database.settings import kill_switch
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import KillSwitchTold, documented
from restx_api.schemas import KillSwitchSchema
from services.bracket.model import KillMode
from services.bracket_change_service import switch_kill

api = Namespace("killswitch", description="Block new entries of the account, or leave everything.")


@api.route("/")
class KillSwitch(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.TRADE),)

    @documented(api, takes=KillSwitchSchema, answers=KillSwitchTold)
    def post(self) -> Response:
        """Set the account's kill switch: off, block_entries or flatten. It never touches an exit."""
        asked = KillSwitchSchema().read(body())
        mode = switch_kill(desk(), caller(), mode=KillMode(asked.mode))
        in_force = kill_switch(desk().db, caller().account_id, owner_id=caller().owner_id)
        return success(
            {
                "message": f"Kill switch set to {mode}",
                "kill_switch": str(mode),
                "in_force": str(in_force),
            }
        )
