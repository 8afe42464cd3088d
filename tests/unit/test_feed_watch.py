"""Which symbols have gone without a price for too long, each for itself."""

from services.feed_watch import FeedWatch

SBIN, INFY = ("NSE", "SBIN"), ("NSE", "INFY")


def test_a_symbol_is_silent_after_five_seconds_without_a_quote() -> None:
    watch = FeedWatch()

    assert not watch.note([SBIN], 0.0)
    assert not watch.note([SBIN], 4.9)
    assert watch.note([SBIN], 5.0)
    assert watch.is_silent
    assert watch.note([], 6.0)
    assert not watch.is_silent


def test_a_second_silent_symbol_is_news_too_and_so_is_the_first_one_that_speaks_again() -> None:
    watch = FeedWatch()
    watch.note([SBIN], 0.0)
    watch.note([SBIN, INFY], 5.0)

    assert watch.note([SBIN, INFY], 10.0)
    assert watch.is_silent
    assert watch.note([INFY], 11.0)
    assert watch.is_silent
