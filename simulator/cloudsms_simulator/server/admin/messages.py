"""Messages: one for each SMS_UID that was accepted."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import page_response
from cloudsms_simulator.server.items import message_item


class Messages:
    """`/messages`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The messages of one account."""
        account = self._office.asked(request)
        return page_response(
            request,
            self._office.store.messages(account),
            lambda each: each.uid,
            lambda each: message_item(each, account.auth_key),
        )
