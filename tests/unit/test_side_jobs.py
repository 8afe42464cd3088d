"""What one process does for all runs while it is that process, and no longer."""

import threading

from services.side_jobs import SideJobs
from services.threads import start_thread
from tests.serving import until


def test_works_run_while_they_are_ours_and_again_when_they_are_ours_again() -> None:
    ours, running, begun = threading.Event(), threading.Event(), []

    def work(stop: threading.Event) -> None:
        begun.append(stop)
        running.set()
        stop.wait()
        running.clear()

    def is_quiet() -> bool:
        return not running.is_set()

    stop = threading.Event()
    thread = start_thread("side-jobs", SideJobs({"work": work}, is_ours=ours.is_set).run, stop)
    seen = [running.is_set()]
    for is_ours in (True, False, True):
        ours.set() if is_ours else ours.clear()
        until(running.is_set if is_ours else is_quiet, what=f"running: {is_ours}")
        seen.append(running.is_set())
    stop.set()
    thread.join(timeout=5)

    assert seen == [False, True, False, True]
    assert (len(begun), running.is_set(), thread.is_alive()) == (2, False, False)
