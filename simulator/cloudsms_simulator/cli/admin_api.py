"""The admin API as commands reach it: the options that say where it is, its token, and errors with an exit code.

`client_options` calls a command with a control client (imported then); `admin_options` with an `AdminApi` that asks
by http.client, for commands that read bare JSON. A command ends 3 if nobody is there, 4 on a time-out, 2 for what the
user can fix. Where the API names its parameters, errors name the options of the commands instead.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, NoReturn, ParamSpec, TypeVar
from urllib.parse import urlencode

import click
import msgspec

from cloudsms_simulator.cli.address import address_in, address_options
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.net.sockets import host_and_port

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.client.errors import ApiError


P = ParamSpec("P")
R = TypeVar("R")

MARGIN = 5.0
"""Seconds an answer may take beyond what the server was asked to do."""
_SHOWN = 200
WRONG_USAGE = (400, 401, 403, 404, 405, 410, 413, 415, 421)
"""Statuses that say the request was wrong, not what was found."""


_ACCOUNT_PARAMETER = re.compile(r"\baccount=(\*|[A-Za-z0-9._-]+)")

UNAUTHORIZED = ": give --admin-token, or set CLOUDSMS_SIM_ADMIN_TOKEN"
"""What a command adds to the error when the server wants a token."""


class AdminApi(msgspec.Struct, frozen=True):
    """The admin API of a server: where it is, and its token."""

    host: str
    port: int
    token: str | None = None
    certs: Path | None = None
    """The folder of the server's certificates, if its ready file was given."""

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        return f"http://{host_and_port(self.host, self.port)}"

    def call(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None = None, seconds: float = 0
    ) -> bytes:
        """The body of the answer to a request that may keep the server busy for some seconds.

        Ends the command with what the server says when it refuses: 2 when the request was wrong, otherwise 1; with 3
        when nobody answers, with 4 when no answer comes in time.
        """
        headers = {"Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = HTTPConnection(self.host, self.port, timeout=seconds + MARGIN)
        try:
            connection.request(method, f"/api/v1{path}?{urlencode(query)}", body, headers)
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except TimeoutError as error:
            raise CommandError(f"{self.url} does not answer in time", ExitCode.TIMED_OUT) from error
        except (OSError, HTTPException) as error:
            message = f"nobody answers at {self.url}; is the server running, and is this its admin port?"
            raise CommandError(message, ExitCode.UNREACHABLE) from error
        finally:
            connection.close()
        if status != 200:
            self._refuse(status, answer)
        return answer

    def _refuse(self, status: int, answer: bytes) -> NoReturn:
        try:
            detail = with_option_names(msgspec.json.decode(answer, type=_Problem).detail)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            shown = answer[:_SHOWN].decode("utf-8", "replace")
            message = f"{self.url} answers HTTP {status}; is this its admin port? {shown}"
            raise CommandError(message, ExitCode.FAILED) from None
        if status == 401:
            detail += UNAUTHORIZED
        raise CommandError(detail, ExitCode.USAGE if status in WRONG_USAGE else ExitCode.FAILED)


def with_option_names(detail: str) -> str:
    """A text of the admin API with `account=…` written as the option `--account …`."""
    return _ACCOUNT_PARAMETER.sub(lambda found: f"--account {shlex.quote(found[1])}", detail)


class _Problem(msgspec.Struct, frozen=True):
    detail: str


_token = click.option(
    "--admin-token",
    envvar="CLOUDSMS_SIM_ADMIN_TOKEN",
    metavar="TOKEN",
    help="The token the admin API wants beyond loopback.",
)


def admin_options(command: Callable[Concatenate[AdminApi, P], R]) -> Callable[..., R]:
    """Gives a command the options that say where the admin API is, and calls it with that API."""

    @functools.wraps(command)
    def with_api(*args: P.args, **kwargs: P.kwargs) -> R:
        given = {name: kwargs.pop(name) for name in ("admin_url", "ready_file", "admin_host", "admin_port")}
        token = kwargs.pop("admin_token")
        api = msgspec.structs.replace(_host_and_port(**given), token=token if isinstance(token, str) else None)
        return command(api, *args, **kwargs)

    offering: Callable[..., R] = address_options(_token(with_api))
    return offering


def _host_and_port(admin_url: object, ready_file: object, admin_host: object, admin_port: object) -> AdminApi:
    certs = None
    if isinstance(ready_file, Path) and admin_url is None:
        from cloudsms_simulator.cli.target import ready_at

        ready = ready_at(ready_file)
        admin_url, certs = ready.admin_url, Path(ready.ca).parent
    assert admin_url is None or isinstance(admin_url, str)
    assert isinstance(admin_host, str)
    assert isinstance(admin_port, int)
    return AdminApi(*address_in(admin_url, admin_host, admin_port), certs=certs)


CommandP = ParamSpec("CommandP")
CommandR = TypeVar("CommandR")

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
"""The option `--json`."""


def client_options(command: Callable[Concatenate[Client, CommandP], CommandR]) -> Callable[..., CommandR]:
    """Gives a command the options that say where the admin API is, and calls it with a client of that.

    Ends the command when the server refuses or is not there, as `AdminApi.call` does.
    """

    @functools.wraps(command)
    def with_client(api: AdminApi, client: Client, *args: CommandP.args, **kwargs: CommandP.kwargs) -> CommandR:
        return command(client, *args, **kwargs)

    return api_client_options(with_client)


def api_client_options(command: Callable[..., CommandR]) -> Callable[..., CommandR]:
    """Likewise, and calls the command with the `AdminApi` before the client."""

    @functools.wraps(command)
    def with_client(api: AdminApi, *args: object, **kwargs: object) -> CommandR:
        from cloudsms_simulator.client.client import Client
        from cloudsms_simulator.client.errors import ApiError

        try:
            with Client(api.url, api.token) as client:
                return command(api, client, *args, **kwargs)
        except ApiError as error:
            raise command_error(error) from error

    offering: Callable[..., CommandR] = with_client
    return admin_options(offering)


def account_option(nobody: str = "") -> Callable[[Callable[..., CommandR]], Callable[..., CommandR]]:
    """The option `--account`; `nobody` is added to its help where `*` means something."""
    text = f"The account{nobody}."
    return click.option("--account", default="default", show_default=True, metavar="NAME", help=text)


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
        text += UNAUTHORIZED
    return CommandError(with_option_names(text), ExitCode.USAGE if error.status in WRONG_USAGE else ExitCode.FAILED)
