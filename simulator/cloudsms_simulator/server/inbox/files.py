"""Files: what pages are made of beside their text: styles, scripts, and the icon.

An address that names the edition is kept by browsers for good; another edition has another address.
"""

import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).with_name("static")

_FOR_GOOD = "public, max-age=31536000, immutable"


class Files(StaticFiles):
    """The files of a folder, with the headers that let a browser keep them, and take them for nothing else."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file; HTTPException 404 when there is none."""
        response = await super().get_response(path, scope)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = _FOR_GOOD if b"v=" in scope["query_string"] else "no-cache"
        return response


def edition_of(folder: Path) -> str:
    """Eight hex digits that are others as soon as any file of the folder is."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
