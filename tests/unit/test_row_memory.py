"""Rows of a book that did not change are not read again."""

import pytest

from broker.zerodha.row_memory import RowMemory
from services.bracket.model import OrderRow, OrderType, RowStatus, Side


def a_row(order_id: str) -> OrderRow:
    return OrderRow(
        broker_order_id=order_id,
        tag=None,
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=10,
        status=RowStatus.OPEN,
        filled=0,
    )


def test_a_row_with_the_same_bytes_is_the_same_object() -> None:
    memory, parsed = RowMemory(), []

    def parse(text: bytes) -> OrderRow:
        parsed.append(text)
        return a_row(text.decode())

    first = memory.rows([b"1", b"2"], parse)
    second = memory.rows([b"2", b"3"], parse)

    assert parsed == [b"1", b"2", b"3"]
    assert second[0] is first[1]
    assert [row.broker_order_id for row in second] == ["2", "3"]


def test_only_the_last_book_is_remembered() -> None:
    memory, parsed = RowMemory(), []

    def parse(text: bytes) -> OrderRow:
        parsed.append(text)
        return a_row(text.decode())

    for book in ([b"1"], [b"2"], [b"1"]):
        memory.rows(book, parse)

    assert parsed == [b"1", b"2", b"1"]


def test_a_broken_row_leaves_what_was_known() -> None:
    memory = RowMemory()
    (known,) = memory.rows([b"1"], lambda text: a_row(text.decode()))

    def fail(text: bytes) -> OrderRow:
        raise ValueError(text)

    with pytest.raises(ValueError, match="2"):
        memory.rows([b"1", b"2"], fail)

    assert memory.rows([b"1"], fail)[0] is known
