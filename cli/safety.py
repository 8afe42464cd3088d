"""`safety report`: how well the promise was kept, for people."""

from collections.abc import Iterator
from datetime import datetime
from math import ceil

import click

from cli.office import Office, account_called
from database.account_db import list_accounts
from services.bracket.model import Mode
from services.broker_latency import BrokerLatency
from services.safety_report import SafetyReport
from services.safety_report_service import MOST_DAYS, Days, safety_report, today
from utils.constants import EXCHANGE_ZONE


def safety_commands(office: Office) -> click.Group:
    """Return the group `safety`."""
    group = click.Group("safety", help="How well every filled share was protected.")
    group.add_command(_report_command(office))
    return group


def _report_command(office: Office) -> click.Command:
    @click.command("report")
    @click.option("--account", "name", help="Only this account's; all accounts without it.")
    @click.option(
        "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Exchange day; today's without it."
    )
    @click.option("--days", type=click.IntRange(1, MOST_DAYS), default=1, help="How many days up to it.")
    @click.option("--mode", type=click.Choice([one.value for one in Mode]), default=Mode.LIVE.value)
    def report(name: str | None, day: datetime | None, days: int, mode: str) -> None:
        """Tell naked time by cause, emergencies, unwinds, zombies, what is unresolved, broker latency."""
        now = office.clock.now()
        asked = Days(today(now) if day is None else day.date(), days)
        with office.open() as db:
            accounts = list_accounts(db) if name is None else (account_called(db, name),)
            ids = [account.id for account in accounts]
            found = safety_report(db, ids, mode=Mode(mode), days=asked, now=now)
        for line in _lines(found):
            click.echo(line)

    return report


def _lines(report: SafetyReport) -> Iterator[str]:
    since, until = (one.astimezone(EXCHANGE_ZONE).date() for one in (report.since, report.until))
    yield f"from {since} until {until}: {report.placed} brackets placed, {report.open} open now"
    for state, count in sorted(report.states.items()):
        yield f"  {count} {state}"
    total = report.naked_total
    yield (
        f"shares without a working stop: {total.spells} times, {total.seconds:.3f} s in all, "
        f"longest {total.longest:.3f} s"
    )
    for cause, one in sorted(report.naked.items()):
        yield f"  {cause}: {one.spells} times, {one.seconds:.3f} s, longest {one.longest:.3f} s"
    for naked in report.naked_now:
        yield f"  NOW {naked.bracket_id}: {naked.quantity} shares for {naked.seconds:.1f} s, {naked.cause}"
    yield from _counts(report)
    for unresolved in report.unresolved:
        yield f"UNRESOLVED {unresolved.bracket_id}: {', '.join(unresolved.why)}"
    for broker in report.brokers:
        yield from _latency(broker)


def _counts(report: SafetyReport) -> Iterator[str]:
    for what, ids in (
        ("emergency exits", report.emergency_exits),
        ("unwinds", report.unwinds),
        ("zombies", report.zombies),
    ):
        yield f"{what}: {len(ids)}" + "".join(f" {bracket_id}" for bracket_id in ids)
    yield f"calls without a known outcome: {report.unknown_outcomes}"
    alarms = ", ".join(f"{kind} {count}" for kind, count in sorted(report.alarms.items()))
    yield f"alarms: {alarms or 'none'}"


def _latency(broker: BrokerLatency) -> Iterator[str]:
    for what, spread in (("acceptance", broker.acceptance), ("book staleness", broker.staleness)):
        yield (
            f"{broker.broker} {what}: {spread.count} measured, "
            f"middle {spread.middle:.3f} s, worst {spread.worst:.3f} s"
        )
    setting = f"{broker.broker.upper()}_QUIESCENCE={ceil(broker.needed_quiescence)}"
    verdict = "enough" if broker.quiescence_is_enough else f"NOT ENOUGH: set {setting}"
    needed = f"{broker.broker} needs Q of {broker.needed_quiescence:.1f} s"
    yield f"{needed}; {broker.quiescence:.0f} s is {verdict}"
