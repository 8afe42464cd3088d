"""What the dashboard's pages ask for and do: the same services as the API, for all accounts of the owner."""

from collections.abc import Iterator
from typing import Any

import pytest

from blueprints.sockets import drop_ended_sessions
from database.account_db import Account, create_account, create_owner
from database.account_news import BracketNews
from extensions import socketio
from tests.person import PASSWORD, Person, a_dashboard, a_person, logged_in, logins_of, owner_id
from tests.serving import Json, Served, an_order, resting, until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_dashboard(tmp_path_factory.mktemp("dashboard")) as served:
        yield served


@pytest.fixture(scope="module")
def owner(service: Served) -> Person:
    return logged_in(service)


def a_position(service: Served, **overrides: Any) -> str:
    bracket_id = str(service.place(**overrides)["bracket_id"])
    service.until_state(bracket_id, "PROTECTED")
    return bracket_id


def shown(owner: Person, bracket_id: str) -> Json:
    found: Json = owner.call(f"brackets/{bracket_id}").get_json()["bracket"]
    return found


def test_the_board_tells_what_protects_a_position_and_where(service: Served, owner: Person) -> None:
    bracket_id = a_position(service)

    rows = owner.call("board").get_json()["brackets"]

    row = next(one for one in rows if one["bracket_id"] == bracket_id)
    assert (row["held"], row["paper"], row["account"]["name"]) == (10, True, "main")
    (guard,) = row["guards"]
    assert (guard["hold"], guard["where"], guard["quantity"]) == ("stop", "at the exchange", 10)
    assert row["protection"]["survives_shutdown"] == {"stop": True, "target": False}
    assert row["explanation"]["slices"][0]["why"] == "the stop rests at 450"
    assert row["naked"] is None


def test_the_pulse_follows_versions_and_prices_of_open_brackets_only(service: Served, owner: Person) -> None:
    bracket_id = a_position(service)
    key = shown(owner, bracket_id)["quote_key"]

    pulse = owner.call("pulse").get_json()

    assert pulse["versions"][bracket_id] == shown(owner, bracket_id)["version"]
    assert float(pulse["quotes"][key]["last"]) > 0
    owner.call(f"brackets/{bracket_id}/exit", {})
    service.until_state(bracket_id, "CLOSED")
    until(
        lambda: bracket_id not in owner.call("pulse").get_json()["versions"],
        what="the bracket left the pulse",
    )


