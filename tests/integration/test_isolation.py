"""Nobody reads, moves or is told of what is another's: each route, socket event and command has its line.

A new one without a line fails `test_every_..._has_its_line`. A line says either why the address is anybody's,
or what a stranger sends there and how it is refused, or that it tells of the caller's own things only.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from blueprints.dashboard import guard
from database.account_db import Account, Owner, create_account, create_owner
from database.auth_db import Scope, create_webhook
from database.bracket_db import events_of
from database.outbox_db import Channel, Destination
from database.signal_db import SignalFilter
from database.telegram_links import create_link_code, redeem_link_code
from extensions import socketio
from services import telegram_commands
from services.destinations import Switchboard, add_hook
from services.logins import Visitor
from services.outbound_http import OutboundHttp
from services.telegram_commands import ChatCommands
from tests.person import Person, a_dashboard, logged_in, logins_of
from tests.serving import Json, Served, an_order, resting, until

GET, POST = "GET", "POST"


@dataclass(frozen=True)
class Anybodys:
    """The address is nobody's in particular, and why that is right."""

    why: str


@dataclass(frozen=True)
class Own:
    """Called without naming anything, it tells of the caller's own things only."""

    body: Json | None = None


@dataclass(frozen=True)
class Refused:
    """Called with ids of somebody else's, it is refused as if they were not there."""

    body: Json | None = None
    query: str = ""
    status: int = 404


@dataclass(frozen=True)
class Empty:
    """Called with ids of somebody else's, it answers as if there were nothing of that name."""

    query: str


Line = Anybodys | Own | Refused | Empty

DOCUMENTATION = Anybodys("the documentation, the same for everybody")
PAGE = Own()  # a shell without anything of anybody's; what it shows comes from the calls below
BRACKET = {"bracket_id": "{bracket_id}"}
OPENALGO = {"strategy": "x"}
ORDER = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "product": "MIS", "quantity": "1"}
GTT = {
    "trigger_type": "OCO", "exchange": "NSE", "symbol": "INFY", "action": "SELL", "product": "CNC",
    "quantity": 1, "pricetype": "LIMIT", "price": 0.0, "triggerprice_sl": 1400.0, "stoploss": 1399.0,
    "triggerprice_tg": 1600.0, "target": 1600.0,
}  # fmt: skip

# What takes a key: (body of a stranger's key) by address below /api/v1.
REST: dict[tuple[str, str], Line] = {
    (GET, "/api/v1/"): DOCUMENTATION,
    (GET, "/api/v1/swagger.json"): DOCUMENTATION,
    (GET, "/api/v1/ping/"): Anybodys("says the time"),
    (POST, "/api/v1/ping/"): Own({}),
    (POST, "/api/v1/alerttest/"): Own({"message": "x"}),
    (POST, "/api/v1/analyzer/"): Own({}),
    (POST, "/api/v1/analyzer/toggle/"): Own({"mode": False}),
    (POST, "/api/v1/bracketorderbook/"): Own({"state": "all"}),
    (POST, "/api/v1/bracketorderstatus/"): Refused(BRACKET),
    (POST, "/api/v1/cancelbracketorder/"): Refused(BRACKET),
    (POST, "/api/v1/exitbracketorder/"): Refused(BRACKET),
    (POST, "/api/v1/explainbracketorder/"): Refused(BRACKET),
    (POST, "/api/v1/modifybracketorder/"): Refused({**BRACKET, "sl_price": 431}),
    (POST, "/api/v1/killswitch/"): Own({"mode": "off"}),
    (POST, "/api/v1/placebracketorder/"): Own({**an_order(), "dry_run": True}),
    (POST, "/api/v1/safetyreport/"): Own({}),
    (POST, "/api/v1/cancelgttorder/"): Refused({**OPENALGO, "trigger_id": "{gtt_id}"}),
    (POST, "/api/v1/cancelorder/"): Refused({**OPENALGO, "orderid": "{order_id}"}),
    (POST, "/api/v1/funds/"): Own({}),
    (POST, "/api/v1/gttorderbook/"): Own({}),
    (POST, "/api/v1/modifygttorder/"): Refused({**OPENALGO, **GTT, "trigger_id": "{gtt_id}"}),
    (POST, "/api/v1/modifyorder/"): Refused(
        {
            **OPENALGO,
            **ORDER,
            "orderid": "{order_id}",
            "price": "401",
            "pricetype": "LIMIT",
            "disclosed_quantity": "0",
            "trigger_price": "0",
        }
    ),
    (POST, "/api/v1/openposition/"): Own({**OPENALGO, "symbol": "SBIN", "exchange": "NSE", "product": "MIS"}),
    (POST, "/api/v1/orderbook/"): Own({}),
    (POST, "/api/v1/orderstatus/"): Refused({**OPENALGO, "orderid": "{order_id}"}),
    (POST, "/api/v1/placegttorder/"): Own({}),  # refused for its faults: what it places is the key's own
    (POST, "/api/v1/placeorder/"): Own({}),
    (POST, "/api/v1/positionbook/"): Own({}),
    (POST, "/api/v1/quotes/"): Own({"symbol": "SBIN", "exchange": "NSE"}),
    (POST, "/api/v1/search/"): Own({"query": "SBIN", "exchange": "NSE"}),
    (POST, "/api/v1/symbol/"): Own({"symbol": "SBIN", "exchange": "NSE"}),
    (POST, "/api/v1/tradebook/"): Own({}),
    (POST, "/tradingview/webhook/bracket"): Own({}),  # the key in the body is whose it is
}

