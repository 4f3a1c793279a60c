"""Pages: a list as the API shows it, `{items, total, cursor, evicted}`, newest first.

`cursor` fetches the next page and is null on the last; `evicted` counts what the bounded journal no longer has.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.aside import aside
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.sought import Value, name_of, octets_of
from cloudsms_simulator.stores.store import Listing

T = TypeVar("T")
S = TypeVar("S")

PAGE = 100
LONGEST_PAGE = 1000


class Page(msgspec.Struct, Generic[S], frozen=True):
    """One page of a list."""

    items: Sequence[S]
    total: int
    cursor: str | None
    """Fetches the next page; null on the last."""
    evicted: int
    """How many the bounded journal no longer has."""


class Whole(Generic[T]):
    """A `Listing` of which nothing is ever gone."""

    evicted = 0

    def __init__(self, items: Sequence[T]) -> None:
        self.total = len(items)
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)


def json_response(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def page_response(
    request: Request, listing: Listing[T], key: Callable[[T], str], shown: Callable[[T], object]
) -> Response:
    """The page a request asks for with `limit` and `cursor`; 400 for what is no limit, 410 for a cursor that is gone.

    `key` names an item in cursors, `shown` is what the page has of it.
    """
    page, more = _page(request, listing, key)
    return json_response(Page([shown(item) for item in page], listing.total, more, listing.evicted))


async def page_of_values(request: Request, listing: Listing[Value], kept: Kept) -> Response:
    """The page of messages, exchanges or reports that a request asks for, likewise. Others are served meanwhile."""
    values, more = _page(request, listing, lambda value: str(name_of(value)))
    total, evicted = listing.total, listing.evicted
    items = await kept.items(values)
    return await aside(sum(map(octets_of, values)), lambda: json_response(Page(items, total, more, evicted)))


def _page(request: Request, listing: Listing[T], key: Callable[[T], str]) -> tuple[list[T], str | None]:
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
    text = request.query_params.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_PAGE):
        raise HTTPException(400, f'limit is "{text[:20]}"; it is a number from 1 to {LONGEST_PAGE}')
    return int(text)
