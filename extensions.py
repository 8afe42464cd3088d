"""Objects that routes need before there is an app; `create_app` binds them."""

from flask_socketio import SocketIO
from redis.backoff import NoBackoff
from redis.retry import Retry
from socketio import Manager, RedisManager  # type: ignore[import-untyped]  # it has no stubs

# cors_allowed_origins stays at its default, the same origin; an empty list would turn the check off.
# A message queue goes to init_app only: given here, handlers of a factory's app never answer.
socketio = SocketIO(async_mode="threading", ping_interval=25, ping_timeout=60)


def live_updates(redis_url: str | None) -> Manager:
    """Return what carries live updates: this process, or Redis to all of them.

    A Redis that is down is found out at once: the announcer must not wait for it, update by update. No
    time-out on reading, though: the listener waits for the next update as long as it takes.
    """
    if redis_url is None:
        return Manager()
    options = {"socket_connect_timeout": 1.0, "socket_keepalive": True, "retry": Retry(NoBackoff(), 0)}
    return RedisManager(redis_url, channel="flask-socketio", redis_options=options)
