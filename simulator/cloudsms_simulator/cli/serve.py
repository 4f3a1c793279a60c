"""`cloudsms-simulator serve`: runs the platform until it is told to stop. It imports the server when it runs.

Its options, one for each setting, are made of the fields of `Settings`; `config` has them too. Flags count before the
environment, and that before the file. Bad settings are one SettingsError with all problems.
"""

import asyncio
import functools
import gc
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click
from click.shell_completion import CompletionItem

from cloudsms_simulator.cli.process import go_on_without_output, stop_on_signals
from cloudsms_simulator.config.schema import PathType, SettingField, fields_of
from cloudsms_simulator.config.settings import LoadedSettings, Settings, load_settings
from cloudsms_simulator.config.sources import toml_text
from cloudsms_simulator.config.values import ON_OFF

if TYPE_CHECKING:
    from cloudsms_simulator.services.ready_file import ReadyFile
    from cloudsms_simulator.simulator import Simulator

P = ParamSpec("P")
R = TypeVar("R")


def settings_options(
    command: Callable[Concatenate[LoadedSettings, P], R], fields: Sequence[SettingField] | None = None
) -> Callable[..., R]:
    """Gives a command every setting as an option, or some, and calls it with what flags, environment and file make.

    Warnings are printed to standard error first. Bad settings raise SettingsError, which the group explains.
    """

    offered = OFFERED_SETTINGS if fields is None else fields

    @functools.wraps(command)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        flags: dict[str, str] = {}
        for field in offered:
            given = kwargs.pop(field.name, None)
            if given is not None:
                flags[field.name] = _as_text(given)
        loaded = load_settings(flags, os.environ)
        for warning in loaded.warnings:
            click.echo(f"Warning: {warning}", err=True)
        return command(loaded, *args, **kwargs)

    offering: Callable[..., R] = with_settings
    for field in reversed(offered):
        offering = _option(field)(offering)
    return offering


OFFERED_SETTINGS = tuple(field for field in fields_of(Settings) if field.name != "accounts")
"""The settings that have a flag: all but the tables of accounts."""


class _SettingOption(click.Option):
    """The option of a setting. Its help is the setting's docstring, which is read when somebody first asks for it."""

    @property
    def help(self) -> str | None:
        """What the option is for, with its variable and its default."""
        field = next(field for field in OFFERED_SETTINGS if field.name == self.name)
        default = None if field.default is None else field.kind.dump(field.default)
        shown = f"; default {default if isinstance(default, str) else toml_text(default)}" if default else ""
        return f"{field.doc} [{field.variable}{shown}]"

    @help.setter
    def help(self, text: str | None) -> None:
        """Does nothing: click's constructor sets what it was not given."""


def _option(field: SettingField) -> Callable[[Callable[..., R]], Callable[..., R]]:
    if field.kind is ON_OFF:
        return click.option(f"{field.flag}/--no-{field.flag[2:]}", field.name, cls=_SettingOption, default=None)
    if isinstance(field.kind, PathType):
        return click.option(field.flag, field.name, cls=_SettingOption, type=click.Path(), metavar=field.kind.metavar)
    words = field.kind.metavar.split("|")

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in words if word.islower() and word.startswith(incomplete)]

    return click.option(field.flag, field.name, cls=_SettingOption, metavar=field.kind.metavar, shell_complete=complete)


def _as_text(given: object) -> str:
    if isinstance(given, bool):
        return "on" if given else "off"
    return str(given)


STOP_GRACE = timedelta(seconds=5)


@click.command
@settings_options
def serve(loaded: LoadedSettings) -> None:
    """Run the platform: https://127.0.0.1:61815/dave/io, and its admin API on http://127.0.0.1:61816.

    Ends 0 when it is told to stop by SIGTERM or Ctrl-C: answers and pushes on their way have 5 s to finish.
    """
    # Until everything is there: what a start makes stays, and looking for cycles in it takes a tenth of the time.
    gc.disable()
    try:
        _serve(loaded)
    finally:
        gc.enable()


def _serve(loaded: LoadedSettings) -> None:
    from cloudsms_simulator.net.runtime import new_event_loop, write_logs
    from cloudsms_simulator.services.ready_file import ready_file_at
    from cloudsms_simulator.simulator import Simulator

    write_logs(loaded.settings.log_format)
    go_on_without_output()
    with (
        ready_file_at(loaded.settings.ready_file) as ready_file,
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        simulator = Simulator(loaded.settings, loaded.scenario, loaded.fixed)
        runner.run(_run(simulator, ready_file))


async def _run(simulator: "Simulator", ready_file: "ReadyFile | None") -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await simulator.start()
    # What is there by now stays; what comes is rarely a cycle, so looking for cycles often finds nothing.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()
    try:
        if ready_file is not None:
            ready_file.write(simulator.ready)
        for line in _banner(simulator):
            click.echo(line)
        await stop.wait()
    finally:
        ended = await simulator.stop(STOP_GRACE)
    if ended:
        click.echo(f"stopped; {ended} pushes had no answer yet", err=True)


def _banner(simulator: "Simulator") -> list[str]:
    from cloudsms_simulator.protocol.masking import fingerprint

    settings, ready = simulator.settings, simulator.ready
    security = "plain HTTP" if settings.plain else f"client certificates {settings.mtls}"
    lines = [
        f"CloudSMS simulator, profile {settings.profile}, clock {settings.clock}",
        f"  platform   {ready.url}  ({security})",
        f"  admin API  {ready.admin_url}/api/v1",
    ]
    scenario = simulator.scenario
    if scenario is not None:
        lines.append(
            f"  scenario   {scenario.name}: {scenario.about}" if scenario.about else f"  scenario   {scenario.name}"
        )
    if settings.store is not None:
        lines.append(f"  store      {settings.store}")
    lines.append(f"  seed       {simulator.seed}  (the same again with --seed {simulator.seed})")
    lines += [f"  trouble    {each.url}  ({each.trouble})" for each in simulator.tls_troubles.listeners]
    if not settings.plain:
        lines.append(f"  trust      {ready.ca}")
    for account in simulator.directory:
        key = account.auth_key if account.auth_key == "*" else fingerprint(account.auth_key)
        reports = account.callback.url or "nowhere yet (--callback-url)"
        lines.append(f"  account    {account.name}: AUTH_KEY {key} (its fingerprint), reports to {reports}")
    return lines
