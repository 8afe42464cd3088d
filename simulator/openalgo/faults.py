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
LATE_GTTS = Fault(name="GTT list lags")  # as it was some seconds ago, what has fired since included
MISSING_GTTS = Fault(name="GTT list is empty")  # for a moment: they wait all the same
LATE_ROWS = Fault(name="order book lags")  # what is younger than some seconds is not listed

# A refusal of its broker's that came with a 200, and a failure of its own: both are 500.
_INTERNAL = b'{"status":"error","message":"Failed to place order due to internal error"}'
INTERNAL_BEFORE = Fault(name="internal error before acceptance", answers_itself=(500, _INTERNAL))
INTERNAL_AFTER = Fault(name="internal error after acceptance", answers_instead=(500, _INTERNAL))
_SEMI_AUTO = b'{"status":"success","mode":"semi_auto","message":"Order queued","pending_order_id":7}'
SEMI_AUTO = Fault(name="semi-auto", answers_itself=(200, _SEMI_AUTO))

# A server of before there were GTTs, and one at a broker whose it cannot use.
_NO_PATH = b'{"message":"The requested URL was not found on the server."}'
NO_GTTS = Fault(name="no GTT endpoints", answers_itself=(404, _NO_PATH))
_NOT_HERE = b'{"status":"error","message":"GTT orders are not supported for broker \'simulated\' yet"}'
NO_GTTS_HERE = Fault(name="no GTTs at its broker", answers_itself=(501, _NOT_HERE))

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
        LATE_GTTS,
        LATE_ROWS,
        MISSING_GTTS,
        NO_GTTS,
        NO_GTTS_HERE,
        INTERNAL_BEFORE,
        INTERNAL_AFTER,
        SEMI_AUTO,
        replace(TOO_MANY, answers_itself=(429, _BUSY)),
        replace(GARBLED, answers_instead=(200, _HALF)),
        replace(EMPTY_BOOK, answers_itself=(200, _NOTHING)),
    )
}
