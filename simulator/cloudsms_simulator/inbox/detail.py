"""What the pages of one message and of one request share: whose it is, its neighbours in the list, and marked bodies.

A marked body is the JSON of an exchange indented for people, with the places of findings or changes marked in it, and
the marks numbered as in the list beside it. A body that is not JSON is shown as it came, marked where reading it
stopped. The first 12,000 characters are shown; a body of more than 128 KiB is shown without marks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from starlette.requests import Request

from cloudsms_simulator.api.context import NOBODY, ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.records import Exchange, Message
from cloudsms_simulator.inbox.list_page import EntryList, ListEntry, list_position_of
from cloudsms_simulator.inbox.page_context import PageContext, accounts_in_scope
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.models.explanation import CorrectionItem
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.json_text import Place, Places
from cloudsms_simulator.protocol.packet import decode

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
