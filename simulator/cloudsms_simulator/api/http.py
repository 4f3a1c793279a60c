"""HTTP for handlers: bodies read into Structs, answers as JSON, lists in pages, and errors as problems.

- Problems are what RFC 9457 says, `application/problem+json`: `detail` tells what would be right, `problems` lists
  the mistakes one by one where there are several. The `on_...` functions are Starlette's exception handlers.
- `read_json` reads a body of at most 64 KiB, unless said, into a Struct. A field's type is `Annotated` with a
  `Meta` whose description says what would be right: it ends every complaint about the field, and stands in the
  OpenAPI document too. 400 for what does not fit, 413 for what is too large, 415 for what is not JSON by name.
- A list is `{items, total, cursor, evicted}`, newest first. `cursor` fetches the next page and is null on the last
  one; `evicted` counts what the bounded journal no longer has. 410 for a cursor whose place is gone.
- `cached_response` answers with an ETag, and with 304 to a client that has the body already.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar, get_args

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.staticfiles import NotModifiedResponse

from cloudsms_simulator.config import SettingsError, suggestion
from cloudsms_simulator.journal.search_fields import JournalRecord, octets_of, record_id
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.server import Page, Problem
from cloudsms_simulator.net.http_parser import base_path
from cloudsms_simulator.net.runtime import CalledOffError, offload
from cloudsms_simulator.stores.store import Listing, StoreError

if TYPE_CHECKING:
    from cloudsms_simulator.config.yaml_source import YamlFile


PROBLEM_TITLES = {
    400: "bad request",
    404: "not found",
    405: "method not allowed",
    409: "conflict",
    410: "gone",
    413: "too large",
    415: "not JSON",
    503: "stopping",
}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that says what the problem is."""
    return Response(msgspec.json.encode(problem), problem.status, headers, "application/problem+json")


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answers an HTTPException: what a handler refuses, and unknown paths and methods."""
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, error.headers
    if error.status_code == 404 and detail == "Not Found":
        detail = (
            f"there is nothing at {request.url.path[:200]}; {base_path(request.scope)}/api/v1/docs lists what there is"
        )
    elif error.status_code == 405:
        allowed = ", ".join(_methods_at(request))
        headers = {**(headers or {}), "Allow": allowed}
        detail = f"{request.method[:20]} does nothing at {request.url.path[:200]}; use {allowed}"
    title = PROBLEM_TITLES.get(error.status_code, "error")
    return problem_response(Problem(title, error.status_code, detail), headers)


async def on_settings_error(request: Request, error: Exception) -> Response:
    """Answers mistakes in settings, rules and scenarios with 400 and all of them."""
    assert isinstance(error, SettingsError)
    return problem_response(Problem(PROBLEM_TITLES[400], 400, str(error), problems=error.problems))


async def on_called_off(request: Request, error: Exception) -> Response:
    """Answers a call that was called off: 409 when its account was reset or deleted, 503 when the simulator stops."""
    assert isinstance(error, CalledOffError)
    status = 503 if error.reason == "stopped" else 409
    return problem_response(Problem(PROBLEM_TITLES[status], status, str(error)))


async def on_store_error(request: Request, error: Exception) -> Response:
    """Answers a call of which nothing could be kept, or that needs what cannot be read, with 503 and the reason."""
    assert isinstance(error, StoreError)
    return problem_response(Problem("store failed", 503, f"the store cannot be read or written: {error}"))


async def on_unexpected_error(request: Request, error: Exception) -> Response:
    """Answers an error that nobody expected with 500; its traceback goes to the log."""
    return problem_response(Problem("internal error", 500, "a mistake of the simulator; its log has the traceback"))


def _methods_at(request: Request) -> list[str]:
    """The methods that the path of a request takes; several routes may share it."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in matching for method in route.methods or ()})


BodyT = TypeVar("BodyT", bound=msgspec.Struct)

MAX_JSON_BODY = 64 * 1024
"""The most octets of a body, unless a handler allows more."""
_LONGEST_SHOWN = 60
_CLOSE = {"Connection": "close"}


class Nothing(msgspec.Struct, frozen=True):
    """The body of a request that needs none."""


async def read_json(request: Request, kind: type[BodyT], largest: int = MAX_JSON_BODY) -> BodyT:
    """The body of a request as a Struct; without a body, one with every default.

    Raises HTTPException, saying what came and what would be right: 415 for another Content-Type than application/json,
    413 beyond `largest` octets, 400 for what is no JSON object, a key there is none of, a value that does not fit, and
    a key that is missing.
    """
    body = await read_octets(request, largest) or b"{}"
    return _read(body, _object(body), kind)


