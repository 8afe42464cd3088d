"""Accounts that cannot be worked cost the others nothing, and say so in words."""

from pathlib import Path

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
