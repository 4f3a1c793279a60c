"""`/messages/{uid}` and `/requests/{id}`: one message, or one request, in all its details.

A message is shown with its text in bubbles as a handset shows it, its money, its timeline, and what to do to it. The
characters outside the GSM alphabet are marked: they keep it out of DCS 0, which makes it more expensive. A request is
shown with what was wrong with it, where, and what would be right, its answer and its messages. `?of=` names whose it
is, `*` what belongs to no account.

A marked body is the JSON of an exchange indented for people, with the places of findings or changes marked in it, and
the marks numbered as in the list beside it. A body that is not JSON is shown as it came, marked where reading it
stopped. The first 12,000 characters are shown; a body of more than 128 KiB is shown without marks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import NOBODY, ApiContext, exchange_of, no_message
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import Forcing, TextBill, bill_of_message
from cloudsms_simulator.engine.diagnosis import otp_in
from cloudsms_simulator.engine.explanation import decider_of_message
from cloudsms_simulator.engine.records import Exchange, Message
from cloudsms_simulator.inbox.list_page import EntryList, ListEntry, findings_about, list_position_of
from cloudsms_simulator.inbox.page_context import PageContext, accounts_in_scope, page_context_of
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.search_fields import octets_of
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.journal.views import JournalView, message_item, report_item, timeline_of
from cloudsms_simulator.models.explanation import CorrectionItem, Explanation
from cloudsms_simulator.models.journal import RequestItem
from cloudsms_simulator.net.runtime import offload
from cloudsms_simulator.protocol.codes import STATES
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.json_text import Place, Places
from cloudsms_simulator.protocol.masking import hide
from cloudsms_simulator.protocol.packet import decode
from cloudsms_simulator.protocol.segmentation import is_gsm
from cloudsms_simulator.services.accounts import ledger_item

MAX_SHOWN = 12_000
"""How many octets of an indented body a page shows."""
MAX_MARKED = 128 * 1024
"""The most octets of a body that is indented and marked; of a longer one the beginning is shown as it came."""
_MAX_PRETTY = 4 * MAX_MARKED
"""The most octets of an indented body; beyond, it is shown as it came. A deep nest is mostly indentation."""
_BODY = "body"
_KINDS = ("error", "warning", "suspicion", "note", "change")
"""Kinds of marks; where several overlap, the first of these is shown."""


class BodyMark(msgspec.Struct, frozen=True):
    """What to mark: a path as findings have it, the number shown beside it, and the rule or reason."""

    path: str
    number: int
    kind: str
    label: str


class BodyPiece(msgspec.Struct, frozen=True):
    """A stretch of a body. `kind` is "" where nothing is marked; `begins` are the marks whose first stretch it is.

    `text` of what `is_missing` names what would stand there.
    """

    text: str
    kind: str = ""
    begins: tuple[BodyMark, ...] = ()
    labels: tuple[str, ...] = ()
    is_missing: bool = False


class MarkedBody(msgspec.Struct, frozen=True):
    """A body in pieces. `left_out` octets of it are not shown; `unplaced` marks have no place in what is shown."""

    pieces: tuple[BodyPiece, ...]
    left_out: int
    unplaced: tuple[BodyMark, ...]


def marked_body(body: bytes, marks: Sequence[BodyMark] = ()) -> MarkedBody:
    """A body with its marks. Marks of what a change removed have no place, nor have those beyond what is shown."""
    if len(body) > MAX_MARKED:
        return MarkedBody((BodyPiece(_readable(body[:MAX_SHOWN])),), len(body) - MAX_SHOWN, tuple(marks))
    text = pretty_json(body)
    places = Places(text)
    placed, unplaced = [], []
    for mark in marks:
        place = _place(text, places, mark)
        if place is None or place.start > MAX_SHOWN:
            unplaced.append(mark)
        else:
            placed.append((mark, place))
    return MarkedBody(tuple(_pieces(text[:MAX_SHOWN], placed)), max(0, len(text) - MAX_SHOWN), tuple(unplaced))


def pretty_json(body: bytes) -> bytes:
    """JSON indented over lines, its numbers and escapes as written; anything else, and a deep nest, as it is."""
    try:
        body.decode()
        over_lines = msgspec.json.format(body, indent=2)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    return over_lines if len(over_lines) <= _MAX_PRETTY else body


def _place(text: bytes, places: Places, mark: BodyMark) -> Place | None:
    if mark.path == _BODY:
        return _broken(text)
    place = places.of(mark.path)
    return None if place is not None and mark.kind == "change" and not place.is_there else place


def _broken(text: bytes) -> Place | None:
    """Where a body stops being a packet; None for a packet, or an empty body."""
    decoded = decode(text)
    if decoded.form == "cut":
        return Place(decoded.offset, len(text))
    if decoded.form == "broken":
        end = decoded.offset + 1
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end += 1  # to the end of a character
        return Place(decoded.offset, min(end, len(text)))
    if decoded.trailing:
        return Place(decoded.offset, len(text))
    return Place(0, len(text)) if decoded.form == "no-object" else None


def _pieces(text: bytes, placed: Sequence[tuple[BodyMark, Place]]) -> Iterator[BodyPiece]:
    edges = {0, len(text)}
    missing: defaultdict[int, list[BodyMark]] = defaultdict(list)
    beginning: defaultdict[int, list[int]] = defaultdict(list)
    for index, (mark, place) in enumerate(placed):
        edges |= {place.start, min(place.end, len(text))}
        if place.start == place.end:
            missing[place.start].append(mark)
        else:
            beginning[place.start].append(index)
    ordered = sorted(edges)
    over: list[int] = []
    for start, end in zip(ordered, [*ordered[1:], ordered[-1]], strict=True):
        if absent := tuple(missing[start]):
            names = ", ".join(_name(mark.path) for mark in absent)
            yield BodyPiece(names, _worst(absent), absent, tuple(mark.label for mark in absent), is_missing=True)
        if start == end:
            continue
        # `over` is in the order in which the marks were given.
        over = sorted([*(each for each in over if placed[each][1].end > start), *beginning[start]])
        marks = [placed[each][0] for each in over]
        begins = tuple(placed[each][0] for each in beginning[start])
        yield BodyPiece(_readable(text[start:end]), _worst(marks), begins, tuple(mark.label for mark in marks))


def _name(path: str) -> str:
    """The last member of a path, such as `COUNTRY_CODE`; "" for what is no path."""
    return path.rpartition(".")[2] if path.startswith("$") else ""


def _worst(marks: Iterable[BodyMark]) -> str:
    kinds = {mark.kind for mark in marks}
    return next((kind for kind in _KINDS if kind in kinds), "")


def _readable(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


MAX_MARKS = 50
"""How many findings, and how many changes, a page shows one by one."""


class Neighbours(msgspec.Struct, frozen=True):
    """The addresses of the entries above and below in the list, None at its ends."""

    above: str | None
    below: str | None


def owner_in(context: ApiContext, request: Request, has_it: Callable[[Account | None], bool]) -> Account | None:
    """The account that `?of=` names, None for `*`; without `?of=` the one for which `has_it` is true.

    If there is none, the account that `?account=` names, else the default one. Raises HTTPException 404 when there is
    no account of that name.
    """
    name = request.query_params.get("of")
    if name is None:
        holders: tuple[Account | None, ...] = (*context.directory, None)
        for holder in holders:
            if has_it(holder):
                return holder
        name = request.query_params.get("account")
    if name == NOBODY:
        return None
    return context.named(name) if name else context.default_account()


async def neighbours(context: ApiContext, page: PageContext, entry: ListEntry) -> Neighbours:
    """The entries above and below an entry, in the list and search that the page was opened from."""
    entries = EntryList(context.store, context.wall, accounts_in_scope(context, page))
    try:
        above, below = await entries.around(list_position_of(entry), page.query)
    except SearchError:
        return Neighbours(None, None)
    return Neighbours(_address(page, above), _address(page, below))


def with_findings(body: bytes, findings: tuple[Finding, ...]) -> MarkedBody:
    """A body with its findings marked, the first `MAX_MARKS`, numbered from 1 in their order."""
    return marked_body(
        body, [BodyMark(each.path, nth, each.severity, each.rule) for nth, each in enumerate(findings[:MAX_MARKS], 1)]
    )


def with_changes(correction: CorrectionItem) -> MarkedBody | None:
    """A corrected packet with its changes marked, numbered alike; None without a corrected packet."""
    if not isinstance(correction.request, msgspec.Raw):
        return None
    changes = enumerate(correction.changes[:MAX_MARKS], 1)
    return marked_body(
        bytes(correction.request), [BodyMark(each.path, nth, "change", each.why) for nth, each in changes]
    )


def _address(page: PageContext, entry: ListEntry | None) -> str | None:
    if isinstance(entry, Message):
        return page.url(f"/messages/{entry.uid}", of=entry.sending.account, q=page.query)
    if isinstance(entry, Exchange):
        return page.url(f"/requests/{entry.id}", of=entry.account or NOBODY, q=page.query)
    return None


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
