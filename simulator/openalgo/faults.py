"""What can go wrong on the way to an OpenAlgo server, and what it says wrongly itself.

A rule of the second kind names the method BOOK, and as its path the path of the endpoint.
"""

from dataclasses import replace

from simulator.wire_faults import EMPTY_BOOK, FAULTS, GARBLED, TOO_MANY, Fault

BOOK = "BOOK"

COMPLETE_TOO_SOON = Fault(name="complete while partly filled")
WRONG_WORD = Fault(name="the word of another row")  # it says "cancelled" of what lives
NO_AVERAGE = Fault(name="no average price")
NO_TRADED_QUANTITY = Fault(name="trades without quantity")
LATE_ROWS = Fault(name="order book lags")  # what is younger than some seconds is not listed

# A refusal of its broker's that came with a 200, and a failure of its own: both are 500.
_INTERNAL = b'{"status":"error","message":"Failed to place order due to internal error"}'
INTERNAL_BEFORE = Fault(name="internal error before acceptance", answers_itself=(500, _INTERNAL))
INTERNAL_AFTER = Fault(name="internal error after acceptance", answers_instead=(500, _INTERNAL))
_SEMI_AUTO = b'{"status":"success","mode":"semi_auto","message":"Order queued","pending_order_id":7}'
SEMI_AUTO = Fault(name="semi-auto", answers_itself=(200, _SEMI_AUTO))

_BUSY = b'{"status":"error","message":"Rate limit exceeded. Please try again later."}'
_HALF = b'{"status":"success","orderid":"26'
_NOTHING = b'{"status":"success","data":{"orders":[],"statistics":{}}}'

OPENALGO_FAULTS = FAULTS | {
    fault.name: fault
    for fault in (
        COMPLETE_TOO_SOON,
        WRONG_WORD,
        NO_AVERAGE,
        NO_TRADED_QUANTITY,
        LATE_ROWS,
        INTERNAL_BEFORE,
        INTERNAL_AFTER,
        SEMI_AUTO,
        replace(TOO_MANY, answers_itself=(429, _BUSY)),
        replace(GARBLED, answers_instead=(200, _HALF)),
        replace(EMPTY_BOOK, answers_itself=(200, _NOTHING)),
    )
}
