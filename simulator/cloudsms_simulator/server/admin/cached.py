"""Cached answers: those that stay the same, or that a client may have already."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse


def unchanging(request: Request, body: bytes, media_type: str, **headers: str) -> Response:
    """A body with its ETag, to be asked for again each time; 304 for who has it. Underscores in names are dashes."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    response = Response(body, media_type=media_type, headers={"ETag": tag, "Cache-Control": "no-cache", **told})
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return NotModifiedResponse(response.headers) if tag in known else response
