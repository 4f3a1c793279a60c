"""Forms: what a page sends as fields, not as a call of the API: what somebody types while they type it, and a token."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST = 256 * 1024
"""Octets of a form."""


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form, the last of each name; HTTPException 413 for one that is too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise HTTPException(413, f"the form is larger than {LARGEST:,} octets, which is the most")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
