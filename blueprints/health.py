"""Whether the process lives, and whether it can do its work."""

from flask import Blueprint, Response

from restx_api.callers import background, count_anybody, desk
from restx_api.envelope import failure, success
from services.readiness import faults, warnings

health_bp = Blueprint("health", __name__)
health_bp.before_request(count_anybody)  # being ready is asked of the database, and anybody may ask


@health_bp.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return success({"message": "alive"})


@health_bp.get("/readyz")
def readyz() -> Response:
    """Say whether brackets can be placed and watched; 503 with the reasons when not.

    A dead broker token or a bracket that cannot be decided is told but is no reason: a restart would
    not mend it, only stop the watch.
    """
    reasons = faults(desk(), is_stopping=background().is_stopping)
    if reasons:
        return failure(503, "not_ready", "; ".join(reasons), extra={"reasons": reasons})
    return success({"message": "ready", "warnings": warnings(desk())})
