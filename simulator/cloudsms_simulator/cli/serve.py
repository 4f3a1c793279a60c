"""`cloudsms-simulator serve`: runs the platform until it is told to stop. It imports the server when it runs."""

import asyncio
import gc
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cloudsms_simulator.cli.process import go_on_without_output, stop_on_signals
from cloudsms_simulator.cli.settings_options import settings_options
from cloudsms_simulator.config.settings import LoadedSettings

if TYPE_CHECKING:
    from cloudsms_simulator.services.ready_file import ReadyFile
    from cloudsms_simulator.simulator import Simulator


STOP_GRACE = timedelta(seconds=5)


@click.command
@settings_options
def serve(loaded: LoadedSettings) -> None:
    """Run the platform: https://127.0.0.1:61815/dave/io, and its admin API on http://127.0.0.1:61816.

    Ends 0 when it is told to stop by SIGTERM or Ctrl-C: answers and pushes on their way have 5 s to finish.
    """
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
    lines.append(f"  seed       {simulator.seed}  (the same again with --seed {simulator.seed})")
    lines += [f"  trouble    {each.url}  ({each.trouble})" for each in simulator.tls_troubles.listeners]
    if not settings.plain:
        lines.append(f"  trust      {ready.ca}")
    for account in simulator.directory:
        key = account.auth_key if account.auth_key == "*" else fingerprint(account.auth_key)
        reports = account.callback.url or "nowhere yet (--callback-url)"
        lines.append(f"  account    {account.name}: AUTH_KEY {key} (its fingerprint), reports to {reports}")
    return lines