async def read_table(request: Request, name: str) -> "YamlFile":
    """The body as a YAML file called `name`, since JSON is YAML; doubled keys and nulls are among its problems.

    Raises HTTPException as `read_json` does, and SettingsError for what cannot be YAML.
    """
    from cloudsms_simulator.config.yaml_source import parse_yaml

    body = await read_octets(request)
    _object(body)
    return await asyncio.to_thread(parse_yaml, body.decode(), name)


async def read_octets(request: Request, largest: int = MAX_JSON_BODY) -> bytes:
    """The octets of a body whose Content-Type is JSON. Raises HTTPException 415 and 413 as `read_json` does."""
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
            raise HTTPException(415, f'the Content-Type is "{content_type[:_LONGEST_SHOWN]}"; send application/json')
    return bytes(body)


def _object(body: bytes) -> Mapping[str, msgspec.Raw]:
    """The members of the JSON object in a body, not decoded. Raises HTTPException 400 for anything else."""
    try:
        body.decode()
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise HTTPException(400, "the body is not a JSON object; send {…}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None


def _read(body: bytes, given: Mapping[str, msgspec.Raw], kind: type[BodyT]) -> BodyT:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in given:
        if key not in fields:
            known = ", ".join(fields) or "none"
            near = suggestion(key, fields) or f"; there is {known}"
            raise HTTPException(400, f'unknown key "{key[:_LONGEST_SHOWN]}"{near}')
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
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        wanted = _wanted(kind)
        why = f", want {wanted}" if wanted else f": {error}"
        raise HTTPException(400, f"{name}: got {shown}{why}") from None


def _wanted(kind: object) -> str:
    return next((meta.description or "" for meta in get_args(kind) if isinstance(meta, msgspec.Meta)), "")


ListedT = TypeVar("ListedT")
ItemT = TypeVar("ItemT")

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


class WholeListing(Generic[ListedT]):
    """A `Listing` of which nothing is ever gone."""

    evicted = 0

    def __init__(self, items: Sequence[ListedT]) -> None:
        self.total = len(items)
        self._items = items

    def __iter__(self) -> Iterator[ListedT]:
        return iter(self._items)


def json_response(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def page_response(
    request: Request, listing: Listing[ListedT], key: Callable[[ListedT], str], shown: Callable[[ListedT], object]
) -> Response:
    """The page of a list that a request asks for with `limit` and `cursor`.

    `key` returns what names an item in cursors, `shown` what the page shows of it. Raises HTTPException 400 for a wrong
    limit, and 410 for a cursor whose place is gone.
    """
    page, more = _page(request, listing, key)
    return json_response(Page(tuple([shown(item) for item in page]), listing.total, more, listing.evicted))


async def page_of_values(request: Request, listing: Listing[JournalRecord], view: JournalView) -> Response:
    """Likewise a page of messages, exchanges or reports, as items. Large pages are put together in a thread."""
    values, more = _page(request, listing, lambda value: str(record_id(value)))
    total, evicted = listing.total, listing.evicted
    items = await view.items(values)
    return await offload(sum(map(octets_of, values)), lambda: json_response(Page(tuple(items), total, more, evicted)))


def _page(
    request: Request, listing: Listing[ListedT], key: Callable[[ListedT], str]
) -> tuple[list[ListedT], str | None]:
    """The items of the page that a request asks for, and the cursor of the next one."""
    limit, cursor = _limit(request), request.query_params.get("cursor")
    remaining = iter(listing)
    if cursor is not None:
        for item in remaining:
            if key(item) == cursor:
                break
        else:
            raise HTTPException(410, f'what the cursor "{cursor[:100]}" points at is gone; start again without it')
    page = list(islice(remaining, limit + 1))
    more = key(page[limit - 1]) if len(page) > limit else None
    return page[:limit], more


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_PAGE_SIZE):
        raise HTTPException(400, f'limit is "{text[:20]}"; it is a number from 1 to {MAX_PAGE_SIZE}')
    return int(text)


def cached_response(request: Request, body: bytes, media_type: str, **headers: str) -> Response:
    """A body with its ETag, or 304 when the client has it. Underscores in names of `headers` stand for dashes."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    response = Response(body, media_type=media_type, headers={"ETag": tag, "Cache-Control": "no-cache", **shown})
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return NotModifiedResponse(response.headers) if tag in known else response
