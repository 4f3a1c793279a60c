"""`/requests/{id}`: one request: what was wrong with it, where, and what would be right; its answer and its messages.

`?of=` names whose it is, `*` a request that belongs to nobody.
"""

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import ApiContext, exchange_of
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.records import Exchange, Message
from cloudsms_simulator.inbox.detail import (
    MAX_MARKS,
    MarkedBody,
    marked_body,
    neighbours,
    owner_in,
    with_changes,
    with_findings,
)
from cloudsms_simulator.inbox.page_context import page_context_of
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.search_fields import octets_of
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.explanation import Explanation
from cloudsms_simulator.models.journal import RequestItem
from cloudsms_simulator.net.concurrency import offload
from cloudsms_simulator.protocol.masking import hide

_ROW = 1_000
"""How many octets of the body one destination or finding counts as, in the time it takes to render."""


class RequestPage:
    """`/requests/{id}`; `?of=` names whose it is, `*` what belongs to no account."""

    def __init__(self, context: ApiContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates

    async def show(self, request: Request) -> Response:
        """The page; when there is no such request, one that says where to look."""
        context, page = self._context, page_context_of(self._context, request)
        number = request.path_params["id"]
        owner = owner_in(context, request, lambda holder: _has(context, holder, number))
        try:
            exchange = exchange_of(context, owner, number)
        except HTTPException as error:
            return self._templates.page("missing.html", page, 404, what="request", detail=error.detail)
        sender = owner or page.account or context.default_account()
        explanation = await context.explainer.explain_exchange(owner, exchange, sender)
        [item] = await JournalView(context.store, owner).items([exchange])
        assert isinstance(item, RequestItem)
        curl = context.explainer.curl(owner, exchange)
        keys = context.directory.keys
        body, better, answer = await offload(
            octets_of(exchange), lambda: _laid_out(hide(exchange.body, keys), explanation, item.answer)
        )
        messages = self._messages(owner, exchange)
        write = partial(
            self._templates.page,
            "request.html",
            page,
            item=item,
            explanation=explanation,
            most=MAX_MARKS,
            body=body,
            better=better,
            curl=curl,
            answer=answer,
            messages=messages,
            is_live=any(message.final_at is None for message in messages.values()),
            sender=sender,
            beside=await neighbours(context, page, exchange),
        )
        rows = len(explanation.destinations) + len(explanation.findings)
        return await offload(octets_of(exchange) + rows * _ROW, write)

    def _messages(self, owner: Account | None, exchange: Exchange) -> dict[str, Message]:
        """The messages that came of an exchange, those that are still kept, by SMS_UID."""
        if owner is None:
            return {}
        kept = (self._context.store.message(owner, uid) for uid in exchange.uids)
        return {each.uid: each for each in kept if each is not None}


def _laid_out(
    body: bytes, explanation: Explanation, answer: str | None
) -> tuple[MarkedBody, MarkedBody | None, MarkedBody | None]:
    """The body with its findings, the corrected packet with its changes, and the answer."""
    correction = explanation.correction
    return (
        with_findings(body, explanation.findings),
        None if correction is None else with_changes(correction),
        None if answer is None else marked_body(answer.encode()),
    )


def _has(context: ApiContext, holder: Account | None, number: str) -> bool:
    try:
        exchange_of(context, holder, number)
    except HTTPException:
        return False
    return True
