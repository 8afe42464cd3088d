"""How long the books may go unread."""

import pytest

from services.cadence import is_covered


@pytest.mark.parametrize(
    ("pushes_orders", "is_streamed", "wants_gtts", "covered"),
    [
        (True, False, True, True),  # the paper market tells of its GTTs too
        (False, True, False, True),
        (False, True, True, False),  # a stream says nothing of a GTT that somebody deleted
        (False, False, False, False),
    ],
)
def test_a_stream_covers_orders_and_no_gtts(
    pushes_orders: bool, is_streamed: bool, wants_gtts: bool, covered: bool
) -> None:
    told = is_covered(pushes_orders=pushes_orders, is_streamed=is_streamed, wants_gtts=wants_gtts)

    assert told is covered
