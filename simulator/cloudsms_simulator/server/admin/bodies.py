"""Bodies: the JSON object of a request, read into the Struct that says what may stand in it.

A field's type is `Annotated` with a `Meta` whose description says what would be right; it ends every complaint about
the field, and tells the same in the API's own description.
"""

from typing import TypeVar, get_args

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from cloudsms_simulator.server.problems import suggestion

S = TypeVar("S", bound=msgspec.Struct)

LARGEST = 64 * 1024
"""Octets of a body."""
_SHOWN = 60
_CLOSE = {"Connection": "close"}


class Nothing(msgspec.Struct, frozen=True):
    """The body of a request that needs none."""


async def read_json(request: Request, kind: type[S]) -> S:
    """The body as a Struct; without a body, one with every default.

    Raises HTTPException, saying what came and what would be right: 415 for another Content-Type than application/json,
    413 beyond 64 KiB, 400 for what is no JSON object, a key there is none of, a value that does not fit, and a key
    that is missing.
    """
    body = await _octets(request)
    if body:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise HTTPException(415, f'the Content-Type is "{content_type[:_SHOWN]}"; send application/json')
    return _read(body or b"{}", kind)


async def _octets(request: Request) -> bytes:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST:
                raise HTTPException(413, f"the body is larger than {LARGEST:,} octets, which is the most", _CLOSE)
    except ClientDisconnect as error:
        raise HTTPException(400, "the body did not arrive whole") from error
    return bytes(body)


def _read(body: bytes, kind: type[S]) -> S:
    try:
        body.decode()
        given = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise HTTPException(400, "the body is not a JSON object; send {…}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in given:
        if key not in fields:
            known = ", ".join(fields) or "none"
            near = suggestion(key, fields) or f"; there is {known}"
            raise HTTPException(400, f'unknown key "{key[:_SHOWN]}"{near}')
    for name, field in fields.items():
        if name in given:
            _check(name, given[name], field.type)
        elif field.required:
            raise HTTPException(400, f"{name} is missing: want {_wanted(field.type) or 'it'}")
    return msgspec.json.decode(body, type=kind)


def _check(name: str, raw: msgspec.Raw, kind: object) -> None:
    try:
        msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        text = bytes(raw).decode()
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        wanted = _wanted(kind)
        why = f", want {wanted}" if wanted else f": {error}"
        raise HTTPException(400, f"{name}: got {shown}{why}") from None


def _wanted(kind: object) -> str:
    return next((meta.description or "" for meta in get_args(kind) if isinstance(meta, msgspec.Meta)), "")
