"""An address: where an admin API is, out of the URL a user gives."""

from urllib.parse import urlsplit

import click


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
