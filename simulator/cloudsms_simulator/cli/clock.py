"""`cloudsms-simulator clock`: what time it is for an account, and how to make it another time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.cli.reports import push_result

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.models.account import ClockItem
    from cloudsms_simulator.models.journal import ReportItem


_TIMEOUT = 30.0

_timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=3600),
    default=_TIMEOUT,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take, by the wall.",
)


class ShowByDefault(click.Group):
    """Shows the clock when no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `show` before options that are not the group's own."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ShowByDefault)
def clock() -> None:
    """Show or move the clock of an account; without a command, show it.

    Reports, retries and expiry follow it. Ends 0 when done, 2 for what cannot be, 3 when nobody answers, 4 when not
    everything due got done in time.
    """


@clock.command
@account_option()
@client_options
@as_json
def show(client: Client, account: str, as_json: bool) -> None:
    """Show what time it is, and what is still to come."""
    _print(client.of(account).clock.show(), as_json)


@clock.command
@account_option()
@client_options
@as_json
def freeze(client: Client, account: str, as_json: bool) -> None:
    """Stop the clock."""
    _print(client.of(account).clock.freeze(), as_json)


@clock.command
@click.argument("by", required=False)
@click.option("--to", "moment", metavar="MOMENT", help="Advance to this moment, such as 2026-11-23T12:00:00+08:00.")
@_timeout
@account_option()
@client_options
@as_json
def advance(client: Client, by: str | None, moment: str | None, timeout: float, account: str, as_json: bool) -> None:
    """Move the clock ahead by a duration such as 25h, or --to a moment, and show what happened on the way."""
    if (by is None) == (moment is None):
        raise click.UsageError("give one of a duration, such as 25h, and --to MOMENT")
    _print_advance(client.of(account).clock.advance(by, to=moment, timeout=timeout), timeout, as_json)


@clock.command
@click.argument("rate", type=float, default=1.0)
@account_option()
@client_options
@as_json
def resume(client: Client, rate: float, account: str, as_json: bool) -> None:
    """Let the clock go on, RATE times as fast as the wall's, 1 by default."""
    _print(client.of(account).clock.resume(rate), as_json)


@clock.command("run-until-idle")
@_timeout
@account_option()
@client_options
@as_json
def run_until_idle(client: Client, timeout: float, account: str, as_json: bool) -> None:
    """Move the clock ahead until nothing is planned any more, and show what happened on the way."""
    _print_advance(client.of(account).clock.run_until_idle(timeout=timeout), timeout, as_json)


def _print(clock: ClockItem, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(clock))
        return
    for line in _lines(clock):
        click.echo(line)


def _print_advance(clock: ClockItem, seconds: float, as_json: bool) -> None:
    """Prints a clock after an advance. Ends with 4 when not all got done in time."""
    _print(clock, as_json)
    if not clock.settled:
        left = "what is on the way goes on, and another advance takes up the rest"
        raise CommandError(f"not all got done within {seconds:g} s; {left}", ExitCode.TIMED_OUT)


def _lines(clock: ClockItem) -> Iterator[str]:
    for report in clock.fired:
        yield _report(report)
    how = {"frozen": "frozen", "real": "real"}.get(clock.mode, f"{clock.rate:g} times as fast")
    to_come = [f"{clock.running} on the way"] if clock.running else []
    to_come.append(f"{clock.pending} pending")
    if clock.next_due_at is not None:
        to_come.append(f"next due {clock.next_due_at.isoformat(' ')}")
    yield f"{clock.now.isoformat(' ')}  {how}; {', '.join(to_come)}"


def _report(report: ReportItem) -> str:
    at = report.due_at.isoformat(" ")
    return f"{at}  {report.uid}  {report.state_name:<14} {report.outcome:<11} {push_result(report)}".rstrip()
