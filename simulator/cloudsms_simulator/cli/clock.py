"""`cloudsms-simulator clock`: what time it is for an account, and how to make it another time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click
import msgspec

from cloudsms_simulator.cli.admin_api import AdminApi, admin_options
from cloudsms_simulator.cli.message_tables import push_result
from cloudsms_simulator.cli.process import CommandError, ExitCode

if TYPE_CHECKING:
    from cloudsms_simulator.models.account import ClockItem
    from cloudsms_simulator.models.journal import ReportItem


P = ParamSpec("P")

_TIMEOUT = 30.0


class ClockSession(msgspec.Struct, frozen=True):
    """The clock of one account, behind an admin API."""

    api: AdminApi
    account: str
    as_json: bool

    def show(self, method: str, path: str = "", body: bytes | None = None, seconds: float = 0) -> None:
        """Makes a request about the clock and prints what comes back. Ends with 4 when not all got done in time."""
        from cloudsms_simulator.models.account import ClockItem

        answer = self.api.call(method, f"/clock{path}", {"account": self.account}, body, seconds)
        clock = msgspec.json.decode(answer, type=ClockItem)
        if self.as_json:
            click.echo(answer)
        else:
            for line in _lines(clock):
                click.echo(line)
        if clock.fired_reports is not msgspec.UNSET and not clock.settled:
            left = "what is on the way goes on, and another advance takes up the rest"
            raise CommandError(f"not all got done within {seconds:g} s; {left}", ExitCode.TIMED_OUT)


def _session(command: Callable[Concatenate[ClockSession, P], None]) -> Callable[..., None]:
    """Gives a command the options that say whose clock is meant, and calls it with that."""

    @functools.wraps(command)
    def with_session(api: AdminApi, *args: P.args, **kwargs: P.kwargs) -> None:
        account, as_json = str(kwargs.pop("account")), bool(kwargs.pop("as_json"))
        command(ClockSession(api, account, as_json), *args, **kwargs)

    offering: Callable[..., None] = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(
        with_session
    )
    offering = admin_options(offering)
    return click.option("--account", default="default", show_default=True, metavar="NAME", help="The account.")(
        offering
    )


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
@_session
def show(session: ClockSession) -> None:
    """Show what time it is, and what is still to come."""
    session.show("GET")


@clock.command
@_session
def freeze(session: ClockSession) -> None:
    """Stop the clock."""
    session.show("POST", "/freeze")


@clock.command
@click.argument("by", required=False)
@click.option("--to", "moment", metavar="MOMENT", help="Advance to this moment, such as 2026-11-23T12:00:00+08:00.")
@_timeout
@_session
def advance(session: ClockSession, by: str | None, moment: str | None, timeout: float) -> None:
    """Move the clock ahead by a duration such as 25h, or --to a moment, and show what happened on the way."""
    if (by is None) == (moment is None):
        raise click.UsageError("give one of a duration, such as 25h, and --to MOMENT")
    body = msgspec.json.encode({"timeout": timeout} | ({"to": moment} if by is None else {"by": by}))
    session.show("POST", "/advance", body, timeout)


@clock.command
@click.argument("rate", type=float, default=1.0)
@_session
def resume(session: ClockSession, rate: float) -> None:
    """Let the clock go on, RATE times as fast as the wall's, 1 by default."""
    session.show("POST", "/resume", msgspec.json.encode({"rate": rate}))


@clock.command("run-until-idle")
@_timeout
@_session
def run_until_idle(session: ClockSession, timeout: float) -> None:
    """Move the clock ahead until nothing is planned any more, and show what happened on the way."""
    session.show("POST", "/run-until-idle", msgspec.json.encode({"timeout": timeout}), timeout)


def _lines(clock: ClockItem) -> Iterator[str]:
    for report in clock.fired or ():
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
