"""The worker's connections in virtual time: three shared, one for exits, one that reads."""

from collections import deque
from collections.abc import Callable

from services.lanes import SHARED_CONNECTIONS
from worlds.agenda import Agenda

Call = Callable[[], None]
_HAND_OVER = 0.0005  # seconds until a thread takes up its call


class _Pool:
    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0
        self.queue: deque[Call] = deque()


class VirtualLanes:
    """Satisfies Connections; a lane is a place in a pool of greenlets."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._shared = _Pool(SHARED_CONNECTIONS)
        self._reserved = _Pool(1)
        self._reading = _Pool(1)
        self._is_alive = True

    def write(self, call: Call, *, urgent: bool) -> None:
        busy = self._shared.running + len(self._shared.queue)
        use_reserved = urgent and busy >= SHARED_CONNECTIONS
        self._submit(self._reserved if use_reserved else self._shared, call)

    def read(self, call: Call) -> None:
        self._submit(self._reading, call)

    def close(self) -> None:
        """Let nothing come back any more; what was sent is on its way all the same."""
        self._is_alive = False

    def is_alive(self) -> bool:
        return self._is_alive

    @property
    def is_idle(self) -> bool:
        return not any(pool.running or pool.queue for pool in (self._shared, self._reserved, self._reading))

    def _submit(self, pool: _Pool, call: Call) -> None:
        pool.queue.append(call)
        self._start(pool)

    def _start(self, pool: _Pool) -> None:
        while pool.queue and pool.running < pool.size:
            pool.running += 1
            call = pool.queue.popleft()
            self._agenda.spawn(self._counted(pool, call), is_alive=self.is_alive, seconds=_HAND_OVER)

    def _counted(self, pool: _Pool, call: Call) -> Call:
        def run() -> None:
            call()
            pool.running -= 1
            self._start(pool)

        return run