ACCOUNT = "account={account_id}"
PLACE = {
    "account": "{account_id}", "symbol": "SBIN", "exchange": "NSE", "product": "MIS", "action": "BUY",
    "pricetype": "LIMIT", "quantity": "10", "entry_price": "440", "client_order_id": "theirs",
    "stop": {"mode": "absolute", "value": "430"}, "targets": [{"mode": "absolute", "value": "470"}],
}  # fmt: skip
FORM: Json = {"form": {}}

# What takes a login.
DASHBOARD: dict[tuple[str, str], Line] = {
    **{
        (GET, f"/dashboard/{page}"): PAGE
        for page in (
            "", "about", "accounts", "alerts", "beside", "health", "history", "keys", "new", "notifications",
            "safety", "security", "settings", "signals", "webhooks",
        )
    },
    (GET, "/dashboard/<path:rest>"): Anybodys("nothing is there"),
    (GET, "/dashboard/brackets/<bracket_id>"): Refused(),
    (GET, "/dashboard/api/accounts"): Own(),
    (POST, "/dashboard/api/accounts/<account_id>/act"): Refused({"act": "disable"}),
    (GET, "/dashboard/api/accounts/<account_id>/consequences"): Refused(query="act=disable"),
    (POST, "/dashboard/api/accounts/<account_id>/login"): Refused({}),
    (POST, "/dashboard/api/alerts/message"): Refused({"webhook": "{webhook_id}", "token": "{webhook}"}),
    (POST, "/dashboard/api/alerts/test"): Refused({"webhook": "{webhook_id}", "message": "x"}),
    (GET, "/dashboard/api/alerts/webhooks"): Own(),
    (POST, "/dashboard/api/analyzer"): Own({"mode": "live"}),
    (GET, "/dashboard/api/analyzer/consequences"): Own(),
    (GET, "/dashboard/api/beside"): Own(),
    (GET, "/dashboard/api/board"): Empty("ids={bracket_id}"),
    (GET, "/dashboard/api/brackets/<bracket_id>"): Refused(),
    (POST, "/dashboard/api/brackets/<bracket_id>/cancel"): Refused({}),
    (GET, "/dashboard/api/brackets/<bracket_id>/consequences"): Refused(query="act=exit"),
    (POST, "/dashboard/api/brackets/<bracket_id>/exit"): Refused({}),
    (POST, "/dashboard/api/brackets/<bracket_id>/modify"): Refused({"sl_price": "431"}),
    (GET, "/dashboard/api/brackets/<bracket_id>/story"): Refused(),
    (GET, "/dashboard/api/health"): Own(),
    (GET, "/dashboard/api/health/brokers"): Own(),
    (GET, "/dashboard/api/health/checks"): Own(),
    (GET, "/dashboard/api/history"): Refused(query=ACCOUNT),
    (GET, "/dashboard/api/history.csv"): Refused(query=ACCOUNT),
    (GET, "/dashboard/api/history/sums"): Refused(query=ACCOUNT),
    (POST, "/dashboard/api/hooks"): Refused(
        {"account_id": "{account_id}", "url": "https://93.184.216.34/x"}
    ),
    (POST, "/dashboard/api/hooks/<hook_id>/act"): Refused({"act": "remove"}),
    (GET, "/dashboard/api/hooks/<hook_id>/consequences"): Refused(query="act=remove"),
    (GET, "/dashboard/api/hooks/<hook_id>/messages"): Refused(),
    (POST, "/dashboard/api/hooks/<hook_id>/replay"): Refused({"message_id": "msg_x"}),
    (POST, "/dashboard/api/hooks/<hook_id>/test"): Refused({}),
    (GET, "/dashboard/api/keys"): Own(),
    (POST, "/dashboard/api/keys"): Refused({"account_id": "{account_id}", "scopes": ["read"]}),
    (GET, "/dashboard/api/keys/<key_id>/consequences"): Refused(),
    (POST, "/dashboard/api/keys/<key_id>/revoke"): Refused({}),
    (POST, "/dashboard/api/killswitch"): Own({"mode": "off"}),
    (GET, "/dashboard/api/killswitch/consequences"): Own(),
    (GET, "/dashboard/api/new/accounts"): Own(),
    (GET, "/dashboard/api/new/choices"): Refused(query=f"{ACCOUNT}&exchange=NSE&symbol=SBIN"),
    (POST, "/dashboard/api/new/place"): Refused(PLACE),
    (POST, "/dashboard/api/new/preview"): Refused(PLACE),
    (GET, "/dashboard/api/new/price"): Refused(query=f"{ACCOUNT}&exchange=NSE&symbol=SBIN"),
    (GET, "/dashboard/api/new/symbols"): Refused(query=f"{ACCOUNT}&q=SBIN"),
    (GET, "/dashboard/api/notifications"): Own(),
    (GET, "/dashboard/api/pulse"): Own(),
    (GET, "/dashboard/api/safety"): Refused(query=ACCOUNT),
    (GET, "/dashboard/api/security"): Own(),
    (POST, "/dashboard/api/security/password"): Own({}),
    (POST, "/dashboard/api/security/recovery-codes"): Own({}),
    (POST, "/dashboard/api/security/second-factor/accept"): Own({}),
    (POST, "/dashboard/api/security/second-factor/offer"): Own({}),
    (POST, "/dashboard/api/security/sessions/<session_id>/end"): Refused({}),
    (POST, "/dashboard/api/security/sessions/end-others"): Own({}),
    (GET, "/dashboard/api/settings"): Own(),
    (GET, "/dashboard/api/signals"): Empty("sender={webhook_id}"),
    (POST, "/dashboard/api/signals/<int:signal_id>/replay"): Refused({}),
    (POST, "/dashboard/api/telegram/<account_id>/code"): Refused({"may_trade": False}),
    (GET, "/dashboard/api/telegram/<account_id>/consequences"): Refused(),
    (POST, "/dashboard/api/telegram/<account_id>/test"): Refused({}),
    (POST, "/dashboard/api/telegram/<account_id>/unlink"): Refused({}),
    (GET, "/dashboard/api/webhooks"): Own(),
    (POST, "/dashboard/api/webhooks"): Refused({"account_id": "{account_id}", **FORM}),
    (POST, "/dashboard/api/webhooks/<webhook_id>"): Refused(
        {"name": "x", "require_timenow": True, **FORM}
    ),
    (POST, "/dashboard/api/webhooks/<webhook_id>/act"): Refused({"act": "revoke"}),
    (GET, "/dashboard/api/webhooks/<webhook_id>/consequences"): Refused(query="act=rotate"),
}  # fmt: skip

