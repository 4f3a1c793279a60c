"""Names: the hosts by which the admin port may be called, and which pages are its own.

A host is a name, a name with `*.` for one label, an address, a network such as `10.0.0.0/8`, or `*` for any.

Reading: R19.
"""

import ipaddress
from collections.abc import Iterable

from cloudsms_simulator.engine.account import Network

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names under which a browser of this machine may call it."""
_ANY = "*"


class Names:
    """The names of one admin port. Letters' case and ports do not count."""

    def __init__(self, names: Iterable[str]) -> None:
        said = frozenset(name.lower().strip("[]") for name in names)
        self._ranges = tuple(ipaddress.ip_network(name) for name in said if "/" in name)
        self._names = frozenset(name for name in said if "/" not in name and "*" not in name)
        self._above = frozenset(name.removeprefix("*.") for name in said if name.startswith("*."))
        self._any = _ANY in said
        self.shown = ", ".join(sorted(said))
        """All of them, for people."""

    def __contains__(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = name_in(host)
        label, _, above = name.partition(".")
        is_below = label != "" and above in self._above
        return self._any or name in self._names or is_below or _is_in(name, self._ranges)

    def owns(self, origin: str, host: str) -> bool:
        """Whether a page that calls this server by a Host is its own.

        It is when it was read from there; over https too, where a proxy that ends TLS stands before one of the names
        beyond loopback. Such a proxy may say another Host, but then the page has the usual port.
        """
        if origin == f"http://{host}":
            return True
        scheme, _, site = origin.partition("://")
        if scheme != "https" or name_in(site) in LOOPBACK or site not in self:
            return False
        return site.lower() == host.lower().removesuffix(":443") or site.lower() in self._names


def name_in(host: str) -> str:
    """The name in a Host header, in lower case and without port and brackets."""
    name, _, port = host.rpartition(":")
    bare = name if name and port.isdigit() and not name.endswith(":") else host
    return bare.lower().strip("[]")


def _is_in(name: str, ranges: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in ranges)
