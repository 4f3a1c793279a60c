"""The description of the API: its OpenAPI document, a page that shows it, and the files that pages need.

Nothing here is asked of another host: what the page stands on is vendored.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from cloudsms_simulator.server.admin.cached import unchanging

VENDORED = Path(__file__).parents[1] / "vendored"
"""Files of others, each in a folder that is named for its version."""

_RAPIDOC = "rapidoc-9.3.8/rapidoc-min.js"
_FOR_EVER = "public, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The admin API of the CloudSMS simulator</title>
<link rel="icon" href="data:,">
<script type="module" src="/vendored/{_RAPIDOC}"></script>
</head>
<body>
<rapi-doc spec-url="openapi.json" load-fonts="false" render-style="focused" show-header="false" theme="light"
  allow-spec-url-load="false" allow-spec-file-load="false" allow-server-selection="false"
  show-method-in-nav-bar="as-colored-text" use-path-in-nav-bar="true" schema-description-expanded="true"
  regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace"></rapi-doc>
</body>
</html>
""".encode()


class Description:
    """`/openapi.json`, `/docs` and `/vendored`. `document` makes the first; it is asked once."""

    def __init__(self, document: Callable[[], bytes]) -> None:
        self._make = document
        self._files = StaticFiles(directory=VENDORED)

    @cached_property
    def _document(self) -> bytes:
        return self._make()

    async def openapi(self, request: Request) -> Response:
        """This description; an OpenAPI 3.1 document."""
        return unchanging(request, self._document, "application/json")

    async def docs(self, request: Request) -> Response:
        """A page that shows this description, and lets operations be tried."""
        return unchanging(
            request, _PAGE, "text/html", Content_Security_Policy=_POLICY, X_Content_Type_Options="nosniff"
        )

    async def vendored(self, request: Request) -> Response:
        """A file that a page needs."""
        path = request.path_params["path"]
        if not path.endswith((".js", ".txt", ".css")):
            raise HTTPException(404, f"there is no file {path[:200]} here")
        response = await self._files.get_response(path, request.scope)
        response.headers["Cache-Control"] = _FOR_EVER
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
