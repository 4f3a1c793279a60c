"""The admin API as commands reach it: the options that say where it is, its token, and errors with an exit code.

`client_options` calls a command with a control client; `located_client_options` also tells it where that leads. The
client is imported then: this module is light, since `readyz` starts with it and asks by http.client. A command ends 3
if nobody is there, 4 on a time-out, 2 for what the user can fix. Where the API names its parameters, errors name the
options of the commands instead.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, NamedTuple, ParamSpec, TypeVar
from urllib.parse import urlsplit

import click

from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.net.sockets import host_and_port, reachable_host

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.client.errors import ApiError
    from cloudsms_simulator.services.ready_file import Ready


P = ParamSpec("P")
R = TypeVar("R")

WRONG_USAGE = (400, 401, 403, 404, 405, 410, 413, 415, 421)
"""Statuses that say the request was wrong, not what was found."""
_ACCOUNT_PARAMETER = re.compile(r"\baccount=(\*|[A-Za-z0-9._-]+)")
_UNAUTHORIZED = ": give --admin-token, or set CLOUDSMS_SIM_ADMIN_TOKEN"


def ready_file_option(text: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """The option that names a server's ready file; `text` says what is taken from it."""
    return click.option(
        "--ready-file",
        envvar="CLOUDSMS_SIM_READY_FILE",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=text,
    )


_ADDRESS = (
    click.option(
        "--admin-url",
        envvar="CLOUDSMS_SIM_ADMIN_URL",
        metavar="URL",
        help="The admin API, as in the ready file; instead of the three below.",
    ),
    ready_file_option("The server's ready file, which says where it is; instead of the two below."),
    click.option(
        "--admin-host",
        envvar="CLOUDSMS_SIM_ADMIN_HOST",
        default="127.0.0.1",
        show_default=True,
        metavar="HOST",
        help="Host of the admin API.",
    ),
    click.option(
        "--admin-port",
        envvar="CLOUDSMS_SIM_ADMIN_PORT",
        type=click.IntRange(1, 65535),
        default=61816,
        show_default=True,
        metavar="PORT",
        help="Port of the admin API.",
    ),
)
_token = click.option(
    "--admin-token",
    envvar="CLOUDSMS_SIM_ADMIN_TOKEN",
    metavar="TOKEN",
    help="The token the admin API wants beyond loopback.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
"""The option `--json`."""


def account_option(nobody: str = "", *, about: str = "The account") -> Callable[[Callable[..., R]], Callable[..., R]]:
    """The option `--account`; `nobody` is added to its help where `*` means something."""
    return click.option("--account", default="default", show_default=True, metavar="NAME", help=f"{about}{nobody}.")


def address_options(command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command the options that say where an admin API is: admin_url, ready_file, admin_host, admin_port."""
    for option in reversed(_ADDRESS):
        command = option(command)
    return command


def address_in(admin_url: str | None, admin_host: str, admin_port: int) -> tuple[str, int, str]:
    """Host, port and base path out of these options, the URL before the others."""
    return (reachable_host(admin_host), admin_port, "") if admin_url is None else address_of(admin_url, "--admin-url")


def address_of(url: str, option: str) -> tuple[str, int, str]:
    """Host, port and base path of a plain HTTP URL, the path without a slash at its end.

    Anything else is a BadParameter of the option it was given with.
    """
    try:
        split = urlsplit(url)
        port = split.port or 80
    except ValueError:
        port, split = 0, urlsplit("")
    if split.scheme != "http" or not split.hostname or not port:
        want = "an address such as http://127.0.0.1:61816"
        raise click.BadParameter(f'got "{url}", want {want}', param_hint=option)
    return split.hostname, port, split.path.rstrip("/")


class AdminLocation(NamedTuple):
    """Where the admin API of a server is."""

    url: str
    """Without a slash at the end."""
    certs: Path | None
    """The folder of the server's certificates, if its ready file was given."""


def client_options(command: Callable[Concatenate[Client, P], R]) -> Callable[..., R]:
    """Gives a command the options that say where the admin API is, and calls it with a client of that.

    Ends the command when the server refuses or is not there, as `command_error` says.
    """

    @functools.wraps(command)
    def with_client(location: AdminLocation, client: Client, *args: P.args, **kwargs: P.kwargs) -> R:
        return command(client, *args, **kwargs)

    return located_client_options(with_client)


def located_client_options(command: Callable[..., R]) -> Callable[..., R]:
    """Likewise, and calls the command with the `AdminLocation` before the client."""

    @functools.wraps(command)
    def with_client(
        *args: object,
        admin_url: str | None,
        ready_file: Path | None,
        admin_host: str,
        admin_port: int,
        admin_token: str | None,
        **kwargs: object,
    ) -> R:
        from cloudsms_simulator.client.client import Client
        from cloudsms_simulator.client.errors import ApiError

        location = _location(admin_url, ready_file, admin_host, admin_port)
        try:
            with Client(location.url, admin_token) as client:
                return command(location, client, *args, **kwargs)
        except ApiError as error:
            raise command_error(error) from error

    offering: Callable[..., R] = address_options(_token(with_client))
    return offering


def _location(admin_url: str | None, ready_file: Path | None, admin_host: str, admin_port: int) -> AdminLocation:
    certs = None
    if ready_file is not None and admin_url is None:
        ready = ready_at(ready_file)
        admin_url, certs = ready.admin_url, Path(ready.ca).parent
    host, port, path = address_in(admin_url, admin_host, admin_port)
    return AdminLocation(f"http://{host_and_port(host, port)}{path}", certs)


def ready_at(path: Path) -> Ready:
    """What a server's ready file says. Ends the command with 3 when there is none: no server is ready then."""
    from cloudsms_simulator.services.ready_file import read_ready_file

    try:
        return read_ready_file(path)
    except OSError as error:
        message = f"{path}: cannot read the ready file: {error.strerror or error}; is the server running?"
        raise CommandError(message, ExitCode.UNREACHABLE) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def command_error(error: ApiError) -> CommandError:
    """The error of a client as a command shows it, with its exit code."""
    from cloudsms_simulator.client.errors import RefusedError, SilentError, UnreachableError, WaitError

    if isinstance(error, SilentError | WaitError):
        return CommandError(str(error), ExitCode.TIMED_OUT)
    if isinstance(error, UnreachableError):
        return CommandError(str(error), ExitCode.UNREACHABLE)
    if not isinstance(error, RefusedError):
        return CommandError(str(error), ExitCode.FAILED)
    text = error.detail
    if len(error.problems) > 1:
        text = "\n  ".join([f"{len(error.problems)} things are wrong:", *error.problems])
    elif error.problems and error.problems[0] not in text:
        text = error.problems[0]
    if error.status == 401:
        text += _UNAUTHORIZED
    return CommandError(_with_option_names(text), ExitCode.USAGE if error.status in WRONG_USAGE else ExitCode.FAILED)


def _with_option_names(detail: str) -> str:
    """A text of the admin API with `account=…` written as the option `--account …`."""
    return _ACCOUNT_PARAMETER.sub(lambda found: f"--account {shlex.quote(found[1])}", detail)
