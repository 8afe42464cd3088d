"""What a safety report looks like in an answer."""

from dataclasses import asdict

from services.announcements import utc_milliseconds
from services.broker_latency import BrokerLatency
from services.safety_report import NakedTime, SafetyReport

Shape = dict[str, object]


def safety_shape(report: SafetyReport) -> Shape:
    """Return the report as JSON values; seconds to the millisecond."""
    return {
        "since": utc_milliseconds(report.since),
        "until": utc_milliseconds(report.until),
        "brackets": {"placed": report.placed, "open": report.open, "states": dict(report.states)},
        "naked": _naked(report),
        "emergency_exits": _counted(report.emergency_exits),
        "unwinds": _counted(report.unwinds),
        "zombies": _counted(report.zombies),
        "unknown_outcomes": report.unknown_outcomes,
        "alarms": dict(report.alarms),
        "unresolved": [{"bracket_id": one.bracket_id, "why": list(one.why)} for one in report.unresolved],
        "brokers": [_broker(one) for one in report.brokers],
    }


def _naked(report: SafetyReport) -> Shape:
    return {
        **_time(report.naked_total),
        "by_cause": [{"cause": cause, **_time(one)} for cause, one in sorted(report.naked.items())],
        "now": [asdict(one) | {"seconds": round(one.seconds, 3)} for one in report.naked_now],
    }


def _time(naked: NakedTime) -> Shape:
    return {
        "spells": naked.spells,
        "seconds": round(naked.seconds, 3),
        "longest_seconds": round(naked.longest, 3),
    }


def _counted(bracket_ids: list[str]) -> Shape:
    return {"count": len(bracket_ids), "bracket_ids": bracket_ids}


def _broker(one: BrokerLatency) -> Shape:
    return {
        "broker": one.broker,
        "acceptance_seconds": {name: round(value, 3) for name, value in asdict(one.acceptance).items()},
        "book_staleness_seconds": {name: round(value, 3) for name, value in asdict(one.staleness).items()},
        "quiescence_seconds": one.quiescence,
        "needed_quiescence_seconds": round(one.needed_quiescence, 3),
        "quiescence_is_enough": one.quiescence_is_enough,
    }
