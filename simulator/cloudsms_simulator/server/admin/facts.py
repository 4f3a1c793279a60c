"""Facts: what this server is, how it reads the specification, and the certificates its clients need."""

from collections.abc import Callable, Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsms_simulator.protocol.finding_rules import FINDING_RULES, FindingRule
from cloudsms_simulator.server.admin.pages import json_response
from cloudsms_simulator.server.readings import Reading, readings
from cloudsms_simulator.server.server_item import Certs, Info

_BELOW = "/api/v1/"


class ReadingsItem(msgspec.Struct, frozen=True):
    """The readings, and the rules under which findings are told."""

    readings: tuple[Reading, ...]
    rules: tuple[FindingRule, ...]


class Facts:
    """`/info`, `/readings` and `/certs`. `info` is given the resources there are."""

    def __init__(self, info: Callable[[tuple[str, ...]], Info], certs: Callable[[], Certs]) -> None:
        self._info = info
        self._certs = certs

    async def info(self, request: Request) -> Response:
        """What this server is, and what it has."""
        return json_response(self._info(_resources(request.app.routes)))

    async def readings(self, request: Request) -> Response:
        """Where the specification is silent, what is done here; and every rule a finding may have."""
        return json_response(ReadingsItem(readings(), tuple(FINDING_RULES.values())))

    async def certs(self, request: Request) -> Response:
        """The authority to trust, and the customer's certificate and key, as PEM."""
        return json_response(self._certs())


def _resources(routes: Iterable[object]) -> tuple[str, ...]:
    paths = (route.path for route in routes if isinstance(route, Route) and route.path.startswith(_BELOW))
    return tuple(sorted({path.removeprefix(_BELOW).partition("/")[0] for path in paths}))