class Nobody:
    """In the place of a way to the broker: whoever goes it fails the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a broker was asked: {name}")


def test_looking_on_asks_no_broker_however_many_look(
    service: Served, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_position(service)
    worker = service.desk.supervisor.workers()[0]
    monkeypatch.setattr(worker, "line", Nobody())
    monkeypatch.setattr(worker, "ask_quote", Nobody().__getattr__)

    answers = [owner.call(path).status_code for path in ("pulse", "board") for _ in range(3)]

    assert answers == [200] * 6


def test_leaving_from_the_board_says_who_it_was(service: Served, owner: Person) -> None:
    bracket_id = a_position(service)

    answer = owner.call(f"brackets/{bracket_id}/exit", {})

    assert answer.status_code == 200
    service.until_state(bracket_id, "CLOSED")
    words = [one["words"] for one in service.status(bracket_id)["timeline"]]
    assert "exit asked by owner at the dashboard" in words


def test_a_stop_is_moved_from_the_board_and_a_bad_one_refused(service: Served, owner: Person) -> None:
    bracket_id = a_position(service)

    moved = owner.call(f"brackets/{bracket_id}/modify", {"sl_price": "460"})
    refused = owner.call(f"brackets/{bracket_id}/modify", {"sl_price": "460.03"})

    assert moved.get_json()["bracket"]["sl_price"] == "460.00"
    assert (refused.status_code, refused.get_json()["code"]) == (400, "price_off_tick")


def test_cancelling_with_shares_needs_a_choice(service: Served, owner: Person) -> None:
    bracket_id = a_position(service)

    refused = owner.call(f"brackets/{bracket_id}/cancel", {})
    kept = owner.call(f"brackets/{bracket_id}/cancel", {"if_filled": "keep_exits"})

    assert refused.get_json()["errors"].keys() == {"if_filled"}
    assert kept.get_json()["bracket"]["guards"][0]["hold"] == "stop"


def test_an_entry_is_cancelled_from_the_board(service: Served, owner: Person) -> None:
    bracket_id = str(service.place(**resting())["bracket_id"])
    service.until_state(bracket_id, "ENTRY_OPEN")

    assert owner.call(f"brackets/{bracket_id}/cancel", {}).status_code == 200
    service.until_state(bracket_id, "CANCELLED")


def test_the_kill_switch_is_that_of_all_accounts(service: Served, owner: Person) -> None:
    told = owner.call("killswitch/consequences?mode=block_entries").get_json()["sentences"]
    owner.call("killswitch", {"mode": "block_entries"})
    refused = service.post("placebracketorder", an_order())
    owner.call("killswitch", {"mode": "off"})

    assert told[0].startswith("No new bracket is accepted")
    assert refused.get_json()["code"] == "killed"
    assert service.post("placebracketorder", an_order()).status_code == 200


def test_the_switch_of_one_account_is_not_told_as_that_of_all(service: Served, owner: Person) -> None:
    owner.call(f"accounts/{service.account.id}/act", {"act": "pause"})
    paused = owner.call("pulse").get_json()
    told = owner.call("killswitch/consequences?mode=off").get_json()["sentences"]
    owner.call(f"accounts/{service.account.id}/act", {"act": "resume"})

    account = next(one for one in paused["accounts"] if one["id"] == service.account.id)
    assert (paused["kill"], account["kill"]) == ("off", "block_entries")
    assert "Account main stays paused by its own switch (block entries)." in told


def test_the_pulse_tells_where_new_brackets_go(service: Served, owner: Person) -> None:
    before = owner.call("pulse").get_json()["analyze"]
    owner.call("analyzer", {"analyze": True})
    switched = owner.call("pulse").get_json()["analyze"]
    owner.call("analyzer", {"analyze": False})

    assert (before, switched) == (False, True)


def test_the_pulse_tells_of_a_worker_that_hangs(
    service: Served, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = service.desk.supervisor.workers()[0].last_turn + 25
    monkeypatch.setattr(service.desk.clock, "monotonic", lambda: late, raising=False)

    pulse = owner.call("pulse").get_json()

    monkeypatch.undo()
    faults = [fault for one in pulse["accounts"] for fault in one["faults"]]
    assert any("has not been looked after for 2" in one for one in faults), faults
    assert all(not one["faults"] for one in owner.call("pulse").get_json()["accounts"])


@pytest.mark.parametrize("path", ["killswitch/consequences?mode=maybe", "brackets/{}/consequences?act=sing"])
def test_unknown_words_are_refused(service: Served, owner: Person, path: str) -> None:
    bracket_id = a_position(service)

    assert owner.call(path.format(bracket_id)).status_code == 400


def test_the_story_of_a_bracket_has_asks_and_answers_but_no_secret(service: Served, owner: Person) -> None:
    bracket_id = a_position(service, strategy="token=supersecretvalue1234")

    answer = owner.call(f"brackets/{bracket_id}/story")
    story = answer.get_json()

    voices = [one["voice"] for one in story["timeline"]]
    assert {"person", "asked", "answered", "book", "decided"} <= set(voices)
    asked = next(one for one in story["timeline"] if one["voice"] == "asked")
    assert asked["noted"]["terms"]["order_type"] == "LIMIT"
    assert [one["quantity"] for one in story["prices"]["fills"]] == [10]
    assert story["prices"]["stops"][0]["price"] == "450"
    assert service.key not in answer.text


def a_strangers_bracket(service: Served, name: str) -> tuple[Account, str]:
    desk = service.desk
    stranger = create_owner(desk.db, f"owner of {name}", at=desk.clock.now())
    account = create_account(desk.db, name, owner_id=stranger.id, broker="paper", at=desk.clock.now())
    placed = service.post("placebracketorder", an_order(), key=service.a_key(account=account)).get_json()
    return account, str(placed["bracket_id"])


def test_what_belongs_to_another_owner_is_not_there(service: Served, owner: Person) -> None:
    account, bracket_id = a_strangers_bracket(service, "theirs")

    paths = ("", "/story", "/consequences?act=exit")
    reads = [owner.call(f"brackets/{bracket_id}{path}").status_code for path in paths]
    acts = [
        owner.call(f"brackets/{bracket_id}/{act}", {}).status_code for act in ("exit", "cancel", "modify")
    ]

    assert reads == [404, 404, 404]
    assert acts == [404, 404, 404]
    assert owner.get(f"/dashboard/brackets/{bracket_id}").status_code == 404
    assert owner.call(f"board?ids={bracket_id}").get_json()["brackets"] == []
    assert bracket_id not in owner.call("pulse").get_json()["versions"]
    assert account.id not in {one["id"] for one in owner.call("pulse").get_json()["accounts"]}


def test_an_address_with_nothing_at_it_is_a_page_for_people_and_json_for_calls(owner: Person) -> None:
    page, call = owner.get("/dashboard/nowhere"), owner.call("nowhere")

    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert (call.status_code, call.get_json()["code"]) == (404, "not_found")


# --- live updates


def a_socket(service: Served, person: Person, **auth: str) -> Any:
    return socketio.test_client(service.app, flask_test_client=person.client, auth=auth or None)


def heard(client: Any) -> list[Json]:
    return [one["args"][0] for one in client.get_received() if one["name"] == "bracket_order_update"]


def test_a_login_hears_all_accounts_of_its_owner_and_which_each_is(service: Served, owner: Person) -> None:
    client = a_socket(service, owner)
    second = service.another_account("second")
    order = an_order(symbol="INFY", entry_price=1510, sl_price=1400, target_price=1600)
    mine = str(service.place()["bracket_id"])
    theirs = service.post("placebracketorder", order, key=service.a_key(account=second)).get_json()[
        "bracket_id"
    ]
    found: list[Json] = []

    def both() -> bool:
        found.extend(heard(client))
        return {mine, theirs} <= {one["bracket_id"] for one in found}

    until(both, what="updates of both accounts")
    accounts = {one["bracket_id"]: one["account_id"] for one in found}
    assert (accounts[mine], accounts[theirs]) == (service.account.id, second.id)
    client.disconnect()


def test_after_a_gap_a_login_hears_what_it_missed_by_account(service: Served, owner: Person) -> None:
    bracket_id = a_position(service)
    account, theirs = a_strangers_bracket(service, "unheard")
    until(
        lambda: service.desk.announcer.missed(account.id, 0, of=BracketNews),
        what="their bracket has something to tell",
    )
    client = a_socket(service, owner)

    asked = {"since": {service.account.id: 0, account.id: 0}}
    missed = client.emit("bracket_order_replay", asked, callback=True)

    told = {one["bracket_id"] for one in missed}
    assert bracket_id in told
    assert theirs not in told
    assert {one["account_id"] for one in missed} == {service.account.id}
    client.disconnect()


def test_without_login_or_key_nobody_connects(service: Served) -> None:
    assert not a_socket(service, a_person(service)).is_connected()


def test_a_session_that_ends_loses_its_live_connection_at_once(service: Served, owner: Person) -> None:
    other = a_person(service, "203.0.113.99")
    other.log_in()
    client = a_socket(service, other)
    assert client.is_connected()
    theirs = next(
        one for one in owner.call("security").get_json()["sessions"] if one["address"] == "203.0.113.99"
    )

    owner.call(f"security/sessions/{theirs['id']}/end", {})

    assert not client.is_connected()
    assert not a_socket(service, other).is_connected()


def test_a_new_password_cuts_the_live_connections_of_all_sessions(service: Served, owner: Person) -> None:
    intruder, me = logged_in(service), logged_in(service)
    theirs = a_socket(service, intruder)
    assert theirs.is_connected()

    body = {"password": PASSWORD, "code": "", "new_password": "another horse battery"}
    assert me.call("security/password", body).status_code == 200
    is_cut = not theirs.is_connected()
    back = {"password": body["new_password"], "code": "", "new_password": PASSWORD}
    assert me.call("security/password", back).status_code == 200
    owner.log_in()  # the module's own session ended with the others

    assert is_cut


def test_a_session_that_ends_elsewhere_loses_its_live_connection_with_the_next_chore(
    service: Served, owner: Person
) -> None:
    other = a_person(service)
    other.log_in()
    client, kept = a_socket(service, other), a_socket(service, owner)
    seats = service.app.extensions["openbracket_seats"]
    theirs = max(logins_of(service).sessions(owner_id(service)), key=lambda one: one.created_at)
    logins_of(service).end(theirs.owner_id, theirs.id)  # as a command beside the service does

    drop_ended_sessions(seats, logins_of(service))

    assert not client.is_connected()
    assert kept.is_connected()
    kept.disconnect()
