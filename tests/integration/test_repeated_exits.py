"""An exit signal that comes twice leaves once: what was opened since is not what it spoke of."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from database.webhook_settings import WebhookSettings
from services.errors import BrokerUnavailable
from tests.serving import Json, Served, a_config, end, serve, served_again

PATH = "/tradingview/webhook/bracket"
SETTINGS = WebhookSettings(
    defaults={"exchange": "NSE", "product": "MIS", "sl_percent": "10", "target_percent": "10"}
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path))
    yield served
    end(served)


def send(service: Served, message: Json | str, *, token: str) -> Any:
    text = message if isinstance(message, str) else json.dumps(message)
    return service.app.test_client().post(f"{PATH}/{token}", data=text, content_type="text/plain")


def a_long(service: Served, quantity: int, *, token: str) -> str:
    """Have a bracket protected; the quantity makes its alert another one."""
    answer = send(service, f"long SBIN q={quantity}", token=token).get_json()
    bracket_id = str(answer["bracket_id"])
    service.until_state(bracket_id, "PROTECTED")
    return bracket_id


def an_exit(service: Served, **more: Json | str) -> Json:
    return {"symbol": "SBIN", "action": "exit", "timenow": service.desk.clock.now().isoformat(), **more}


@pytest.mark.parametrize("is_dated", [True, False])
def test_the_same_exit_again_leaves_what_was_opened_since(service: Served, is_dated: bool) -> None:
    token = service.a_webhook(settings=SETTINGS)
    signal: Json | str = an_exit(service) if is_dated else "close SBIN"
    first = a_long(service, 10, token=token)
    send(service, signal, token=token)
    service.until_state(first, "CLOSED")
    second = a_long(service, 11, token=token)

    told = send(service, signal, token=token).get_json()

    assert (told["duplicate"], told["brackets"]) == (True, [first])
    assert service.status(second)["state"] == "PROTECTED"


def test_a_restart_does_not_forget_which_exits_came(tmp_path: Path) -> None:
    service = serve(a_config(tmp_path))
    token, signal = service.a_webhook(settings=SETTINGS), an_exit(service)
    first = a_long(service, 10, token=token)
    send(service, signal, token=token)
    service.until_state(first, "CLOSED")
    second = a_long(service, 11, token=token)
    end(service)

    with served_again(a_config(tmp_path), service.key) as again:
        told = send(again, signal, token=token).get_json()

        assert (told["duplicate"], told["brackets"]) == (True, [first])
        assert again.status(second)["state"] == "PROTECTED"


def test_another_exit_leaves_what_was_opened_since(service: Served) -> None:
    token = service.a_webhook(settings=SETTINGS)
    send(service, an_exit(service, signal_id="one"), token=token)
    held = a_long(service, 10, token=token)

    told = send(service, an_exit(service, signal_id="two"), token=token).get_json()

    assert (told["duplicate"], told["brackets"]) == (False, [held])
    service.until_state(held, "CLOSED")


def test_one_id_for_the_exits_of_both_sides_holds_neither_back(service: Served) -> None:
    token = service.a_webhook(settings=SETTINGS)
    held = a_long(service, 10, token=token)
    send(service, an_exit(service, action="closeshort", signal_id="same"), token=token)

    told = send(service, an_exit(service, action="closelong", signal_id="same"), token=token).get_json()

    assert (told["duplicate"], told["brackets"]) == (False, [held])


def test_an_exit_that_found_nothing_and_says_no_time_is_no_claim(service: Served) -> None:
    token = service.a_webhook(settings=SETTINGS)
    send(service, "close SBIN", token=token)
    held = a_long(service, 10, token=token)

    told = send(service, "close SBIN", token=token).get_json()

    assert (told["duplicate"], told["brackets"]) == (False, [held])


def test_an_equal_exit_without_a_time_is_another_one_after_a_minute(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = service.a_webhook(settings=SETTINGS)
    first = a_long(service, 10, token=token)
    send(service, "close SBIN", token=token)
    service.until_state(first, "CLOSED")
    second = a_long(service, 11, token=token)
    later = service.desk.clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(service.desk.clock, "now", lambda: later)

    told = send(service, "close SBIN", token=token).get_json()

    assert (told["duplicate"], told["brackets"]) == (False, [second])


def test_an_exit_that_was_claimed_and_not_carried_out_is_carried_out_when_it_comes_again(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise BrokerUnavailable("no worker")

    token, signal = service.a_webhook(settings=SETTINGS), an_exit(service)
    held = a_long(service, 10, token=token)
    with monkeypatch.context() as broken:
        broken.setattr(service.desk.supervisor, "worker", unavailable)
        assert send(service, signal, token=token).status_code >= 500

    told = send(service, signal, token=token).get_json()

    assert told["brackets"] == [held]
    service.until_state(held, "CLOSED")