# What takes neither, or carries in its address whose it is.
ELSEWHERE: dict[tuple[str, str], Line] = {
    (GET, "/"): Anybodys("leads to the dashboard"),
    (GET, "/favicon.ico"): Anybodys("a picture"),
    (GET, "/static/<path:filename>"): Anybodys("scripts and styles"),
    (GET, "/swaggerui/<path:filename>"): DOCUMENTATION,
    (GET, "/healthz"): Anybodys("says that the process lives"),
    (GET, "/readyz"): Anybodys("for whoever runs the service; names accounts, no owner and no position"),
    (GET, "/metrics"): Anybodys("sums without ids, for this machine or a token: test_metrics"),
    (GET, "/dashboard/login"): Anybodys("the way in"),
    (POST, "/dashboard/login"): Anybodys("the way in: test_dashboard_login"),
    (POST, "/dashboard/logout"): Anybodys("ends the session of the cookie that asks"),
    (GET, "/dashboard/setup"): Anybodys("the first way in"),
    (POST, "/dashboard/setup"): Anybodys("needs the set-up code: test_dashboard_login"),
    (POST, "/postback/<broker>/<token>"): Anybodys("the token is the account's own: test_health"),
    (POST, "/tradingview/"): Own({"webhook": "{webhook_id}"}),
    (POST, "/tradingview/webhook/bracket/<token>"): Anybodys("the token is whose it is: test_webhook"),
    (GET, "/<broker>/callback"): Anybodys("needs the state and the cookie of a login: test_broker_login"),
    (GET, "/<broker>/login"): Anybodys("needs a ticket: test_broker_login"),
    (POST, "/<broker>/login"): Anybodys("needs a ticket: test_broker_login"),
}

