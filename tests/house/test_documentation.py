"""What the documentation shows as code works."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.webhook_messages import signed_headers
from utils.clock import SystemClock

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's own example


@pytest.fixture
def verify() -> Any:
    shown = re.findall(r"```python\n(.*?)```", (DOCS / "outbound-webhooks.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(shown[0], "outbound-webhooks.md", "exec"), names)  # noqa: S102  # our own page
    return names["verify"]


def test_the_verification_example_takes_what_we_sign(verify: Any) -> None:
    body = '{"type":"bracket_order.completed"}'
    headers = signed_headers(SECRET, body, message_id="msg_1", at=SystemClock().now())

    verify(SECRET, headers, body.encode())


@pytest.mark.parametrize("change", ["body", "id", "signature", "time"])
def test_the_verification_example_refuses_what_was_changed(verify: Any, change: str) -> None:
    now = SystemClock().now()
    at = now - timedelta(minutes=6) if change == "time" else now
    headers = signed_headers(SECRET, "{}", message_id="msg_1", at=at)
    headers |= {"webhook-id": "msg_2"} if change == "id" else {}
    headers |= {"webhook-signature": "v1,AAAA v2,BBBB"} if change == "signature" else {}

    with pytest.raises(ValueError, match=r"too old|wrong signature"):
        verify(SECRET, headers, b"{ }" if change == "body" else b"{}")


def test_the_signature_is_the_specifications() -> None:
    # Id, time, body, secret and signature as the specification's reference libraries test them.
    headers = signed_headers(
        SECRET,
        '{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, tz=UTC),
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
