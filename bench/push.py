"""An order's postback, as Kite sends it."""

import asyncio
import hashlib
from typing import Any
from urllib.parse import urlsplit

import msgspec

_ANSWER_SECONDS = 5.0


def push_body(row: dict[str, Any], *, api_secret: str) -> bytes:
    """Return the JSON of a postback of one order row, with Kite's checksum."""
    proof = f"{row['order_id']}{row['order_timestamp']}{api_secret}"
    return msgspec.json.encode(row | {"checksum": hashlib.sha256(proof.encode()).hexdigest()})


async def send_push(url: str, body: bytes) -> str:
    """Post it once over a connection of its own and return the status line of the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await asyncio.wait_for(reader.read(), _ANSWER_SECONDS)
    writer.close()
    return answer.partition(b"\r\n")[0].decode()
