"""What can go wrong on the way to Fyers, with bodies as Fyers has them."""

from dataclasses import replace

from simulator.wire_faults import EMPTY_BOOK, FAULTS, GARBLED, TOO_MANY, Fault

_SENT_ON = b'{"s":"ok","code":201,"message":"Request sent, no acknowledgement received","id":""}'
_BUSY = b'{"s":"error","code":-429,"message":"request limit reached"}'
_HALF = b'{"s":"ok","code":1101,"message":"Successfully placed order","id":"26'

# Sent on, and nobody answered for it: it may have arrived, or not.
UNACKNOWLEDGED = Fault(name="201 after acceptance", answers_instead=(200, _SENT_ON))
UNACKNOWLEDGED_AND_LOST = Fault(name="201 before acceptance", answers_itself=(200, _SENT_ON))

FYERS_FAULTS = FAULTS | {
    fault.name: fault
    for fault in (
        UNACKNOWLEDGED,
        UNACKNOWLEDGED_AND_LOST,
        replace(TOO_MANY, answers_itself=(429, _BUSY)),
        replace(GARBLED, answers_instead=(200, _HALF)),
        replace(EMPTY_BOOK, answers_itself=(200, b'{"s":"ok","code":200,"message":"","orderBook":[]}')),
    )
}
