"""The page of one message: its text as a handset shows it, its money, all that happened to it, and what to do to it."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.explaining import decider_of_message
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.otp import otp_in
from cloudsms_simulator.engine.text_bill import bill_of_message
from cloudsms_simulator.protocol.masking import hide
from cloudsms_simulator.protocol.states import STATES
from cloudsms_simulator.server.admin.lookups import no_message
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.aside import aside
from cloudsms_simulator.server.inbox.arrivals import about
from cloudsms_simulator.server.inbox.bubbles import talk_of
from cloudsms_simulator.server.inbox.detail import MOST, neighbours, owner_in, with_findings
from cloudsms_simulator.server.inbox.marked import marked
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.visit import Visit, visit_of
from cloudsms_simulator.server.items import RequestItem, message_item, report_item
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.ledger_item import ledger_item
from cloudsms_simulator.server.sought import octets_of
from cloudsms_simulator.server.timeline_item import timeline_of


class MessagePage:
    """`/messages/{uid}`; `?of=` names whose it is."""

    def __init__(self, office: Office, press: Press) -> None:
        self._office = office
        self._press = press

    async def show(self, request: Request) -> Response:
        """The page; one that says where to look when there is no such message."""
        office, visit, uid = self._office, visit_of(self._office, request), request.path_params["uid"]
        owner = owner_in(office, request, lambda holder: self._kept(holder, uid) is not None) or office.at_hand()
        message = self._kept(owner, uid)
        if message is None:
            return self._missing(visit, no_message(office, owner, uid))
        store, sending, key, keys = office.store, message.sending, owner.auth_key, office.directory.keys
        [came] = await Kept(store, owner).items([sending])
        assert isinstance(came, RequestItem)
        findings = about(message.index, came.findings)
        item, bill = message_item(message, key), bill_of_message(message)
        ledger = store.ledger(owner)
        return self._press.page(
            "message.html",
            visit,
            item=item,
            customer_body=None if item.customer_body is None else bytes(item.customer_body).decode(),
            bill=bill,
            talk=talk_of(bill),
            otp=otp_in(bill.text),
            decided_by=decider_of_message(message),
            findings=findings,
            most=MOST,
            request=came,
            body=await aside(octets_of(sending), lambda: with_findings(hide(sending.body, keys), findings)),
            answer=None if came.answer is None else marked(came.answer.encode()),
            is_alone=len(sending.uids) == 1 and sending.places is None,
            curl=office.explainer.curl(owner, sending),
            ledger=[ledger_item(ledger, each, owner.currency) for each in ledger if each.uid == uid],
            timeline=timeline_of(store, owner, message, office.wall.now()),
            reports=[report_item(each, key, message) for each in store.reports_of(owner, uid)],
            verifies=owner.callback.verify,
            states=tuple(row.state.name for row in STATES),
            beside=await neighbours(office, visit, message),
        )

    def _kept(self, holder: Account | None, uid: str) -> Message | None:
        return None if holder is None else self._office.store.message(holder, uid)

    def _missing(self, visit: Visit, error: HTTPException) -> Response:
        return self._press.page("missing.html", visit, 404, what="message", detail=error.detail)
