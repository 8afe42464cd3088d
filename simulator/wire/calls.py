"""One HTTP call and its answer, as the endpoints see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from simulator.wire.failures import Complaint, Trouble

JSON_TYPE = "application/json"
CSV_TYPE = "text/csv"
OWN = "/sim/"  # what a test steers a simulator by: no fault ever touches it

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A parsed request. `path_words` are the variable parts of the path, `user_id` who sent it."""

    method: str
    path: str
    authorization: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    form: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    path_words: Mapping[str, str] = field(default_factory=dict)
    user_id: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it steers the simulator and is no call of the broker's API."""
        return self.path.startswith(OWN)

    def query_values(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    def json(self, kind: Any) -> Any:
        """Return the body as a value of this kind. Raises Complaint for any other."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as exc:
            raise Complaint(Trouble.BAD_INPUT, str(exc)) from exc


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Sequence[tuple[str, str]] = ()


def encoded(data: object) -> bytes:
    """Return JSON, with prices as numbers."""
    return _encoder.encode(data)
