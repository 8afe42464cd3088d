"""One HTTP call and its answer, as the endpoints see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

JSON_TYPE = "application/json"
CSV_TYPE = "text/csv"

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A parsed request. `path_words` are the variable parts of the path, `user_id` who sent it."""

    method: str
    path: str
    authorization: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    path_words: Mapping[str, str] = field(default_factory=dict)
    user_id: str = ""

    def query_values(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Sequence[tuple[str, str]] = ()


def success(data: object) -> Reply:
    """Return Kite's envelope around an answer."""
    return Reply(200, _encoder.encode({"status": "success", "data": data}))


def failure(status: int, error_type: str, message: str) -> Reply:
    """Return Kite's envelope around an error."""
    told = {"status": "error", "message": message, "error_type": error_type, "data": None}
    return Reply(status, _encoder.encode(told))
