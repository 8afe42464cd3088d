"""No planted secret leaves through the log, whichever way it got in."""

import io
import json
import logging
from collections.abc import Iterator
from time import thread_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from utils import log
from utils.log import STRUCK_OUT, log_context, redact, redact_text, set_up_logging

KEY = "bk_AbCd1234_" + "s3cretKeyPart" * 3 + "XYZ9"
WEBHOOK = "wh_AbCd1234_" + "s3cretHookPart" * 3 + "Z"
BOT = "123456789:AAH" + "b0tTokenPart" * 2 + "12345678"
KITE = "kitekey12345:kiteaccess6789"
JWT = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logging(level="DEBUG", secrets=["the-pepper-of-this-service"], stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"refused {KEY} from 1.2.3.4", "s3cretKeyPart"),
        (f"refused {WEBHOOK}", "s3cretHookPart"),
        ("POST /tradingview/webhook/bracket/any-Other.token~1 200", "any-Other"),
        (f"GET https://api.telegram.org/bot{BOT}/getMe", "b0tTokenPart"),
        (f"Authorization: token {KITE}", "kiteaccess6789"),
        (f"sent token {KITE} to the broker", "kiteaccess6789"),
        (f"'Authorization': 'Bearer {JWT}'", "c2lnbmF0dXJl"),
        (f"access {JWT} given", "c2lnbmF0dXJl"),
        ('{"apikey": "plain-key-1", "symbol": "SBIN"}', "plain-key-1"),
        ('{\\"api_key\\": \\"plain-key-1\\"}', "plain-key-1"),
        ('{\\\\"api_key\\\\": \\\\"plain-key-1\\\\"}', "plain-key-1"),
        ("apikey=plain-key-1&symbol=SBIN", "plain-key-1"),
        ("access_token='abc\\'def ghi'", "ghi"),
        ("Password: hunter2!", "hunter2"),
        ("totp=123456", "123456"),
        ("x-totp-seed: JBSWY3DP", "JBSWY3DP"),
        ("Cookie: session=abc1; remember=def2", "def2"),
        ("{'Set-Cookie': 'session=abc1; Path=/'}", "abc1"),
        ("API_SECRET = 's3'", "s3"),
        ("Failed to parse headers (url=https://a.example/login?dhanClientId=1&pin=4711&x=1)", "4711"),
        ("postgresql+psycopg://bob:hunter2@db/name", "hunter2"),
        ("POST /postback/dhan/pb_01ACC_" + "ab12" * 16, "ab12ab12"),
        ("GET /zerodha/login?ticket=lg_01ACC_" + "aB-_" * 11, "aB-_aB-_"),
        ("GET /zerodha/callback?request_token=s3cr3t&status=success", "s3cr3t"),
    ],
)
def test_a_secret_in_a_line_is_struck_out(line: str, secret: str) -> None:
    assert secret in line

    assert secret not in redact_text(line)
    assert STRUCK_OUT in redact_text(line)


@pytest.mark.parametrize(
    "line",
    [
        "bracket 01JD protected: stop 490.00 for 100 SBIN",
        "HTTP 200 for POST /api/v1/placebracketorder/",
        "order 240000000123456:1 filled at 09:15:00",
        "https://api.kite.trade/orders/regular",
    ],
)
def test_an_innocent_line_stays_as_it_is(line: str) -> None:
    assert redact_text(line) == line


def test_the_id_of_a_key_stays_readable() -> None:
    assert redact_text(f"key {KEY} is revoked") == f"key bk_AbCd1234_{STRUCK_OUT} is revoked"


def test_data_is_struck_out_by_key_name_at_any_depth() -> None:
    data = {"apikey": "a", "order": [{"Access-Token": 5, "symbol": "SBIN"}], "note": f"see {KEY}", "n": 1}

    assert redact(data) == {
        "apikey": STRUCK_OUT,
        "order": [{"Access-Token": STRUCK_OUT, "symbol": "SBIN"}],
        "note": f"see bk_AbCd1234_{STRUCK_OUT}",
        "n": 1,
    }


