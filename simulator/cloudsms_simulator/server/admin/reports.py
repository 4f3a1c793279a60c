"""Reports: the delivery reports, each with the attempts to push it."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import page_response
from cloudsms_simulator.server.items import report_item


class Reports:
    """`/reports`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The reports of one account, with their attempts."""
        account = self._office.asked(request)
        return page_response(
            request,
            self._office.store.reports(account),
            lambda each: each.id,
            lambda each: report_item(each, account.auth_key),
        )
