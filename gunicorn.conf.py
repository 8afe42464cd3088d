"""How gunicorn serves: one process, a thread for each live socket and 32 for requests.

One worker and no more: the account workers, the rate limits and the live updates are in its memory.
"""

import signal
from types import FrameType
from typing import Any

from utils.config import Config

_config = Config.from_env()

bind = f"127.0.0.1:{_config.port}"
workers = 1
worker_class = "gthread"
threads = _config.max_sockets + 32
timeout = 60
graceful_timeout = 3  # an entry's answer is awaited for 1.5 s; stops rest at the broker meanwhile
keepalive = 5
control_socket_disable = True
accesslog = None  # addresses hold webhook tokens


def post_worker_init(worker: Any) -> None:
    """Refuse new entries from the moment the worker is told to go."""
    background = worker.wsgi.extensions["openbracket_background"]
    go_on = signal.getsignal(signal.SIGTERM)

    def refuse_then_go_on(number: int, frame: FrameType | None) -> None:
        background.refuse_entries()
        if callable(go_on):
            go_on(number, frame)

    signal.signal(signal.SIGTERM, refuse_then_go_on)


def worker_exit(server: Any, worker: Any) -> None:
    """Stop the threads before the process ends."""
    if worker.wsgi is not None:
        worker.wsgi.extensions["openbracket_background"].stop()
