"""Accounts that cannot be worked cost the others nothing, and say so in words."""

from datetime import timedelta
from pathlib import Path

from services.bracket.model import Mode
from tests.serving import a_config, end, resting, serve


def test_an_account_without_a_usable_login_refuses_orders_in_a_sentence_and_no_others(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path))
    try:
        other = served.another_account("nologin", broker="zerodha")
        key = served.a_key(account=other)

        refused = served.post("placebracketorder", resting(), key=key)

        assert (refused.status_code, refused.get_json()["code"]) == (500, "broker_error")
        assert refused.get_json()["message"] == "account nologin has no usable broker login"
        assert served.place(**resting())["status"] == "success"
    finally:
        end(served)


def test_a_slow_broker_is_given_the_quiet_time_that_its_setting_says(tmp_path: Path) -> None:
    slow = timedelta(seconds=25)
    served = serve(a_config(tmp_path, broker_quiescence={"paper": slow}))
    try:
        placed = served.place(**resting(), dry_run=True)
        worker = served.desk.supervisor.start_worker(served.account.id, Mode.LIVE)

        assert worker.quiescence == slow
        assert "unprotected for 25 s" in str(placed["protection"]["warnings"])
    finally:
        end(served)
