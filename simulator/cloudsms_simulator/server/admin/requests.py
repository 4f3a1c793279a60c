"""Requests: every exchange, with its answer and its findings."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.lookups import exchange_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response, page_response
from cloudsms_simulator.server.admin.searching import asked_of, matching
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.sought import name_of


class Requests:
    """`/requests` and what is below it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The exchanges of one account, or of none with `?account=*`. `?q=` searches."""
        account = asked_of(self._office, request)
        found = await matching(self._office, request, account, "requests")
        return page_response(request, found, lambda each: str(name_of(each)), Kept(self._office.store, account).item)

    async def show(self, request: Request) -> Response:
        """One exchange of an account, or of none with `?account=*`."""
        account = asked_of(self._office, request)
        exchange = exchange_of(self._office, account, request.path_params["id"])
        return json_response(Kept(self._office.store, account).item(exchange))
