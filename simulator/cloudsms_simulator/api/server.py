"""What the server says of itself: `/info`, `/readings`, `/certs`, `/livez`, `/readyz`, `/state`, `/metrics`, `/docs`.

`/livez` and `/readyz` need no token. `/state` is everything there is as one document, taken and put back.
`/metrics` imports prometheus-client when somebody asks. `/openapi.json` and `/docs` describe the API; the page
stands on files that lie in the folder `vendored`, so nothing is asked of another host.
"""

from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import cached_response, json_response, read_octets
from cloudsms_simulator.models.server import Certs, FindingRule, Info, Probe, ReadingsItem
from cloudsms_simulator.net.http_parser import base_path
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.services.info import all_readings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from cloudsms_simulator.services.snapshot import StateService

_API_ROOT = "/api/v1/"


class InfoHandlers:
    """`/info`, `/readings` and `/certs`. `info` takes the resources that the API has."""

    def __init__(self, info: Callable[[tuple[str, ...]], Info], certs: Callable[[], Certs]) -> None:
        self._info = info
        self._certs = certs

    async def info(self, request: Request) -> Response:
        """What this server is, and what it has."""
        return json_response(self._info(_resources(request.app.routes)))

    async def readings(self, request: Request) -> Response:
        """Where the specification is silent, what is done here; and every rule a finding may have."""
        rules = [FindingRule(each.id, each.severity, each.heading, each.summary) for each in FINDING_RULES.values()]
        return json_response(ReadingsItem(all_readings(), tuple(rules)))

    async def certs(self, request: Request) -> Response:
        """The authority to trust, and the customer's certificate and key, as PEM."""
        return json_response(self._certs())


def _resources(routes: Iterable[object]) -> tuple[str, ...]:
    paths = (route.path for route in routes if isinstance(route, Route) and route.path.startswith(_API_ROOT))
    return tuple(sorted({path.removeprefix(_API_ROOT).partition("/")[0] for path in paths}))


class ProbeHandlers:
    """`/livez` and `/readyz`, which need no token."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def livez(self, request: Request) -> Response:
        """The process answers."""
        return json_response(Probe("ok"))

    async def readyz(self, request: Request) -> Response:
        """200 once both ports serve; 503 before that, while it stops, and (with why) while nothing can be kept."""
        facts = self._context.store.database_facts
        if facts is not None and facts.trouble is not None:
            return json_response(Probe("not ready", f"the store cannot be written: {facts.trouble}"), 503)
        ready = self._context.is_ready()
        return json_response(Probe("ok" if ready else "not ready"), 200 if ready else 503)


MAX_STATE_BODY = 256 * 1024 * 1024
"""The most octets of a state document."""


class StateHandlers:
    """`/state`."""

    def __init__(self, state: Callable[[], "StateService"]) -> None:
        self._state = state

    async def take(self, request: Request) -> Response:
        """Everything at this one moment: accounts with their AUTH_KEYs, clocks, messages, reports, money and rules."""
        return Response(await self._state().take(), media_type="application/json")

    async def put(self, request: Request) -> Response:
        """Puts a document in the place of everything there is; 204. Pushes on the way are aborted first."""
        await self._state().put(await read_octets(request, MAX_STATE_BODY))
        return Response(status_code=204)


class MetricsHandlers:
    """`/metrics`. prometheus-client is imported at the first request."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def show(self, request: Request) -> Response:
        """What is counted and measured, for Prometheus: text, or OpenMetrics for who accepts that."""
        from prometheus_client.exposition import choose_encoder

        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        from cloudsms_simulator.api.metrics import metrics_registry

        return metrics_registry(self._context)


VENDORED_FOLDER = Path(__file__).parents[1] / "vendored"
"""Files of others, each in a folder that is named for its version."""

_RAPIDOC = "rapidoc-9.3.8/rapidoc-min.js"
_CACHE_FOREVER = "public, max-age=31536000, immutable"
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DOCS_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The admin API of the CloudSMS simulator</title>
<link rel="icon" href="data:,">
<script type="module" src="../../vendored/{_RAPIDOC}"></script>
</head>
<body>
<rapi-doc spec-url="openapi.json" load-fonts="false" render-style="focused" show-header="false" theme="light"
  allow-spec-url-load="false" allow-spec-file-load="false" allow-server-selection="false"
  show-method-in-nav-bar="as-colored-text" use-path-in-nav-bar="true" schema-description-expanded="true"
  regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace"></rapi-doc>
</body>
</html>
""".encode()


class DocsHandlers:
    """`/openapi.json`, `/docs` and `/vendored`. `document` makes the OpenAPI document for a base path, once each."""

    def __init__(self, document: Callable[[str], bytes]) -> None:
        self._document = lru_cache(maxsize=4)(document)
        self._files = StaticFiles(directory=VENDORED_FOLDER)

    async def openapi(self, request: Request) -> Response:
        """This description; an OpenAPI 3.1 document."""
        return cached_response(request, self._document(base_path(request.scope)), "application/json")

    async def docs(self, request: Request) -> Response:
        """A page that shows this description, and lets operations be tried."""
        return cached_response(
            request, _DOCS_PAGE, "text/html", Content_Security_Policy=_DOCS_POLICY, X_Content_Type_Options="nosniff"
        )

    async def vendored(self, request: Request) -> Response:
        """A file that a page needs."""
        path = request.path_params["path"]
        if not path.endswith((".js", ".txt", ".css")):
            raise HTTPException(404, f"there is no file {path[:200]} here")
        response = await self._files.get_response(path, request.scope)
        response.headers["Cache-Control"] = _CACHE_FOREVER
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
