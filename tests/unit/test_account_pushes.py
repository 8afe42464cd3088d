"""What an account's push stream leaves for its worker."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.account_messages import Message, PricesPushed, Pushed
from services.account_pushes import AccountPushes
from services.bracket.model import Quote

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SBIN, INFY = ("NSE", "SBIN"), ("NSE", "INFY")
SECOND = timedelta(seconds=1)


def a_quote(last: str, at: datetime = AT) -> Quote:
    return Quote(last=Decimal(last), at=at)


def pushes() -> tuple[AccountPushes, list[Message]]:
    news: list[Message] = []
    return AccountPushes(on_news=news.append), news


def test_prices_that_come_faster_than_they_are_taken_replace_each_other_under_one_notice() -> None:
    waiting, news = pushes()

    waiting.on_quotes({SBIN: a_quote("800")})
    waiting.on_quotes({SBIN: a_quote("801"), INFY: a_quote("1500")})

    assert news == [PricesPushed()]
    assert waiting.take_quotes() == {SBIN: a_quote("801"), INFY: a_quote("1500")}
    assert waiting.take_quotes() == {}


def test_a_price_after_the_taking_gives_notice_again() -> None:
    waiting, news = pushes()
    waiting.on_quotes({SBIN: a_quote("800")})
    waiting.take_quotes()

    waiting.on_quotes({SBIN: a_quote("801")})

    assert news == [PricesPushed(), PricesPushed()]


def test_a_pushed_price_is_fresh_for_a_while_and_never_over_a_gap_of_the_stream() -> None:
    waiting, _ = pushes()
    waiting.on_health(is_up=True)
    waiting.on_quotes({SBIN: a_quote("800")})

    at_once, later = (waiting.is_fresh(SBIN, AT + wait, SECOND) for wait in (SECOND, 2 * SECOND))
    waiting.on_health(is_up=False)
    after_a_gap = waiting.is_fresh(SBIN, AT, SECOND)

    assert (at_once, later, after_a_gap) == (True, False, False)
    assert not waiting.is_fresh(INFY, AT, SECOND)


def test_a_change_of_health_makes_the_worker_look_and_the_same_health_again_does_not() -> None:
    waiting, news = pushes()

    for is_up in (False, True, True, False, False):
        waiting.on_health(is_up=is_up)

    assert news == [Pushed(), Pushed()]
