"""`cloudsms-simulator readyz`: whether a server is ready. Made to be a container's health check, it starts fast."""

import json
import time
from http.client import HTTPConnection, HTTPException
from typing import NoReturn

import click

from cloudsms_simulator.cli.address import address_of
from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode
from cloudsms_simulator.server.listening_socket import authority, reachable

_PAUSE = 0.05


@click.command
@click.option(
    "--url",
    envvar="CLOUDSMS_SIM_ADMIN_URL",
    metavar="URL",
    help="Admin URL, as in the ready file; instead of the two below.",
)
@click.option(
    "--host",
    "--admin-host",
    envvar="CLOUDSMS_SIM_ADMIN_HOST",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="Host of the admin API.",
)
@click.option(
    "--admin-port",
    envvar="CLOUDSMS_SIM_ADMIN_PORT",
    type=click.IntRange(1, 65535),
    default=61816,
    show_default=True,
    metavar="PORT",
    help="Port of the admin API.",
)
@click.option(
    "--wait", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="Keep asking so long, until it is ready."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long one answer may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def readyz(url: str | None, host: str, admin_port: int, wait: float, timeout: float, as_json: bool) -> None:
    """Tell whether a server is ready.

    Ends 0 when it is, 1 when it answers that it is not, 3 when nobody answers, 4 when no answer comes in time or the
    wait is over.
    """
    asked, port = address_of(url, "--url") if url else (reachable(host), admin_port)
    name = f"http://{authority(asked, port)}"
    deadline = time.monotonic() + wait
    while (code := _ask(asked, port, timeout)) is not ExitCode.OK and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    if as_json:
        click.echo(json.dumps({"url": name, "ready": code is ExitCode.OK}))
    elif code is ExitCode.OK:
        click.echo(f"{name} is ready")
    if code is not ExitCode.OK:
        _give_up(name, code, wait)


def _ask(host: str, port: int, timeout: float) -> ExitCode:
    connection = HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        return ExitCode.OK if connection.getresponse().status == 200 else ExitCode.FAILED
    except TimeoutError:
        return ExitCode.TIMED_OUT
    except (OSError, HTTPException):
        return ExitCode.UNREACHABLE
    finally:
        connection.close()


def _give_up(name: str, code: ExitCode, wait: float) -> NoReturn:
    reasons = {
        ExitCode.FAILED: f"{name} answers that it is not ready",
        ExitCode.TIMED_OUT: f"{name} does not answer in time",
        ExitCode.UNREACHABLE: f"nobody answers at {name}; is the server running, and is this its admin port?",
    }
    if wait:
        raise CommandError(f"not ready within {wait:g} s: {reasons[code]}", ExitCode.TIMED_OUT)
    raise CommandError(reasons[code], code)
