"""Pushes of brokers. A push is a hint to go and read the books; nothing in it is believed."""

from flask import Blueprint, Response, request

from blueprints.brlogin import login_ports
from database.account_db import account
from restx_api.callers import count_stranger, desk
from restx_api.envelope import success
from services.bracket.model import Mode
from services.broker_login import is_genuine_push
from services.errors import NotFound, PushNotGenuine

postback_bp = Blueprint("postback", __name__)


@postback_bp.post("/postback/<broker>/<token>")
def take_push(broker: str, token: str) -> Response:
    """Have the account of the token looked at.

    Raises NotFound for a token or broker that does not fit, PushNotGenuine where the checksum is wrong.
    """
    account_id = desk().secrets.box.account_of_postback(token)
    found = None if account_id is None else account(desk().db, account_id)
    if found is None or found.broker != broker:
        count_stranger(token)
        raise NotFound("There is nothing at this address")
    if not is_genuine_push(login_ports(), found, request.get_data()):
        count_stranger(token)
        raise PushNotGenuine("the checksum of this push is not the broker's")
    desk().supervisor.worker(found.id, Mode.LIVE).push()
    return success({"message": "thank you"})
