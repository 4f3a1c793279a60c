"""Bodies: the JSON object of a request, read into the Struct that says what may stand in it.

A field's type is `Annotated` with a `Meta` whose description says what would be right; it ends every complaint about
the field, and tells the same in the API's own description.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, get_args

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from cloudsms_simulator.server.problems import suggestion

if TYPE_CHECKING:
    from cloudsms_simulator.server.yaml_file import YamlFile

S = TypeVar("S", bound=msgspec.Struct)

LARGEST = 64 * 1024
"""Octets of a body."""
_SHOWN = 60
_CLOSE = {"Connection": "close"}


class Nothing(msgspec.Struct, frozen=True):
    """The body of a request that needs none."""


async def read_json(request: Request, kind: type[S], largest: int = LARGEST) -> S:
    """The body as a Struct; without a body, one with every default.

    Raises HTTPException, saying what came and what would be right: 415 for another Content-Type than application/json,
    413 beyond `largest` octets, 400 for what is no JSON object, a key there is none of, a value that does not fit, and
    a key that is missing.
    """
    body = await read_octets(request, largest) or b"{}"
    return _read(body, _object(body), kind)


async def read_table(request: Request, name: str) -> "YamlFile":
    """The body as a file called `name` would say it, since JSON is YAML; doubled keys and nulls are in its problems.

    Raises HTTPException as `read_json` does, and SettingsError for what YAML has no place for.
    """
    from cloudsms_simulator.server.yaml_file import parse_yaml

    body = await read_octets(request)
    _object(body)
    return await asyncio.to_thread(parse_yaml, body.decode(), name)


async def read_octets(request: Request, largest: int = LARGEST) -> bytes:
    """The body, once it is known to be JSON by name; 415 and 413 as for `read_json`."""
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > largest:
                raise HTTPException(413, f"the body is larger than {largest:,} octets, which is the most", _CLOSE)
    except ClientDisconnect as error:
        raise HTTPException(400, "the body did not arrive whole") from error
    if body:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise HTTPException(415, f'the Content-Type is "{content_type[:_SHOWN]}"; send application/json')
    return bytes(body)


def _object(body: bytes) -> Mapping[str, msgspec.Raw]:
    """The values of the JSON object that a body is."""
    try:
        body.decode()
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise HTTPException(400, "the body is not a JSON object; send {…}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None


def _read(body: bytes, given: Mapping[str, msgspec.Raw], kind: type[S]) -> S:
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
