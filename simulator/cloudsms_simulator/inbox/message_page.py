"""`/messages/{uid}`: one message: its text as a handset shows it, its money, its timeline, and what to do to it.

The text is shown in bubbles, one for each segment. The characters outside the GSM alphabet are marked: they keep it out
of DCS 0, which makes it more expensive.
"""

from collections.abc import Iterator

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import ApiContext, no_message
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import Forcing, TextBill, bill_of_message
from cloudsms_simulator.engine.diagnosis import otp_in
from cloudsms_simulator.engine.explanation import decider_of_message
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.inbox.detail import MAX_MARKS, marked_body, neighbours, owner_in, with_findings
from cloudsms_simulator.inbox.list_page import findings_about
from cloudsms_simulator.inbox.page_context import PageContext, page_context_of
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.items import message_item, report_item
from cloudsms_simulator.journal.search_fields import octets_of
from cloudsms_simulator.journal.timeline import timeline_of
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.journal import RequestItem
from cloudsms_simulator.net.concurrency import offload
from cloudsms_simulator.protocol.codes import STATES
from cloudsms_simulator.protocol.masking import hide
from cloudsms_simulator.protocol.segmentation import is_gsm
from cloudsms_simulator.services.accounts import ledger_item

_FEW = 3
_ONE_IN = 4
"""Characters outside GSM are marked if there are few, or at most one in so many: not those of a Chinese text."""


class TextRun(msgspec.Struct, frozen=True):
    """Characters of a text; `kind` is "forced" for those outside GSM, "signature", or ""."""

    text: str
    kind: str = ""
    about: str = ""
    """The names of these characters, for people."""


class Bubble(msgspec.Struct, frozen=True):
    """One segment; `length` and `room` in the unit of the text's alphabet."""

    stretches: tuple[TextRun, ...]
    length: int
    room: int


class Bubbles(msgspec.Struct, frozen=True):
    """The bubbles of a text, and the characters marked in them, which decided its alphabet."""

    bubbles: tuple[Bubble, ...]
    blamed: tuple[Forcing, ...]
    outside: int
    """How many characters of the text are outside GSM, marked or not."""


def bubbles_of(bill: TextBill) -> Bubbles:
    """The bubbles of a text."""
    to_blame = tuple(each for each in bill.forcing if each.dcs == bill.dcs) or bill.forcing
    times = sum(each.times for each in to_blame)
    blamed = to_blame if times <= _FEW or times * _ONE_IN <= len(bill.text) else ()
    known = {each.character: each for each in blamed}
    bubbles, start = [], 0
    for part in bill.parts:
        bubbles.append(Bubble(tuple(_text_runs(bill, part.text, start, known)), part.length, part.room))
        start += len(part.text)
    return Bubbles(tuple(bubbles), blamed, sum(not is_gsm(each) for each in bill.text))


def _text_runs(bill: TextBill, text: str, start: int, blamed: dict[str, Forcing]) -> Iterator[TextRun]:
    """A segment in runs of one kind; joined characters, such as those of a family emoji, stay together."""
    signature = bill.signature
    kinds = []
    for index, character in enumerate(text, start):
        signed = signature is not None and signature.start <= index < signature.end
        kinds.append("forced" if character in blamed else "signature" if signed else "")
    begin = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or kinds[end] != kinds[begin]:
            run = text[begin:end]
            names = dict.fromkeys(run) if kinds[begin] == "forced" else {}
            about = ", ".join(f"{blamed[each].code_point} {blamed[each].name}" for each in names)
            yield TextRun(run, kinds[begin], about)
            begin = end


class MessagePage:
    """`/messages/{uid}`; `?of=` names whose it is."""

    def __init__(self, context: ApiContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates

    async def show(self, request: Request) -> Response:
        """The page; when there is no such message, one that says where to look."""
        context, page, uid = self._context, page_context_of(self._context, request), request.path_params["uid"]
        owner = (
            owner_in(context, request, lambda holder: self._message(holder, uid) is not None)
            or context.default_account()
        )
        message = self._message(owner, uid)
        if message is None:
            return self._missing(page, no_message(context, owner, uid))
        store, sending, key, keys = context.store, message.sending, owner.auth_key, context.directory.keys
        [came] = await JournalView(store, owner).items([sending])
        assert isinstance(came, RequestItem)
        findings = findings_about(message.index, came.findings)
        item, bill = message_item(message, key), bill_of_message(message)
        ledger = store.ledger(owner)
        return self._templates.page(
            "message.html",
            page,
            item=item,
            bill=bill,
            talk=bubbles_of(bill),
            otp=otp_in(bill.text),
            decided_by=decider_of_message(message),
            findings=findings,
            most=MAX_MARKS,
            request=came,
            body=await offload(octets_of(sending), lambda: with_findings(hide(sending.body, keys), findings)),
            answer=None if came.answer is None else marked_body(came.answer.encode()),
            is_alone=len(sending.uids) == 1 and sending.places is None,
            curl=context.explainer.curl(owner, sending),
            ledger=[ledger_item(ledger, each, owner.currency) for each in ledger if each.uid == uid],
            timeline=timeline_of(store, owner, message, context.wall.now()),
            reports=[report_item(each, key, message) for each in store.reports_of(owner, uid)],
            verifies=owner.callback.verify,
            states=tuple(row.state.name for row in STATES),
            beside=await neighbours(context, page, message),
        )

    def _message(self, holder: Account | None, uid: str) -> Message | None:
        return None if holder is None else self._context.store.message(holder, uid)

    def _missing(self, page: PageContext, error: HTTPException) -> Response:
        return self._templates.page("missing.html", page, 404, what="message", detail=error.detail)
