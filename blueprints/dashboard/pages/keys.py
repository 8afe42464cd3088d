"""API keys: what each may do and when it was last used; made and shown once, revoked."""

from flask import Response, request

from blueprints.dashboard.bodies import KeySchema
from blueprints.dashboard.guard import owned_account, owned_accounts
from blueprints.dashboard.office_shapes import key_shape
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from blueprints.sockets import drop_refused_keys, seats_taken
from database.account_db import Account
from database.auth_db import ApiKeyEntry, Scope, create_api_key, find_api_key, list_api_keys, revoke_api_key
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from services.errors import NotFound
from services.office_consequences import of_revoking_key

page = Page("keys", title="API keys", link="API keys", order=52)


@page.get("/keys")
def show() -> Response:
    return page.render()


@page.get("/api/keys")
def read() -> Response:
    """Return the keys of the owner's accounts, revoked ones too. A key itself is never told again."""
    accounts = owned_accounts()
    keys = [key_shape(key, one) for one in accounts for key in list_api_keys(desk().db, one.id)]
    return success({"accounts": [account_shape(one) for one in accounts], "keys": keys})


@page.post("/api/keys")
def create() -> Response:
    """Make a key and return it, once and for all."""
    asked = KeySchema().read(parse_object(request.get_data()))
    one = owned_account(asked.account_id)
    scopes = [Scope(scope) for scope in asked.scopes]
    key = create_api_key(desk().db, desk().secrets, one.id, scopes=scopes, at=desk().clock.now())
    return success({"key": key})


@page.get("/api/keys/<key_id>/consequences")
def read_consequences(key_id: str) -> Response:
    """Say what revoking the key would do."""
    key, one = _owned_key(key_id)
    return success({"sentences": of_revoking_key(key.last4, one.name)})


@page.post("/api/keys/<key_id>/revoke")
def revoke(key_id: str) -> Response:
    """Revoke a key, at once in this process."""
    key, _ = _owned_key(key_id)
    if not revoke_api_key(desk().db, key.id, at=desk().clock.now()):
        raise NotFound("there is no such key")
    desk().secrets.callers.forget()
    drop_refused_keys(seats_taken(), desk().db, now=desk().clock.now())
    return read()


def _owned_key(key_id: str) -> tuple[ApiKeyEntry, Account]:
    key = find_api_key(desk().db, key_id)
    if key is None:
        raise NotFound("there is no such key")
    return key, owned_account(key.account_id)
