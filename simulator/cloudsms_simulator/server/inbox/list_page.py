"""The list: everything that came, live and newest first."""

import re
from collections.abc import Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.protocol.result_codes import RESULT_CODES, written
from cloudsms_simulator.protocol.states import STATES
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.inbox.arrivals import Arrivals, Mark, Window
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.visit import Visit, accounts_in, visit_of
from cloudsms_simulator.server.search_fields import FIELDS, FLAGS
from cloudsms_simulator.server.search_words import SearchError


class ListPage:
    """`/`, and `/window` for more of its rows."""

    def __init__(self, office: Office, press: Press) -> None:
        self._office = office
        self._press = press

    async def show(self, request: Request) -> Response:
        """The page; a search that is none is told above an empty list."""
        visit = visit_of(self._office, request)
        window, problem = Window((), None, 0, 0), None
        try:
            window = await self._window(visit, None)
        except SearchError as error:
            problem = str(error)
        return self._press.page(
            "list.html",
            visit,
            200 if problem is None else 400,
            window=window,
            problem=problem,
            suggestions=suggestions(self._office),
            narrowings=narrowings(visit.query),
            info=self._office.info(()),
        )

    async def window(self, request: Request) -> Response:
        """The rows below `?after=`, the newest ones without it."""
        visit = visit_of(self._office, request)
        try:
            text = request.query_params.get("after")
            after = None if text is None else Mark.read(text)
        except ValueError as error:
            raise HTTPException(400, f"after: {error}") from error
        return self._press.page("_window.html", visit, window=await self._window(visit, after))

    async def _window(self, visit: Visit, after: Mark | None) -> Window:
        office = self._office
        return await Arrivals(office.store, office.wall, accounts_in(office, visit)).window(visit.query, after)


class Narrowing(msgspec.Struct, frozen=True):
    """A field by which the list can be narrowed without typing: a search for each value, the one in effect, and all."""

    field: str
    options: tuple[tuple[str, str], ...]
    """What each value is called, and the search with it."""
    chosen: str | None
    without: str
    """The search without any."""


def narrowings(query: str) -> tuple[Narrowing, ...]:
    """The list by state and by code; the rest of a search stays."""
    states = tuple((row.state.name, row.state.name) for row in STATES)
    codes = tuple((f"{row.desc} {written(row.code)}", written(row.code)) for row in RESULT_CODES)
    return tuple(_narrowing(query, field, values) for field, values in (("state", states), ("code", codes)))


def _narrowing(query: str, field: str, values: Sequence[tuple[str, str]]) -> Narrowing:
    term = re.compile(rf'(?<!\S)-?{field}:(?:"[^"]*"|\S)*\s*')
    without = term.sub("", query).strip()
    searches = tuple((label, f"{without} {field}:{value}".strip()) for label, value in values)
    said = [each.strip() for each in term.findall(query)]
    chosen = next((label for label, value in values if said == [f"{field}:{value}"]), None)
    return Narrowing(field, searches, chosen, without)


def suggestions(office: Office) -> tuple[str, ...]:
    """Terms a search may be made of: every field of messages and requests, and the values that are known ahead."""
    known = [f"state:{row.state.name}" for row in STATES]
    known += [f"code:{row.desc}" for row in RESULT_CODES]
    known += [f"is:{flag}" for flag in FLAGS]
    known += [f"kind:{kind}" for kind in ("uip", "http", "handshake", "closed")]
    known += [f"account:{account.name}" for account in office.directory]
    known += [f"route:{route}" for account in office.directory for route in sorted(account.routes) if route != "*"]
    fields = (name for name, field in FIELDS.items() if {"messages", "requests"} & set(field.kinds))
    return tuple(dict.fromkeys([*known, *(f"{name}:" for name in fields)]))
