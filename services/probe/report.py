"""What a probe found out about an account's broker, the file that keeps it, and what is claimed after it.

A finding takes away and never adds: what the adapter does not declare is not done, however well it went.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec

from services.bracket.model import BrokerCapabilities, Product, Topology
from services.bracket.terms import topology_of


class Check(StrEnum):
    """One thing that the matrix only assumes."""

    TAG = "the book shows the order's tag"
    SL_TO_LIMIT = "an SL order becomes a LIMIT"
    LIMIT_TO_SL = "a LIMIT order becomes an SL"
    TOTAL_QUANTITY = "a changed quantity is the total"
    GTT = "a GTT with two legs is taken, changed and deleted"


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "not found out"  # changes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came out for one product at one exchange, in words for people as well."""

    check: Check
    product: Product
    exchange: str
    verdict: Verdict
    words: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """All that is known of one account's broker, the newest of each check."""

    account: str
    broker: str
    findings: tuple[Finding, ...] = ()


Reports = Mapping[str, ProbeReport]  # by account id
Held = TypeVar("Held")
NOTHING_PROBED: Reports = MappingProxyType({})

_DECODER = msgspec.json.Decoder(dict[str, ProbeReport])


class ReportUnreadable(ValueError):
    """The capability file is damaged: what a broker cannot do is not known, so nothing may start."""


def read_reports(path: Path) -> Reports:
    """Return what the file says; nothing without a file. Raises ReportUnreadable."""
    try:
        return _DECODER.decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise ReportUnreadable(f"CAPABILITIES_FILE {path} cannot be read: {exc}") from exc


def report_of(reports: Reports, account_id: str, *, broker: str) -> ProbeReport | None:
    """Return what was found of an account at this broker; None when it was another one then."""
    report = reports.get(account_id)
    return report if report is not None and report.broker == broker else None


def keep_report(path: Path, account_id: str, report: ProbeReport) -> None:
    """Store a report; older findings that it does not repeat stay. Raises ReportUnreadable or OSError."""
    known = dict(read_reports(path))
    known[account_id] = _merged(known.get(account_id), report)
    text = msgspec.json.format(msgspec.json.encode(known), indent=1)
    draft = path.with_name(f"{path.name}.new")
    # Whole or not at all: half a file would keep the service from starting.
    with draft.open("wb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _merged(known: ProbeReport | None, report: ProbeReport) -> ProbeReport:
    if known is None or known.broker != report.broker:
        return report
    findings = {(one.product, one.exchange, one.check): one for one in (*known.findings, *report.findings)}
    return replace(report, findings=tuple(findings.values()))


def narrowed(capabilities: BrokerCapabilities, report: ProbeReport | None) -> BrokerCapabilities:
    """Return what may be claimed of a broker after its probe."""
    failed = [one for one in report.findings if one.verdict is Verdict.FAILS] if report else []
    for one in sorted(failed, key=lambda one: list(Check).index(one.check), reverse=True):  # GTTs first
        capabilities = _without(capabilities, one)
    return capabilities


def _without(capabilities: BrokerCapabilities, failed: Finding) -> BrokerCapabilities:
    match failed.check:
        case Check.TAG:
            return replace(capabilities, tag_length=0)
        case Check.TOTAL_QUANTITY:
            # What is left of an order in part filled would be doubled: such a one is replaced instead.
            return replace(capabilities, modify_takes_total_quantity=False, modify_after_part_fill=False)
        case Check.SL_TO_LIMIT | Check.LIMIT_TO_SL:
            return _held_otherwise(capabilities, failed, lost=Topology.MORPH, instead=None)
        case Check.GTT:
            return _held_otherwise(capabilities, failed, lost=Topology.OCO, instead=Topology.MORPH)


def _held_otherwise(
    capabilities: BrokerCapabilities, failed: Finding, *, lost: Topology, instead: Topology | None
) -> BrokerCapabilities:
    """Return it with another way to hold the product there; with none it is refused before the entry."""
    key = f"{failed.product}:{failed.exchange}"
    held = topology_of(capabilities, failed.product, exchange=failed.exchange)
    overnight = _spelled_out(capabilities, failed.product, dict.fromkeys(capabilities.overnight, held))
    topologies = _spelled_out(capabilities, failed.product, capabilities.topologies)
    if topologies.get(key) is lost:
        del topologies[key]
        overnight.pop(key, None)
        if instead is not None:
            topologies[key] = instead
    fallbacks = _spelled_out(capabilities, failed.product, capabilities.fallbacks)
    if fallbacks.get(key) is lost:
        # A native bracket needs something to take its place the day one of its exits dies.
        topologies.pop(key, None)
    return replace(capabilities, topologies=topologies, overnight=frozenset(overnight))


def _spelled_out(
    capabilities: BrokerCapabilities, product: Product, by_key: Mapping[str, Held]
) -> dict[str, Held]:
    """Return a table in which what is said of a product at all exchanges is said of each."""
    found = dict(by_key)
    if str(product) in found:
        everywhere = found.pop(str(product))
        found = {f"{product}:{exchange}": everywhere for exchange in sorted(capabilities.exchanges)} | found
    return found
