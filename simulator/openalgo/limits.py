"""An OpenAlgo server's limits: it counts by address; here by key, for all tests come from one."""

from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock

ORDERS = frozenset(
    f"/api/v1/{name}"
    for name in (
        "placeorder",
        "modifyorder",
        "placegttorder",
        "modifygttorder",
        "cancelgttorder",
        "cancelorder",
    )
)


class Limits(SlidingLimits):
    """Ten calls a second to each endpoint of orders, fifty to each other one."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, lambda _method, path: (path, (Window(10 if path in ORDERS else 50, 1),)))
