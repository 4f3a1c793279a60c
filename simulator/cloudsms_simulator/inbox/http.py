"""HTTP for pages: their styles, scripts and icons as files that browsers cache, and the forms that pages send.

Browsers cache an address with `?v=` and the version of the files for ever; another version has another address. Forms
hold a draft while it is typed, or a token: everything else that pages send goes to the admin API as JSON.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_FOLDER = Path(__file__).with_name("static")

_CACHE_FOREVER = "public, max-age=31536000, immutable"


class CachedStaticFiles(StaticFiles):
    """The files of a folder, with headers that let browsers cache them and keep their content type."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The answer with one file. Raises HTTPException 404 when there is none."""
        response = await super().get_response(path, scope)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = _CACHE_FOREVER if b"v=" in scope["query_string"] else "no-cache"
        return response


def version_of_files(folder: Path) -> str:
    """The version of a folder's files: eight hex digits that change when any file changes."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


MAX_FORM = 256 * 1024
"""The most octets of a form."""


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form, the last one of each name. Raises HTTPException 413 for a form that is too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise HTTPException(413, f"the form is larger than {MAX_FORM:,} octets, which is the most")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
