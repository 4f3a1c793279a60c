"""`cloudsms-simulator listen`: a customer's server for delivery reports, ready to use. What listens is imported late.

Spec: Delivery Report (DR) CallBack. Spec: Delivery Report (DR) response Format.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cloudsms_simulator.cli.process import CommandError, ExitCode, go_on_without_output

if TYPE_CHECKING:
    import ssl

    from cloudsms_simulator.push.receiver import Behaviour


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=59999,
    show_default=True,
    metavar="PORT",
    help="Port to listen on; 0 takes any free one.",
)
@click.option("--path", default="/", show_default=True, metavar="PATH", help="Path that reports are POSTed to.")
@click.option(
    "--answer",
    default="ok",
    show_default=True,
    metavar="ANSWER",
    help="ok, none (200 without a body), wrong-serial, not-json, http-500 or another status, or a result code by name "
    "or number.",
)
@click.option("--delay", default="0s", show_default=True, metavar="DURATION", help="How long each answer takes.")
@click.option(
    "--mtls",
    type=click.Choice(["off", "optional", "required"]),
    default="optional",
    show_default=True,
    help="Whether the platform has to show a certificate.",
)
@click.option("--plain", is_flag=True, help="Speak plain HTTP.")
@click.option(
    "--certs",
    envvar="CLOUDSMS_SIM_CERTS",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of certificates, the one of `serve --certs`; made when absent.",
)
@click.option(
    "--platform",
    envvar="CLOUDSMS_SIM_READY_FILE",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ready file of a running server, whose certificates are used.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File written once reports can come: one JSON object with url and pid.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End with 0 after N reports.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End with 4 when nothing has ended it by then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each report as one JSON object.")
def listen(
    host: str,
    port: int,
    path: str,
    answer: str,
    delay: str,
    mtls: Literal["off", "optional", "required"],
    plain: bool,
    certs: Path | None,
    platform: Path | None,
    ready_file: Path | None,
    count: int | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Receive delivery reports, print a line for each, and answer them.

    Over TLS it shows the customer's certificate, which the platform trusts. Ends 0 after --count reports, or when told
    to stop by Ctrl-C or SIGTERM.
    """
    import asyncio

    from cloudsms_simulator.cli.report_server import ReportServer
    from cloudsms_simulator.net.runtime import new_event_loop
    from cloudsms_simulator.net.sockets import host_and_port, open_socket, reachable_host
    from cloudsms_simulator.services.ready_file import ready_file_at

    behaviour = _behaviour(answer, delay)
    if not path.startswith("/"):
        raise click.BadParameter(f'got "{path}", want a path, which begins with /', param_hint="--path")
    context = None if plain else _context(certs, platform, mtls)
    go_on_without_output()
    with ready_file_at(ready_file) as said, asyncio.Runner(loop_factory=new_event_loop) as runner:
        sock = open_socket(host, port)
        listening_host, listening_port = sock.getsockname()[:2]
        address = host_and_port(reachable_host(listening_host), listening_port)
        listening = ReportServer(
            url=f"{'http' if plain else 'https'}://{address}{path}",
            path=path,
            behaviour=behaviour,
            context=context,
            count=count,
            timeout=timeout,
            ready_file=said,
            as_json=as_json,
        )
        code = runner.run(listening.run(sock))
    if code is ExitCode.TIMED_OUT:
        expected = "nobody ended it" if count is None else f"fewer than {count} reports came"
        raise CommandError(f"{expected} within {timeout:g} s", code)
    sys.exit(code)


def _behaviour(answer: str, delay: str) -> Behaviour:
    from cloudsms_simulator.models.durations import read_duration
    from cloudsms_simulator.push.receiver import behaviour_of

    try:
        wait = read_duration(delay)
    except ValueError as error:
        raise click.BadParameter(f'got "{delay}", want {error}', param_hint="--delay") from None
    try:
        return behaviour_of(answer, wait)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--answer") from None


def _context(certs: Path | None, platform: Path | None, mtls: Literal["off", "optional", "required"]) -> ssl.SSLContext:
    from cloudsms_simulator.cli.admin_api import ready_at
    from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates
    from cloudsms_simulator.net.tls import receiver_context

    if certs is not None:
        return receiver_context(open_certificates(certs), mtls)
    if platform is not None:
        return receiver_context(CertificateFiles.within(Path(ready_at(platform).ca).parent), mtls)
    raise click.UsageError(
        "TLS takes certificates that the platform trusts: give --certs DIR, the folder of `serve --certs`, or "
        "--platform FILE, the ready file of a server; or give --plain"
    )
