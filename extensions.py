"""Objects that routes need before there is an app; `create_app` binds them."""

from flask_socketio import SocketIO

# cors_allowed_origins stays at its default, the same origin; an empty list would turn the check off.
# A message queue goes to init_app only: given here, handlers of a factory's app never answer.
socketio = SocketIO(async_mode="threading", ping_interval=25, ping_timeout=60)
