"""The log of API calls: what was asked and answered."""

from collections.abc import Mapping

from database.call_log import CallLog, CallLogRow
from database.session import Database
from utils.clock import Clock


class OrderLogRow(CallLogRow):
    """One call of the API."""

    __tablename__ = "order_logs"


class OrderLog(CallLog):
    """Takes calls of the API for the log."""

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db, clock, table=OrderLogRow)


def async_log_order(
    log: OrderLog, api_type: str, request: Mapping[str, object], response: Mapping[str, object]
) -> None:
    """Take one call for the log and return at once; secrets are struck out."""
    log.take(api_type, request=request, response=response)
