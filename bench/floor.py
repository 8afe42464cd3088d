"""The floor app as a process, on the gunicorn settings of the service."""

from pathlib import Path

from bench.processes import Helper, worker_of
from scripts.service_process import free_port

# Those of gunicorn.conf.py, whose hooks need the service's own app.
_LIKE_THE_SERVICE = ["--worker-class", "gthread", "--workers", "1", "--threads", "132", "--keep-alive", "5"]


class FloorProcess:
    """The floor, serving."""

    def __init__(self, folder: Path, *, stub_url: str) -> None:
        self.port = free_port()
        database = folder / f"floor-{self.port}.db"  # one of its own: a run has several floors
        settings = {"FLOOR_DATABASE": str(database), "FLOOR_BROKER": stub_url}
        bind = ["--bind", f"127.0.0.1:{self.port}", "--config", "/dev/null", "--no-control-socket"]
        self._helper = Helper(
            ["gunicorn", *_LIKE_THE_SERVICE, *bind, "bench.floor_app:create_app()"],
            probe_url=f"http://127.0.0.1:{self.port}/",
            log_file=folder / "floor.log",
            settings=settings,
        )

    def __enter__(self) -> "FloorProcess":
        self._helper.wait_until_ready()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._helper.stop()

    @property
    def worker_pid(self) -> int:
        return worker_of(self._helper.pid)
