"""A worker as storms run it: `python -m tests.cluster.storm_worker`.

It notes when each call to the broker is begun (BEGUN names the file), tells the database whose connections
these are (SLOT), stops itself at the points of the order path that its standard input names, and lacks the
parts of the fence that WITHOUT names: only without them can a storm show that they keep orders single.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import worker
from broker.base import BrokerAccount
from database import bracket_db, postgres
from services import wire
from services.bracket.events import ChangeIntended
from services.ownership import ShardHold
from services.wire import Command
from utils.checkpoint import arm


def _without_epoch() -> None:
    """Store whatever the shard's epoch is by now."""
    setattr(bracket_db, "hold_off_takers", lambda *_: None)  # noqa: B010  # the fence, taken out by hand


def _without_hold() -> None:
    """Begin an act whether or not the lease still holds."""
    setattr(ShardHold, "is_held", lambda _: True)  # noqa: B010  # the same


def _without_age() -> None:
    """Send an intention however old it is."""
    setattr(wire, "FENCE", timedelta(days=1))  # noqa: B010  # the same


PARTS: dict[str, Callable[[], None]] = {
    "epoch": _without_epoch,
    "hold": _without_hold,
    "age": _without_age,
}


def begun_row(command: Command, *, at: float) -> dict[str, object]:
    """Return the note of a call: a placing is known by its tag, a change by its order."""
    is_change = isinstance(command.intention, ChangeIntended)
    return {"at": at, "of": command.leg.broker_order_id if is_change else command.leg.tag}


def _noting(call: Callable[[BrokerAccount, Command], str], path: Path) -> Callable[..., str]:
    lock = threading.Lock()

    def noted(broker: BrokerAccount, command: Command) -> str:
        row = begun_row(command, at=time.time())  # before the file is waited for: a freeze may come there
        with lock, path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        return call(broker, command)

    return noted


def _obey() -> None:
    for line in sys.stdin:
        arm(line.strip() or None)


def main() -> None:
    """Work, as `python -m worker` does."""
    for part in filter(None, os.environ.get("WITHOUT", "").split(",")):
        PARTS[part]()
    setattr(wire, "_call", _noting(wire._call, Path(os.environ["BEGUN"])))  # noqa: B010  # no seam of its own
    postgres._CONNECT["application_name"] = f"{postgres.APPLICATION} {os.environ['SLOT']}"
    threading.Thread(target=_obey, daemon=True).start()
    worker.main()


if __name__ == "__main__":
    main()
