"""`cloudsms-simulator readyz`: whether a server is ready. A container's health check runs it, so it starts fast.

It asks with http.client and imports neither msgspec nor the control client.
"""

import json
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

import click

from cloudsms_simulator.cli.admin_api import address_in, address_options
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.net.sockets import host_and_port, no_answer_in_time, nobody_answers

_PAUSE = 0.05
_LONGEST_ANSWER = 10_000


@click.command
@address_options
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
def readyz(
    admin_url: str | None,
    ready_file: Path | None,
    admin_host: str,
    admin_port: int,
    wait: float,
    timeout: float,
    as_json: bool,
) -> None:
    """Tell whether a server is ready.

    Ends 0 when it is, 1 when it answers that it is not, 3 when nobody answers or there is no ready file, 4 when no
    answer comes in time or the wait is over.
    """
    deadline = time.monotonic() + wait
    while True:
        url, code, reason = _look(admin_url, ready_file, admin_host, admin_port, timeout)
        if code is ExitCode.OK or time.monotonic() >= deadline:
            break
        time.sleep(_PAUSE)
    if as_json:
        click.echo(json.dumps({"url": url, "ready": code is ExitCode.OK}))
    elif code is ExitCode.OK:
        click.echo(f"{url} is ready")
    if code is not ExitCode.OK:
        _give_up(url, ready_file, code, reason, wait)


def _look(
    admin_url: str | None, ready_file: Path | None, admin_host: str, admin_port: int, timeout: float
) -> tuple[str | None, ExitCode, str]:
    """The URL that was asked, None as long as there is no ready file, the result, and why the server is not ready."""
    if admin_url is None and ready_file is not None:
        admin_url = _said_by(ready_file)
        if admin_url is None:
            return None, ExitCode.UNREACHABLE, ""
    host, port, path = address_in(admin_url, admin_host, admin_port)
    return f"http://{host_and_port(host, port)}{path}", *_ask(host, port, path, timeout)


def _said_by(ready_file: Path) -> str | None:
    # Imported where it is used: a health check starts every other second.
    from cloudsms_simulator.services.ready_file import read_ready_file

    try:
        return read_ready_file(ready_file).admin_url
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--ready-file") from error


def _ask(host: str, port: int, path: str, timeout: float) -> tuple[ExitCode, str]:
    connection = HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", f"{path}/readyz", headers={"Connection": "close"})
        answer = connection.getresponse()
        return (ExitCode.OK, "") if answer.status == 200 else (ExitCode.FAILED, _reason(answer.read(_LONGEST_ANSWER)))
    except TimeoutError:
        return ExitCode.TIMED_OUT, ""
    except (OSError, HTTPException):
        return ExitCode.UNREACHABLE, ""
    finally:
        connection.close()


def _reason(answer: bytes) -> str:
    """Why a server is not ready, as it says itself; empty when it does not."""
    try:
        said = json.loads(answer)
    except ValueError:
        return ""
    return str(said.get("reason", "")) if isinstance(said, dict) else ""


def _give_up(url: str | None, ready_file: Path | None, code: ExitCode, why: str, wait: float) -> NoReturn:
    reasons = {
        ExitCode.FAILED: f"{url} answers that it is not ready{f': {why}' if why else ''}",
        ExitCode.TIMED_OUT: no_answer_in_time(url or ""),
        ExitCode.UNREACHABLE: nobody_answers(url or ""),
    }
    reason = (
        reasons[code] if url is not None else f"there is no {ready_file}; is the server running, with --ready-file?"
    )
    if wait:
        raise CommandError(f"not ready within {wait:g} s: {reason}", ExitCode.TIMED_OUT)
    raise CommandError(reason, code)
