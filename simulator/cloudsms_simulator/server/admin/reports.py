"""Reports: the delivery reports, each with the attempts to push it."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import page_response
from cloudsms_simulator.server.admin.searching import matching
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.sought import name_of


class Reports:
    """`/reports`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The reports of one account, with their attempts. `?q=` searches."""
        account = self._office.asked(request)
        found = await matching(self._office, request, account, "reports")
        return page_response(request, found, lambda each: str(name_of(each)), Kept(self._office.store, account).item)
