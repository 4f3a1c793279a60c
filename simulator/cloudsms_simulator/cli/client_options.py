"""The options of commands that speak to the admin API through the control client, and how they end when it says no."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from cloudsms_simulator.cli.admin_api import UNAUTHORIZED, WRONG_USAGE, AdminApi, admin_options, in_shell
from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from cloudsms_simulator.client import Client
    from cloudsms_simulator.client_errors import ApiError

P = ParamSpec("P")
R = TypeVar("R")

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
"""Has a command say it to a program."""


def client_options(command: Callable[Concatenate[Client, P], R]) -> Callable[..., R]:
    """Gives a command the options that say where the admin API is, and calls it with a client of that.

    Ends the command when the server refuses or is not there, as `AdminApi.call` does.
    """

    @functools.wraps(command)
    def with_client(api: AdminApi, client: Client, *args: P.args, **kwargs: P.kwargs) -> R:
        return command(client, *args, **kwargs)

    return api_client_options(with_client)


def api_client_options(command: Callable[..., R]) -> Callable[..., R]:
    """The same, and calls it with the API first."""

    @functools.wraps(command)
    def with_client(api: AdminApi, *args: object, **kwargs: object) -> R:
        from cloudsms_simulator.client import ApiError, Client

        try:
            with Client(api.url, api.token) as client:
                return command(api, client, *args, **kwargs)
        except ApiError as error:
            raise told(error) from error

    offering: Callable[..., R] = with_client
    return admin_options(offering)


def account_option(nobody: str = "") -> Callable[[Callable[..., R]], Callable[..., R]]:
    """The option that says whose; `nobody` tells of `*` where that means something."""
    text = f"The account{nobody}."
    return click.option("--account", default="default", show_default=True, metavar="NAME", help=text)


def told(error: ApiError) -> CommandError:
    """The error as the user reads it, with the code it ends with."""
    from cloudsms_simulator.client_errors import RefusedError, SilentError, UnreachableError, WaitError

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
    return CommandError(in_shell(text), ExitCode.USAGE if error.status in WRONG_USAGE else ExitCode.FAILED)
