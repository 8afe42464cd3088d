"""Telegram's Bot API over HTTP, as far as the service uses it, with the faults it really has.

The token's owner sends messages with `say`; what the bot sends is in `sent`. `faults` are answers given
instead of the next ones to sendMessage.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFak"
MY_CHAT = 4242

Json = dict[str, Any]


def too_many(seconds: int) -> Json:
    return _error(429, f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds})


def _error(code: int, description: str, **more: Any) -> Json:
    return {"ok": False, "error_code": code, "description": description, **more}


BLOCKED = _error(403, "Forbidden: bot was blocked by the user")
BAD_GATEWAY = _error(502, "Bad Gateway")
BAD_REQUEST = _error(400, "Bad Request: message is not modified")
UNAUTHORIZED = _error(401, "Unauthorized")
CONFLICT = _error(409, "Conflict: terminated by other getUpdates request")
HANG: Json = {"hang": True}


@dataclass
class FakeTelegram:
    """The server's memory."""

    root: str
    sent: list[Json] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: list[Json] = field(default_factory=list)
    update_faults: list[Json] = field(default_factory=list)
    always: Json | None = None  # what sendMessage answers while it is set
    repeats: bool = False  # whether updates come again although they were confirmed
    ending: threading.Event = field(default_factory=threading.Event)
    _updates: list[Json] = field(default_factory=list)
    _number: int = 1000
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def texts(self, chat_id: int = MY_CHAT) -> list[str]:
        """Return what a chat was told, oldest first."""
        return [one["text"] for one in list(self.sent) if int(one["chat_id"]) == chat_id]

    def say(
        self, text: str, *, at: float, chat_id: int = MY_CHAT, kind: str = "private", user: int | None = None
    ) -> int:
        """Let a chat say something to the bot; `at` is when, in Unix seconds. Returns the update's number."""
        self._number += 1
        sender = {"id": user or chat_id, "is_bot": False, "first_name": "Somebody"}
        message = {
            "message_id": self._number,
            "date": int(at),
            "chat": {"id": chat_id, "type": kind},
            "from": sender,
            "text": text,
        }
        with self._changed:
            self._updates.append({"update_id": self._number, "message": message})
            self._changed.notify_all()
        return self._number

    def answer(self, method: str, asked: Json) -> Json:
        self.calls.append(method)
        match method:
            case "getMe":
                bot = {"id": 1, "is_bot": True, "first_name": "Bracket", "username": "bracket_bot"}
                return {"ok": True, "result": bot}
            case "getUpdates":
                return self._get_updates(asked)
            case "sendMessage":
                return self._send(asked)
        return _error(404, "Not Found")

    def _send(self, asked: Json) -> Json:
        if self.always is not None:
            return self.always
        if self.faults:
            return self.faults.pop(0)
        self.sent.append(asked)
        chat = {"id": int(asked["chat_id"]), "type": "private"}
        return {"ok": True, "result": {"message_id": len(self.sent), "date": 1, "chat": chat}}

    def _get_updates(self, asked: Json) -> Json:
        if self.update_faults:
            return self.update_faults.pop(0)
        offset = int(asked.get("offset", 0))
        with self._changed:
            if not self._new(offset):
                self._changed.wait(min(float(asked.get("timeout", 0)), 0.2))
            return {"ok": True, "result": self._new(offset)}

    def _new(self, offset: int) -> list[Json]:
        return [one for one in self._updates if self.repeats or one["update_id"] >= offset]


@contextmanager
def a_fake_telegram() -> Iterator[FakeTelegram]:
    """Give Telegram on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    fake = FakeTelegram(root=f"http://127.0.0.1:{server.server_address[1]}")
    server.fake = fake  # type: ignore[attr-defined]  # for the handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="telegram")
    thread.start()
    try:
        yield fake
    finally:
        fake.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        fake: FakeTelegram = self.server.fake  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        token, _, method = self.path.removeprefix("/bot").partition("/")
        told = fake.answer(method, asked) if token == TOKEN else UNAUTHORIZED
        if told is HANG:
            fake.ending.wait(30)
            self.close_connection = True
            return
        answer = json.dumps(told).encode()
        with suppress(OSError):  # the bot left: it was stopped
            self.send_response(200 if told["ok"] else told["error_code"])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:  # the base class calls it so
        pass
