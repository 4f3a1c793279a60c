"""The page of one request: what was wrong with it, where, and what would be right."""

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.protocol.masking import hide
from cloudsms_simulator.server.admin.lookups import exchange_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.aside import aside
from cloudsms_simulator.server.explanation_item import Explanation
from cloudsms_simulator.server.inbox.detail import MOST, neighbours, owner_in, with_changes, with_findings
from cloudsms_simulator.server.inbox.marked import Marked, marked
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.visit import visit_of
from cloudsms_simulator.server.items import RequestItem
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.sought import octets_of

_ROW = 1_000
"""Octets that take as long to be read as a destination or a finding to be written."""


class RequestPage:
    """`/requests/{id}`; `?of=` names whose it is, `*` what is nobody's."""

    def __init__(self, office: Office, press: Press) -> None:
        self._office = office
        self._press = press

    async def show(self, request: Request) -> Response:
        """The page; one that says where to look when there is no such request."""
        office, visit = self._office, visit_of(self._office, request)
        number = request.path_params["id"]
        owner = owner_in(office, request, lambda holder: _has(office, holder, number))
        try:
            exchange = exchange_of(office, owner, number)
        except HTTPException as error:
            return self._press.page("missing.html", visit, 404, what="request", detail=error.detail)
        sender = owner or visit.account or office.at_hand()
        explanation = await office.explainer.of_exchange(owner, exchange, sender)
        [item] = await Kept(office.store, owner).items([exchange])
        assert isinstance(item, RequestItem)
        curl = office.explainer.curl(owner, exchange)
        keys = office.directory.keys
        body, better, answer = await aside(
            octets_of(exchange), lambda: _laid_out(hide(exchange.body, keys), explanation, item.answer)
        )
        messages = self._messages(owner, exchange)
        write = partial(
            self._press.page,
            "request.html",
            visit,
            item=item,
            explanation=explanation,
            most=MOST,
            body=body,
            better=better,
            curl=curl,
            answer=answer,
            messages=messages,
            is_live=any(message.final_at is None for message in messages.values()),
            sender=sender,
            beside=await neighbours(office, visit, exchange),
        )
        rows = len(explanation.destinations) + len(explanation.findings)
        return await aside(octets_of(exchange) + rows * _ROW, write)

    def _messages(self, owner: Account | None, exchange: Exchange) -> dict[str, Message]:
        """The messages that came of an exchange, those that are still kept, by SMS_UID."""
        if owner is None:
            return {}
        kept = (self._office.store.message(owner, uid) for uid in exchange.uids)
        return {each.uid: each for each in kept if each is not None}


def _laid_out(body: bytes, explanation: Explanation, answer: str | None) -> tuple[Marked, Marked | None, Marked | None]:
    """The body with its findings, the corrected packet with its changes, and the answer."""
    correction = explanation.correction
    return (
        with_findings(body, explanation.findings),
        None if correction is None else with_changes(correction),
        None if answer is None else marked(answer.encode()),
    )


def _has(office: Office, holder: Account | None, number: str) -> bool:
    try:
        exchange_of(office, holder, number)
    except HTTPException:
        return False
    return True
