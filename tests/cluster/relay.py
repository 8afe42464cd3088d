"""Passes connections on: `python -m tests.cluster.relay ADDRESS PORT`. Prints its own port, ends when killed.

A process of its own: a busy test would slow down what goes through it.
"""

import socket
import sys
import threading
from contextlib import suppress


def main() -> None:
    """Listen on a free port of the address and join each connection to a port of loopback."""
    address, port = sys.argv[1], int(sys.argv[2])
    listening = socket.create_server((address, 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        near, _ = listening.accept()
        threading.Thread(target=_join, args=(near, port), daemon=True).start()


def _join(near: socket.socket, port: int) -> None:
    try:
        far = socket.create_connection(("127.0.0.1", port), timeout=5)
    except OSError:
        near.close()
        return
    far.settimeout(None)
    for one in (near, far):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=_pump, args=(near, far), daemon=True).start()
    _pump(far, near)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while heard := source.recv(65536):
            sink.sendall(heard)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


if __name__ == "__main__":
    main()
