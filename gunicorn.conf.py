"""How gunicorn serves: one process, a thread for each live socket and 32 for requests.

One worker and no more: the account workers, the rate limits and the live updates are in its memory.
"""

import signal
import threading
from types import FrameType
from typing import Any

from app import SPARE_THREADS, StartupRefused, require_current_schema
from blueprints.sockets import say_goodbye
from database.session import Database, StorageError
from extensions import socketio
from utils.config import Config

_config = Config.from_env()

bind = f"127.0.0.1:{_config.port}"
workers = 1
worker_class = "gthread"
threads = _config.max_sockets + SPARE_THREADS
timeout = 60
# After this the worker is killed. Requests take 3 s at most; a broker call that hangs may take 4, and then
# its answer is lost with us: the next start asks by its tag. In all the service is gone within 5 s.
graceful_timeout = 4
keepalive = 5
control_socket_disable = True
accesslog = None  # addresses hold webhook tokens


def on_starting(server: Any) -> None:
    """Refuse a database that was not migrated before any worker is started, in one sentence."""
    db = Database(_config.database_url)
    try:
        require_current_schema(db)
    except (StartupRefused, StorageError) as exc:
        raise SystemExit(str(exc)) from exc
    finally:
        db.close()


def post_worker_init(worker: Any) -> None:
    """Refuse new entries and let live clients go from the moment the worker is told to go."""
    background = worker.wsgi.extensions["openbracket_background"]
    go_on = signal.getsignal(signal.SIGTERM)

    def refuse_then_go_on(number: int, frame: FrameType | None) -> None:
        background.refuse_entries()
        # In a thread: it takes locks that the interrupted code may hold. Open sockets would keep the
        # worker waiting until it is killed, with its own threads in the middle of something.
        threading.Thread(target=say_goodbye, args=(socketio,), name="goodbye", daemon=True).start()
        if callable(go_on):
            go_on(number, frame)

    signal.signal(signal.SIGTERM, refuse_then_go_on)


def worker_exit(server: Any, worker: Any) -> None:
    """Stop the threads before the process ends."""
    app = getattr(worker, "wsgi", None)  # a worker that was refused its start has none
    if app is not None:
        app.extensions["openbracket_background"].stop()
