"""Requests: every exchange, with its answer and its findings."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.hindsight import answer_of, findings_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import page_response
from cloudsms_simulator.server.items import RequestItem, request_item

NOBODY = "*"
"""`?account=*`: exchanges that belong to no account."""


class Requests:
    """`/requests`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The exchanges of one account, or of none with `?account=*`."""
        account = None if request.query_params.get("account") == NOBODY else self._office.asked(request)
        return page_response(
            request,
            self._office.store.exchanges(account),
            lambda each: str(each.id),
            lambda each: self._item(account, each),
        )

    def _item(self, account: Account | None, exchange: Exchange) -> RequestItem:
        store = self._office.store
        found = (None if account is None else store.message(account, uid) for uid in exchange.uids)
        messages = tuple(message for message in found if message is not None)
        real = store.standing(account).clock.is_real
        findings = findings_of(exchange, messages, account, clock_is_real=real)
        return request_item(exchange, answer_of(exchange, messages), findings)
