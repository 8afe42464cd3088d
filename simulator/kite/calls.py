"""Kite's envelope around answers and errors."""

from simulator.wire.calls import CSV_TYPE, JSON_TYPE, Call, Reply, encoded

__all__ = ["CSV_TYPE", "JSON_TYPE", "Call", "Reply", "failure", "success"]


def success(data: object) -> Reply:
    """Return Kite's envelope around an answer."""
    return Reply(200, encoded({"status": "success", "data": data}))


def failure(status: int, error_type: str, message: str) -> Reply:
    """Return Kite's envelope around an error."""
    told = {"status": "error", "message": message, "error_type": error_type, "data": None}
    return Reply(status, encoded(told))