# What a client may say, and where its test is.
REPLAYS = ("bracket_order_replay", "plain_order_replay")
SOCKET_EVENTS = {"connect", "disconnect", *REPLAYS}

# What a chat may say about somebody else's bracket or account, and the answer's beginning.
CHAT_COMMANDS = {
    "/status": "main (paper",
    "/brackets": "No bracket is open.",
    "/bracket": "Not done: no open brackets are named",
    "/cancel": "Not done: no open brackets are named",
    "/exit": "Not done: no open brackets are named",
    "/pause": "Not done: no account here is named theirs",
    "/resume": "Not done: no account here is named theirs",
    "/kill": "This leaves every position of main",
}

# Commands of the machine's operator, who can read the database file: they know no owners.
OPERATORS_COMMANDS = {
    "account", "apikey", "backup", "bracket",
    "config", "db", "doctor", "hook", "instruments", "restore", "safety",
    "secrets",
    "telegram", "user", "webhook",
}  # fmt: skip
FLASKS_OWN = {"run", "shell", "routes"}


@dataclass(frozen=True)
class Theirs:
    """What somebody else has here, by the names that addresses and bodies use."""

    names: dict[str, str]
    account: Account
    key: str

    def __str__(self) -> str:
        return self.account.name

    def filled(self, said: Json | str) -> Any:
        """Return a body or query with the names in braces filled in."""
        found = json.dumps(said) if isinstance(said, dict) else said
        for name, one in self.names.items():
            found = found.replace("{" + name + "}", one)
        return json.loads(found) if isinstance(said, dict) else found

    def marks(self) -> list[str]:
        """Return what no answer to anybody else may hold."""
        return [one for one in self.names.values() if not one.isdigit()]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch, a_dashboard(tmp_path_factory.mktemp("isolation")) as served:
        patch.setattr(guard, "_CALLS_LIMIT", "100000 per second")  # tests are faster than people
        yield served


@pytest.fixture(scope="module")
def owner(service: Served) -> Person:
    return logged_in(service)


@pytest.fixture(scope="module")
def strangers(service: Served) -> Theirs:
    """All that another owner has."""
    desk = service.desk
    stranger = create_owner(desk.db, "stranger", at=desk.clock.now())
    account = create_account(desk.db, "theirs", owner_id=stranger.id, broker="paper", at=desk.clock.now())
    return everything_of(service, account)


@pytest.fixture(scope="module")
def siblings(service: Served) -> Theirs:
    """All that another account of the same owner has: a key is of one account."""
    return everything_of(service, service.another_account("sibling"))


