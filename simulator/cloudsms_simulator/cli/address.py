"""Where an admin API is, as a user says it: a URL, a ready file, or host and port. Light: `readyz` starts with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from cloudsms_simulator.net.sockets import reachable_host


def ready_file_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option that names a server's ready file; `text` says what is taken from it."""
    return click.option(
        "--ready-file",
        envvar="CLOUDSMS_SIM_READY_FILE",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=text,
    )


_OPTIONS = (
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


def address_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that say where an admin API is: admin_url, ready_file, admin_host, admin_port."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def address_in(admin_url: str | None, admin_host: str, admin_port: int) -> tuple[str, int]:
    """Host and port out of these options, the URL before the others."""
    return (reachable_host(admin_host), admin_port) if admin_url is None else address_of(admin_url, "--admin-url")


def address_of(url: str, option: str) -> tuple[str, int]:
    """Host and port of a plain HTTP URL; anything else is a BadParameter of the option it was given with."""
    try:
        split = urlsplit(url)
        port = split.port or 80
    except ValueError:
        port, split = 0, urlsplit("")
    if split.scheme != "http" or not split.hostname or not port:
        want = "an address such as http://127.0.0.1:61816"
        raise click.BadParameter(f'got "{url}", want {want}', param_hint=option)
    return split.hostname, port
