"""Reports: the delivery reports, each with the attempts to push it; what is still due, and one pushed once more."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.intervening import Conflict
from cloudsms_simulator.server.admin.bodies import Nothing, read_json
from cloudsms_simulator.server.admin.lookups import no_report, report_named, report_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response, page_of_values, page_response
from cloudsms_simulator.server.admin.searching import matching
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.pending_item import PendingListing, pending_of


class Reports:
    """`/reports` and what is below it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The reports of one account, with their attempts. `?q=` searches."""
        account = self._office.asked(request)
        found = await matching(self._office, request, account, "reports")
        return await page_of_values(request, found, Kept(self._office.store, account))

    async def pending(self, request: Request) -> Response:
        """What is still due of the messages of one account, soonest first. `?q=` searches the messages."""
        account = self._office.asked(request)
        store = self._office.store
        messages = await matching(self._office, request, account, "messages")
        pending = await pending_of(store, account, messages)
        now = store.standing(account).clock.now(self._office.wall.now())
        listing = PendingListing(pending, now, messages.evicted)
        return page_response(request, listing, lambda each: each.report_id, lambda each: each)

    async def show(self, request: Request) -> Response:
        """One report with its attempts."""
        account, report = report_of(self._office, request)
        return json_response(Kept(self._office.store, account).report(report))

    async def resend(self, request: Request) -> Response:
        """Pushes a report once more now, whatever came of it; the report. 409 while a push of it is on the way."""
        account = self._office.asked(request)
        await read_json(request, Nothing)
        report = await self._office.interventions.resend(account, *report_named(request))
        if report is None:
            raise no_report(self._office, account, request.path_params["id"])
        if isinstance(report, Conflict):
            raise HTTPException(409, report.why)
        return json_response(Kept(self._office.store, account).report(report))
