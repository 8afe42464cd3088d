"""A process that works accounts and serves nobody: `python -m worker`. On PostgreSQL, any number of them."""

import signal
import socket
import threading
from dataclasses import replace

from flask import Flask

from app import StartupRefused, at_work
from blueprints.worker_port import bound, vitals_server
from database.session import StorageError, sqlite_file
from services.background import Background
from utils.config import Config

_ENDS = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Work accounts until told to go; then give them back, so that others have them at once."""
    config = replace(Config.from_env(), work_accounts=True)
    if sqlite_file(config.database_url) is not None:
        raise SystemExit("a worker of its own needs DATABASE_URL=postgresql+psycopg://...")
    # Before any thread starts: each of them inherits it, so that only this one hears the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    listening = _listening(config.worker_port)
    try:
        app = at_work(config)
    except (StartupRefused, StorageError) as exc:
        raise SystemExit(str(exc)) from exc
    background: Background = app.extensions["openbracket_background"]
    if listening is not None:
        _answer(app, listening)
    signal.sigwait(_ENDS)
    background.stop()


def _listening(port: int | None) -> socket.socket | None:
    try:
        return None if port is None else bound(port)
    except OSError as exc:
        raise SystemExit(f"WORKER_PORT {port} cannot be listened on: {exc.strerror}") from exc


def _answer(app: Flask, listening: socket.socket) -> None:
    # It answers to the very end, so that a scrape sees the worker go; nothing waits for it.
    server = vitals_server(app, listening)
    threading.Thread(target=server.serve_forever, name="worker-port", daemon=True).start()


if __name__ == "__main__":
    main()
