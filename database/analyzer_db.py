"""The log of calls in analyzer mode, where nothing reaches a broker."""

from collections.abc import Mapping

from database.call_log import CallLog, CallLogRow
from database.session import Database
from utils.clock import Clock


class AnalyzerLogRow(CallLogRow):
    """One call in analyzer mode."""

    __tablename__ = "analyzer_logs"


class AnalyzerLog(CallLog):
    """Takes calls in analyzer mode for the log."""

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db, clock, table=AnalyzerLogRow)


def async_log_analyzer(
    log: AnalyzerLog, request: Mapping[str, object], response: Mapping[str, object], api_type: str
) -> None:
    """Take one call for the log and return at once; secrets are struck out.

    The order of the arguments is the original's.
    """
    log.take(api_type, request=request, response=response)
