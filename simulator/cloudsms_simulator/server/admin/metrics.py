"""Metrics: what a monitoring system asks for."""

from functools import cached_property
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.office import Office

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Metrics:
    """`/metrics`. What it takes is imported when somebody asks."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def show(self, request: Request) -> Response:
        """What is counted and measured, for Prometheus: text, or OpenMetrics for who accepts that."""
        from prometheus_client.exposition import choose_encoder

        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        from cloudsms_simulator.server.admin.exposition import registry_of

        return registry_of(self._office)