def everything_of(service: Served, account: Account) -> Theirs:
    desk, at = service.desk, service.desk.clock.now()
    key = service.a_key(account=account)
    webhook = create_webhook(
        desk.db, desk.secrets, account.id, at=at, name=f"hook of {account.name}", require_timenow=False
    )
    hook = add_hook(
        Switchboard(db=desk.db, box=desk.secrets.box, clock=desk.clock),
        account,
        "https://93.184.216.34/hook",
        http=OutboundHttp(),
    ).hook
    code = create_link_code(desk.db, desk.secrets.box, account.id, scopes=frozenset(Scope), at=at)
    assert redeem_link_code(desk.db, desk.secrets.box, code, chat_id=4711, at=at) is not None
    placed = service.post("placebracketorder", resting(), key=key).get_json()
    order = service.post(
        "placeorder", {**ORDER, "strategy": "x", "price": "400", "pricetype": "LIMIT"}, key=key
    )
    gtt = service.post("placegttorder", {**OPENALGO, **GTT}, key=key).get_json()
    service.client.post(f"/tradingview/webhook/bracket/{webhook}", json={"symbol": "NOSUCH"})
    desk.signal_log.flush()
    (signal,) = desk.signal_log.signals([account.id], SignalFilter(), limit=5)
    names = {
        "bracket_id": placed["bracket_id"],
        "account_id": account.id,
        "order_id": order.get_json()["orderid"],
        "gtt_id": str(gtt["trigger_id"]),
        "key_id": key.split("_")[1],
        "webhook_id": webhook.split("_")[1],
        "webhook": webhook,
        "hook_id": hook.id,
        "signal_id": str(signal.id),
        "session_id": a_session(service, account),
    }
    return Theirs(names, account, key)


def a_session(service: Served, account: Account) -> str:
    visitor = Visitor(address="203.0.113.88", agent="their browser")
    someone = Owner(id=account.owner_id, name="whoever")
    return logins_of(service).open_session(someone, visitor)[1].id


# --- every one has its line


def routes(service: Served) -> set[tuple[str, str]]:
    """Return each method with its address; which brokers there are makes no new addresses."""
    return {
        (method, re.sub(r"<any\([^)]*\):", "<", rule.rule))
        for rule in service.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_has_its_line(service: Served) -> None:
    assert routes(service) == {*REST, *DASHBOARD, *ELSEWHERE}


def test_every_route_that_takes_an_id_is_tried_with_somebody_elses() -> None:
    named = {key for key in (*REST, *DASHBOARD) if re.search(r"<(?!path:)", key[1])}
    lines = REST | DASHBOARD

    assert {key for key in named if not isinstance(lines[key], Refused)} == set()


def test_every_socket_event_has_its_line(service: Served) -> None:
    server: Any = socketio.server  # type: ignore[attr-defined]  # its stubs leave it out

    assert set(server.handlers["/"]) == SOCKET_EVENTS


def test_every_chat_command_has_its_line() -> None:
    assert {*telegram_commands._READS, *telegram_commands._ACTS} == set(CHAT_COMMANDS)


def test_every_command_has_its_line(service: Served) -> None:
    assert set(service.app.cli.commands) - FLASKS_OWN == OPERATORS_COMMANDS


# --- what a key may


KEY_LINES = [key for key, line in REST.items() if not isinstance(line, Anybodys)]
LOGIN_LINES = [
    key
    for key, line in (DASHBOARD | {key: ELSEWHERE[key] for key in ((POST, "/tradingview/"),)}).items()
    if not isinstance(line, Anybodys)
]


@pytest.mark.parametrize("whose", ["strangers", "siblings"])
@pytest.mark.parametrize("key", KEY_LINES, ids=" ".join)
def test_a_key_reaches_its_own_account_only(
    service: Served, key: tuple[str, str], whose: str, request: pytest.FixtureRequest
) -> None:
    theirs: Theirs = request.getfixturevalue(whose)
    line, before = REST[key], state_of(service, theirs)
    body = theirs.filled(getattr(line, "body", None) or {})

    answer = service.client.open(key[1], method=key[0], json={**body, "apikey": service.key})

    judge(answer, line, theirs)
    assert state_of(service, theirs) == before


@pytest.mark.parametrize("key", LOGIN_LINES, ids=" ".join)
def test_a_login_reaches_its_own_accounts_only(
    service: Served, owner: Person, strangers: Theirs, key: tuple[str, str]
) -> None:
    line, before = (DASHBOARD | ELSEWHERE)[key], state_of(service, strangers)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: strangers.names[found[1]], key[1])
    query = strangers.filled(getattr(line, "query", "") or "")
    said = getattr(line, "body", None)
    token = {guard.CSRF_HEADER: owner.token()}

    answer = owner.client.open(
        f"{path}?{query}",
        method=key[0],
        json=None if said is None else strangers.filled(said),
        headers=token,
        environ_overrides={"REMOTE_ADDR": owner.address},
    )

    judge(answer, line, strangers, also=service.account.id if isinstance(line, Empty) else None)
    assert state_of(service, strangers) == before


