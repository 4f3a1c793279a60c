"""The admin API as a command reaches it: where it is, the token it may want, and what it answers."""

import functools
import re
import shlex
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Concatenate, NoReturn, ParamSpec, TypeVar
from urllib.parse import urlencode

import click
import msgspec

from cloudsms_simulator.cli.address import address_in, address_options
from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode
from cloudsms_simulator.server.listening_socket import authority

P = ParamSpec("P")
R = TypeVar("R")

MARGIN = 5.0
"""Seconds an answer may take beyond what the server was asked to do."""
_SHOWN = 200
WRONG_USAGE = (400, 401, 403, 404, 405, 410, 413, 415, 421)
"""Statuses that say the request was wrong, not what was found."""


_OF_ACCOUNT = re.compile(r"\baccount=(\*|[A-Za-z0-9._-]+)")

UNAUTHORIZED = ": give --admin-token, or set CLOUDSMS_SIM_ADMIN_TOKEN"
"""What a command adds when a server wants a token."""


class AdminApi(msgspec.Struct, frozen=True):
    """A server's admin API."""

    host: str
    port: int
    token: str | None = None
    certs: Path | None = None
    """The folder of the server's certificates, where its ready file said so."""

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://{authority(self.host, self.port)}"

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
            detail = in_shell(msgspec.json.decode(answer, type=_Problem).detail)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            shown = answer[:_SHOWN].decode("utf-8", "replace")
            message = f"{self.url} answers HTTP {status}; is this its admin port? {shown}"
            raise CommandError(message, ExitCode.FAILED) from None
        if status == 401:
            detail += UNAUTHORIZED
        raise CommandError(detail, ExitCode.USAGE if status in WRONG_USAGE else ExitCode.FAILED)


def in_shell(detail: str) -> str:
    """What the admin API says, with the options of commands where it speaks of its parameters."""
    return _OF_ACCOUNT.sub(lambda found: f"--account {shlex.quote(found[1])}", detail)


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
        api = msgspec.structs.replace(_place(**given), token=token if isinstance(token, str) else None)
        return command(api, *args, **kwargs)

    offering: Callable[..., R] = address_options(_token(with_api))
    return offering


def _place(admin_url: object, ready_file: object, admin_host: object, admin_port: object) -> AdminApi:
    certs = None
    if isinstance(ready_file, Path) and admin_url is None:
        from cloudsms_simulator.cli.target import ready_at

        ready = ready_at(ready_file)
        admin_url, certs = ready.admin_url, Path(ready.ca).parent
    assert admin_url is None or isinstance(admin_url, str)
    assert isinstance(admin_host, str)
    assert isinstance(admin_port, int)
    return AdminApi(*address_in(admin_url, admin_host, admin_port), certs=certs)
