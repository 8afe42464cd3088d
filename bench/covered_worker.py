"""A worker that looks as seldom as where a healthy push stream tells of all that happens.

The stub has no stream: ten thousand sockets are not what is measured. What a push would cost is not in the
figures, what it saves is.
"""

from functools import partial

import app
import worker
from services.cadence import Cadence

if __name__ == "__main__":
    usual = Cadence()
    rare = partial(Cadence, calm=usual.covered, price=usual.covered_price)
    setattr(app, "Cadence", rare)  # noqa: B010  # no setting can do this: without a stream it would be too seldom
    worker.main()
