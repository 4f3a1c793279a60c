"""The state: everything as one document, taken and put."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.bodies import read_octets
from cloudsms_simulator.server.state import StateKeeper

LARGEST_STATE = 256 * 1024 * 1024
"""Octets of a document."""


class States:
    """`/state`."""

    def __init__(self, keeper: StateKeeper) -> None:
        self._keeper = keeper

    async def take(self, request: Request) -> Response:
        """Everything at this one moment: accounts with their AUTH_KEYs, clocks, messages, reports, money and rules."""
        return Response(await self._keeper.take(), media_type="application/json")

    async def put(self, request: Request) -> Response:
        """Puts a document in the place of everything there is; 204. Pushes on the way are aborted first."""
        await self._keeper.put(await read_octets(request, LARGEST_STATE))
        return Response(status_code=204)
