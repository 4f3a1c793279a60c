"""The list: everything that came, live and newest first."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.protocol.result_codes import RESULT_CODES
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
