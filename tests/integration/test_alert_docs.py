"""The examples of docs/alerts.md, pasted as they stand there."""

import re
from pathlib import Path

import pytest

from database.webhook_settings import WebhookSettings
from services.alerts.recogniser import JSON_DIALECTS, TEXT_DIALECTS
from tests.serving import Served

PAGE = Path("docs/alerts.md").read_text()
EXAMPLES = re.findall(r"### (\S+)\n\n```(?:json|text)\n(.*?)```", PAGE, re.DOTALL)
DEFAULTS = dict(re.findall(r"--default (\w+)=(\S+)", PAGE.split("```sh")[1].split("```")[0]))


def test_every_dialect_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == {one.name for one in (*JSON_DIALECTS, *TEXT_DIALECTS)}
    assert DEFAULTS == {"exchange": "NSE", "product": "MIS", "sl_percent": "1", "target_percent": "2"}


@pytest.mark.parametrize(("dialect", "text"), EXAMPLES)
def test_an_example_is_what_the_page_says_it_is(service: Served, dialect: str, text: str) -> None:
    token = service.a_webhook(require_timenow=True, settings=WebhookSettings(defaults=DEFAULTS))
    now = service.desk.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    message = text.replace("{{timenow}}", now)

    told = service.post("alerttest", {"message": message, "webhook": token[3:11]}).get_json()

    assert (told["accepted"], told["dialect"]) == (True, dialect), told
    plan = told["plan"]
    assert (plan["symbol"], plan["action"], plan["quantity"], plan["pricetype"]) == (
        "SBIN",
        "BUY",
        10,
        "MARKET",
    )
    assert (plan["stop"], plan["targets"][0]["percent"]) == ({"percent": "1.00"}, "2.00")