def judge(answer: Any, line: Line, theirs: Theirs, *, also: str | None = None) -> None:
    """Hold an answer against its line: refused as not there, or without anything of theirs."""
    if isinstance(line, Refused):
        assert answer.status_code == line.status, answer.text
    else:
        assert answer.status_code < 500, answer.text
    text_without_what_we_said = answer.text
    for mark in theirs.marks():
        if isinstance(line, Refused):  # it may say which id it did not find, and no more of it
            text_without_what_we_said = text_without_what_we_said.replace(mark, "")
    told = [mark for mark in (*theirs.marks(), theirs.account.name) if mark in text_without_what_we_said]
    assert told == []


def state_of(service: Served, theirs: Theirs) -> dict[str, Any]:
    """Return what anybody's act would change of their things; what their worker does is none of it."""
    one, db = theirs.account, service.desk.db
    acts = {"CancelRequested", "ExitRequested", "BracketModified", "HandedOver"}
    with db.read() as connection:
        rows = {
            table: [
                tuple(row)
                for row in connection.execute(
                    text(f"SELECT {columns} FROM {table} WHERE {column} = :id ORDER BY 1"),  # noqa: S608
                    {"id": one.owner_id if column == "owner_id" else one.id},
                )
            ]
            for table, column, columns in (
                ("accounts", "id", "id, name, status, auth_token, login"),
                ("api_keys", "account_id", "id, digest, scopes, revoked_at"),
                ("webhooks", "account_id", "id, digest, name, paused, limits, settings, revoked_at"),
                ("destinations", "account_id", "id, address, disabled_at"),
                ("brackets", "account_id", "id"),
                ("plain_orders", "account_id", "id, status"),
                ("login_sessions", "owner_id", "id, revoked_at")
                if one.name == "theirs"
                else ("link_codes", "account_id", "digest"),
                ("signals", "account_id", "id"),
            )
        }
    asked = [stored.kind for stored in events_of(db, theirs.names["bracket_id"]) if stored.kind in acts]
    return {**rows, "asked": asked}


# --- what a live connection hears


def test_a_keys_connection_hears_nothing_of_another_account(service: Served, siblings: Theirs) -> None:
    client = socketio.test_client(service.app, auth={"apikey": service.key})
    since = {siblings.account.id: 0}

    asked = {"since_seq": 0, "since": since}
    replayed = [client.emit(event, asked, callback=True) for event in REPLAYS]
    service.post("exitbracketorder", siblings.filled(BRACKET), key=siblings.key)
    until(lambda: "ExitRequested" in state_of(service, siblings)["asked"])
    service.desk.announcer.announce_all()

    assert siblings.names["bracket_id"] not in str(replayed)
    assert siblings.names["order_id"] not in str(replayed)
    assert siblings.names["bracket_id"] not in str(client.get_received())


def test_a_logins_connection_hears_nothing_of_another_owner(
    service: Served, owner: Person, strangers: Theirs
) -> None:
    client = socketio.test_client(service.app, flask_test_client=owner.client)
    since = {strangers.account.id: 0}

    asked = {"since_seq": 0, "since": since}
    replayed = [client.emit(event, asked, callback=True) for event in REPLAYS]
    service.post("exitbracketorder", strangers.filled(BRACKET), key=strangers.key)
    until(lambda: "ExitRequested" in state_of(service, strangers)["asked"])
    service.desk.announcer.announce_all()

    assert client.is_connected()
    assert strangers.names["bracket_id"] not in str(replayed)
    assert strangers.names["order_id"] not in str(replayed)
    assert strangers.names["bracket_id"] not in str(client.get_received())


# --- what a chat may say


@pytest.mark.parametrize("command", CHAT_COMMANDS)
def test_a_chat_reaches_the_accounts_it_is_linked_to_only(
    service: Served, strangers: Theirs, command: str
) -> None:
    before, desk = state_of(service, strangers), service.desk
    link = Destination(
        id="link",
        account_id=service.account.id,
        channel=Channel.TELEGRAM,
        address="1",
        scopes="read trade",
        created_at=desk.clock.now(),
    )
    named = strangers.names["bracket_id"][-6:] if command in ("/bracket", "/cancel", "/exit") else "theirs"

    said = ChatCommands(desk).answer([link], f"{command} {named}", sent_at=desk.clock.now())

    assert said.startswith(CHAT_COMMANDS[command])
    assert state_of(service, strangers) == before
    assert strangers.names["bracket_id"] not in said
