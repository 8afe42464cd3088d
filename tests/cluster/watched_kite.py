"""The simulated Kite with a door for each process, which notes who asked for what, and when.

Run as a module with DOORS=n and JOURNAL=file: n more ports serve the same exchange. Prints the main address,
as the simulator does; the doors' ports are the journal's first line.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from simulator.kite import __main__ as kite
from simulator.kite.broker import SimulatedKite
from simulator.kite.limits import Limits
from simulator.kite.routes import Router
from simulator.kite.server import KiteServer
from simulator.kite.sockets import TickerHub
from simulator.wire.calls import Call, Reply
from simulator.wire.process import Program, Venue, run
from simulator.wire_faults import Fault, FaultPlan


class Journal:
    """One line for each act that came through a door, written before its answer goes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def write(self, row: object) -> None:
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")


class Door:
    """A port of its own to the exchange, for one process."""

    def __init__(
        self, number: int, venue: Venue, broker: SimulatedKite, *, journal: Journal, limits: Limits
    ) -> None:
        router = Router(broker.desk, limits)
        self.server = KiteServer(0, self._noting(number, router.answer, journal), plan=broker.desk.plan)
        self.server.sockets, self.server.refusing = TickerHub(broker.desk).admit, router.refused

    def start(self) -> None:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _noting(
        self, number: int, answer: Callable[[Call], Reply], journal: Journal
    ) -> Callable[[Call], Reply]:
        def noted(call: Call) -> Reply:
            came = time.time()
            reply = answer(call)
            if call.method != "GET" and not call.is_own:
                journal.write(_row(number, call, reply, came=came))
            return reply

        return noted


def _note_lost_answers(plan: FaultPlan, journal: Journal) -> None:
    drawn = plan.fault_for

    def noted(method: str, path: str, *, body: str, client: str) -> Fault:
        fault = drawn(method, path, body=body, client=client)
        if fault.closes_after or fault.wait_after:
            api_key = client.partition(" ")[2].partition(":")[0]
            journal.write({"lost": fault.name, "at": time.time(), "api_key": api_key})
        return fault

    plan.fault_for = noted  # type: ignore[method-assign]  # the doors share this one plan


def _row(door: int, call: Call, reply: Reply, *, came: float) -> dict[str, object]:
    told = msgspec.json.decode(reply.body).get("data") if reply.status == 200 else None
    order_id = told.get("order_id") if isinstance(told, dict) else None
    return {
        "door": door,
        "came": came,
        "done": time.time(),
        "method": call.method,
        "path": call.path,
        "api_key": call.authorization.partition(" ")[2].partition(":")[0],
        "status": reply.status,
        "order_id": order_id,
        "tag": call.form.get("tag"),
        "quantity": call.form.get("quantity"),
    }


def _built(venue: Venue) -> SimulatedKite:
    broker = SimulatedKite(
        venue.exchange, venue.clock, listings=venue.listings, apps=venue.apps, port=venue.port
    )
    journal = Journal(Path(os.environ["JOURNAL"]))
    limits = Limits(venue.clock)  # one count for an account, whoever asks
    doors = [
        Door(number, venue, broker, journal=journal, limits=limits)
        for number in range(int(os.environ["DOORS"]))
    ]
    _note_lost_answers(broker.desk.plan, journal)
    for door in doors:
        door.start()
    journal.write({"ports": [door.server.server_port for door in doors]})
    return broker


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)  # postbacks that a dead process did not take are no news here
    sys.exit(
        run(
            Program(
                name="watched_kite",
                description=kite.__doc__ or "",
                usual_app="SIM001:simkey:simsecret:simtoken",
                build=_built,
            )
        )
    )
