"""Probes: whether the process answers, and whether it serves."""

from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response


class Probe(msgspec.Struct, frozen=True):
    """What a probe finds."""

    status: Literal["ok", "not ready"]


class Probes:
    """`/livez` and `/readyz`, which need no token."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def livez(self, request: Request) -> Response:
        """The process answers."""
        return json_response(Probe("ok"))

    async def readyz(self, request: Request) -> Response:
        """200 once both ports serve, 503 before that and while it stops."""
        ready = self._office.is_ready()
        return json_response(Probe("ok" if ready else "not ready"), 200 if ready else 503)