def test_secrets_in_arguments_and_tracebacks_are_struck_out(logged: io.StringIO) -> None:
    logger = logging.getLogger("test")

    logger.info("body %s key %s", {"apikey": "plain-key-1"}, KEY)
    try:
        try:
            raise ValueError(f"bad token for {BOT}")
        except ValueError as exc:
            raise KeyError("password=hunter2!") from exc
    except KeyError:
        logger.exception("login failed")

    text = logged.getvalue()
    planted = ("plain-key-1", "s3cretKeyPart", "b0tTokenPart", "hunter2!")
    assert "Traceback" in text
    assert [secret for secret in planted if secret in text] == []


def test_secrets_in_json_lines_are_struck_out(logged: io.StringIO) -> None:
    set_up_logging(level="DEBUG", as_json=True, stream=logged)

    body = json.dumps({"password": 'hun"ter2'})
    with log_context(bracket_id="01JD", request_id=KEY):
        try:
            raise ValueError(body)
        except ValueError:
            logging.getLogger("test").exception('got {"totp": "123456"}')

    line = json.loads(logged.getvalue())
    assert line["bracket_id"] == "01JD"
    assert line["level"] == "ERROR"
    assert "ValueError" in line["exception"]
    assert [s for s in ("123456", "ter2", "s3cretKeyPart") if s in logged.getvalue()] == []


def test_a_known_secret_of_any_shape_is_struck_out_by_value(logged: io.StringIO) -> None:
    logging.getLogger("test").warning("digest of the-pepper-of-this-service differs")

    assert "the-pepper-of-this-service" not in logged.getvalue()


def test_every_line_inside_a_context_names_what_it_is_about(logged: io.StringIO) -> None:
    logger = logging.getLogger("test")

    with log_context(account_id="acc1"):
        with log_context(bracket_id="01JD", request_id=None):
            logger.info("inside")
        logger.info("between")
    logger.info("outside")

    endings = [line.split(" test ")[1] for line in logged.getvalue().splitlines()]
    assert endings == ["inside account_id=acc1 bracket_id=01JD", "between account_id=acc1", "outside"]


@pytest.mark.parametrize("unit", ["a-", "token", "token=", '"', "bk_", "1:", "eyJ.", "cookie: "])
def test_a_hostile_text_is_redacted_in_time(unit: str) -> None:
    text = unit * (65_536 // len(unit))
    started = thread_time()  # of this thread's own: the machine may be busy

    redact_text(text)

    assert thread_time() - started < 2.0


_PIECES = st.sampled_from(
    (
        *log._MARKS,
        *log._NAMES,
        "Bearer ",
        "token ",
        "\u017fecret",
        "\u212aey",
        "eyJ",
        "?pin=",
        "://",
        "@",
        ".",
        '"',
        " ",
    )
)


@given(st.from_regex(log._PLAIN, fullmatch=True))
def test_what_is_let_through_unsearched_has_nothing_that_a_search_would_find(text: str) -> None:
    assert searched(text) == text


@settings(deadline=None)  # the search of a hostile text takes its time
@given(st.lists(_PIECES | st.from_regex(r"[0-9A-Za-z]{1,40}", fullmatch=True), max_size=8).map("".join))
@example("Bearer abc.def")
@example("eyJhbGciOi.eyJzdWIi.c2lnbmF0")
@example("/webhook/bracket/abcdef")
@example("bk_01234567_" + "a" * 20)
@example("a cookie: sid")
@example("?pin=1234")
@example("\u017fecret=x")
@example("\u212aey: x")
def test_a_search_for_marks_first_changes_nothing(text: str) -> None:
    assert redact_text(text) == searched(text)


def searched(text: str) -> str:
    """Return what all patterns make of a text, whatever it has in it."""
    for shape in log._SHAPED_SECRETS:
        text = shape.sub(log._strike_out, text)
    return log._NAMED_SECRET.sub(rf"\g<name>{log.STRUCK_OUT}", text)
