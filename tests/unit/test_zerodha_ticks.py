"""Kite's binary frames: what each packet says, and what is not believed."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.zerodha.ticks import Tick, ticks

SBIN = 779521  # its last byte is 1: NSE
USDINR = 256 * 400 + 3  # NSE's currency derivatives
BSE_CURRENCY = 256 * 400 + 6
NIFTY = 256265  # its last byte is 9: an index


def packet(number: int, last: int, *, length: int, depth: dict[int, tuple[int, int]] | None = None) -> bytes:
    """Return a packet; depth is level -> (quantity, price), 0 to 4 the buyers, 5 to 9 the sellers."""
    body = bytearray(length)
    struct.pack_into(">Ii", body, 0, number, last)
    for level, (quantity, price) in (depth or {}).items():
        struct.pack_into(">iiH", body, 64 + 12 * level, quantity, price, 1)
    return bytes(body)


def frame(*packets: bytes) -> bytes:
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(one)) + one for one in packets)


def test_a_full_packet_has_the_last_price_and_the_best_of_both_sides() -> None:
    full = packet(SBIN, 80255, length=184, depth={0: (10, 80250), 1: (99, 80245), 5: (7, 80260)})

    assert ticks(frame(full)) == (
        Tick(number=SBIN, last=Decimal("802.55"), bid=Decimal("802.50"), ask=Decimal("802.60")),
    )


@pytest.mark.parametrize("length", [8, 28, 32, 44])
def test_every_other_packet_has_the_last_price_alone(length: int) -> None:
    assert ticks(frame(packet(SBIN, 80255, length=length))) == (Tick(number=SBIN, last=Decimal("802.55")),)


def test_an_empty_side_of_the_depth_is_no_price_of_zero() -> None:
    (tick,) = ticks(frame(packet(SBIN, 80255, length=184, depth={0: (10, 80250)})))

    assert (tick.bid, tick.ask) == (Decimal("802.50"), None)


@pytest.mark.parametrize(
    ("number", "value", "price"),
    [
        (USDINR, 834525000, "83.4525"),
        (BSE_CURRENCY, 834525, "83.4525"),
        (NIFTY, 2456735, "24567.35"),
        (SBIN, -3763, "-37.63"),  # contracts have traded below zero
    ],
)
def test_the_segment_in_the_number_says_how_many_decimals(number: int, value: int, price: str) -> None:
    assert ticks(frame(packet(number, value, length=8)))[0].last == Decimal(price)


def test_a_frame_holds_packets_of_different_lengths() -> None:
    found = ticks(
        frame(packet(SBIN, 1, length=184), packet(NIFTY, 2, length=32), packet(USDINR, 3, length=8))
    )

    assert [tick.number for tick in found] == [SBIN, NIFTY, USDINR]


@pytest.mark.parametrize("heartbeat", [b"\x00", b"", b"\x00\x00"])
def test_a_heartbeat_tells_no_price(heartbeat: bytes) -> None:
    assert ticks(heartbeat) == ()


GOOD = frame(packet(SBIN, 80255, length=184), packet(NIFTY, 2, length=8))


@pytest.mark.parametrize("length", range(2, len(GOOD)))
def test_a_frame_that_breaks_off_anywhere_is_not_believed_at_all(length: int) -> None:
    with pytest.raises(ValueError, match=r"break|bytes"):
        ticks(GOOD[:length])


@pytest.mark.parametrize("bad", [GOOD + b"x", frame(packet(SBIN, 1, length=12)), frame(b"")])
def test_a_frame_of_another_shape_is_not_believed(bad: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        ticks(bad)


@given(st.binary(max_size=400))
def test_no_bytes_at_all_do_more_than_raise_value_error(content: bytes) -> None:
    try:
        found = ticks(content)
    except ValueError:
        return
    assert all(tick.last.is_finite() for tick in found)
