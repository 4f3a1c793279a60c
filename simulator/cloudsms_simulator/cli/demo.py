"""`cloudsms-simulator demo`: the platform, a customer, and the customer's server for reports, on this machine alone."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode
from cloudsms_simulator.cli.scene import Scene, Stage, answer_lines, default_account, send

if TYPE_CHECKING:
    from cloudsms_simulator.server.receiver import ReceivedReport

DEADLINE = 20.0
"""Seconds for the whole story; it takes five."""

_DOCUMENTS_TEXT = "Your verification code is 123345, please do not disclose it to others."

STORY: tuple[Scene, ...] = (
    Scene("The document's single SMS, signed", ("85267000011",), _DOCUMENTS_TEXT, "CloudSMS"),
    Scene("The document's bulk SMS: two numbers in one request", ("85267000011", "85267000028"), _DOCUMENTS_TEXT),
    Scene(
        "A long Chinese text: UCS-2, more segments",
        ("8613800138000",),
        "【云短信】尊敬的客户,您的订单已经发货,预计三天内送达。请保持手机畅通,快递员会在送货前与您联系。"
        "如需更改收货时间或者地址,请登录官方网站或者拨打客户服务热线办理,感谢您的支持与理解。",
    ),
    Scene("A wrong AUTH_KEY: refused", ("85267000011",), _DOCUMENTS_TEXT, right_key=False),
    Scene("A landline in Singapore: accepted, then LOCAL_REJECTED by report", ("6561234567",), _DOCUMENTS_TEXT),
)


@click.command
@click.option(
    "--open", "opens", is_flag=True, help="Play a longer story for the inbox, in a browser, and keep running."
)
@click.option("--browser/--no-browser", default=None, help="Open the inbox in a browser (with --open it does).")
@click.option("--pace", type=click.FloatRange(0, 600), help="Seconds between the steps of --open; 4 unless said.")
def demo(opens: bool, browser: bool | None, pace: float | None) -> None:
    """Show the platform at work, with mutual TLS in both directions.

    Starts a platform and a customer's server for reports on free ports of this machine, sends five requests, shows each
    answer, its segments, price and delivery reports, and leaves nothing running. Ends 0, or 1 when a report is missing.

    With --open it plays a longer story to follow in the inbox: a code, a bulk send, a refusal and its correction, an
    outage of the customer's server, 25 hours in a click. Everything goes on running until Ctrl-C, and it ends 0.
    """
    from cloudsms_simulator.server.event_loop import new_event_loop

    if not opens and (browser is not None or pace is not None):
        raise click.UsageError("--browser, --no-browser and --pace are for the story of --open")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        if opens:
            from cloudsms_simulator.cli.demo_tour import PACE, SCENARIO, show

            async def tour() -> None:
                async with _staged({"scenario": SCENARIO}) as stage:
                    await show(stage, browser=browser is not False, pace=PACE if pace is None else pace)

            runner.run(tour())
            return
        try:
            runner.run(_play())
        except TimeoutError:
            raise CommandError(f"not every report came within {DEADLINE:g} s", ExitCode.FAILED) from None


async def _play() -> None:
    async with _staged({}) as stage, asyncio.timeout(DEADLINE):
        await _tell(stage)


@asynccontextmanager
async def _staged(flags: dict[str, str]) -> AsyncIterator[Stage]:
    """A platform and a customer that trust nobody without a certificate, stopped in the end."""
    import httpx2

    from cloudsms_simulator.server.listener import Listener
    from cloudsms_simulator.server.listening_socket import open_socket
    from cloudsms_simulator.server.loaded_settings import load_settings
    from cloudsms_simulator.server.receiver import Receiver
    from cloudsms_simulator.server.simulator import Simulator
    from cloudsms_simulator.server.tls import push_context, receiver_context, tls_facts

    sock = open_socket("127.0.0.1", 0)
    callback = f"https://localhost:{sock.getsockname()[1]}/"
    ours = {"port": "0", "admin_port": "0", "mtls": "required", "callback_url": callback}
    loaded = load_settings({**flags, **ours}, {})
    simulator = Simulator(loaded.settings, loaded.scenario, loaded.fixed)
    files = simulator.files
    receiver = Receiver()
    listener = Listener(receiver, sock, tls=receiver_context(files, "required"), tls_facts=tls_facts)
    await simulator.start()
    await listener.start()
    try:
        context = push_context((files.customer_cert, files.customer_key), (files.ca,), system=False)
        async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
            yield Stage(simulator, receiver, client, callback)
    finally:
        await simulator.stop()
        await listener.stop()


async def _tell(stage: Stage) -> None:
    simulator, receiver = stage.simulator, stage.receiver
    for line in stage.addresses:
        click.echo(line)
    for number, scene in enumerate(STORY, 1):
        click.echo(f"\n{number}. {scene.title}")
        before = receiver.received
        answer = await send(stage, scene, number)
        for line in answer_lines(simulator, answer):
            click.echo(f"   {line}")
        expected = before + sum(item.result_code == 1 for item in answer.detail_list)
        await receiver.wait_for(expected)
        for report in receiver.reports[before:]:
            click.echo(f"   {_report_line(report)}")
    await simulator.pusher.idle()
    for line in _ending(stage):
        click.echo(line)


def _report_line(report: "ReceivedReport") -> str:
    return (
        f"report   +{report.country_code}{report.msisdn}: {report.state} {report.state_name}, SERIAL {report.serial}, "
        f"reached {report.report_time[-8:]}, CUSTOMER_BODY {report.customer_body}"
    )


def _ending(stage: Stage) -> Iterator[str]:
    from cloudsms_simulator.engine.money import Money

    account, store = default_account(stage.simulator), stage.simulator.store
    yield ""
    answered = sum(report.outcome == "answered" for report in store.reports(account))
    balance = store.standing(account).balance
    left = "unlimited" if balance is None else Money(balance, account.currency).rounded()
    yield f"{answered} reports were pushed and answered; {left} of 1,000.00 is left. Nothing is left running."
    yield f"Next: `{_command()} serve`, and the README."


def _command() -> str:
    """The command as a shell finds it here: by its path where it is on none."""
    if shutil.which("cloudsms-simulator") is not None:
        return "cloudsms-simulator"
    return os.path.relpath(Path(sys.executable).with_name("cloudsms-simulator"))
