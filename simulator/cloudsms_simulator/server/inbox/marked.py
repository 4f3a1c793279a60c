"""Marked bodies: the JSON of an exchange laid out for people, with what findings or changes are about marked in it.

A body that is no JSON is shown as it came, marked where reading it stopped.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.json_places import Place, Places

LONGEST = 12_000
"""Octets of a laid-out body that a page shows."""
LONGEST_MARKED = 128 * 1024
"""Octets of a body that is laid out and marked; of a longer one the beginning is shown as it came."""
_LONGEST_LAID_OUT = 4 * LONGEST_MARKED
"""Octets of a body over lines. A deep nest is mostly indentation: one that grows beyond this is shown as it came."""
_BODY = "body"
_KINDS = ("error", "warning", "suspicion", "note", "change")
"""Where several marks meet, the first of these is seen."""


class Mark(msgspec.Struct, frozen=True):
    """What to mark: a path as findings have it, the number people find it by, and the rule or reason."""

    path: str
    number: int
    kind: str
    label: str


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a body. `kind` is "" where nothing is marked; `begins` are the marks whose first stretch it is.

    `text` of what `is_missing` names what would stand there.
    """

    text: str
    kind: str = ""
    begins: tuple[Mark, ...] = ()
    labels: tuple[str, ...] = ()
    is_missing: bool = False


class Marked(msgspec.Struct, frozen=True):
    """A body in pieces; `left_out` octets of it are not among them, and `unplaced` marks are not about any octet."""

    pieces: tuple[Piece, ...]
    left_out: int
    unplaced: tuple[Mark, ...]


def marked(body: bytes, marks: Sequence[Mark] = ()) -> Marked:
    """A body with marks. Those for what a change took away have no place, nor have those beyond what is shown."""
    if len(body) > LONGEST_MARKED:
        return Marked((Piece(_readable(body[:LONGEST])),), len(body) - LONGEST, tuple(marks))
    text = laid_out(body)
    places = Places(text)
    placed, unplaced = [], []
    for mark in marks:
        place = _place(text, places, mark)
        if place is None or place.start > LONGEST:
            unplaced.append(mark)
        else:
            placed.append((mark, place))
    return Marked(tuple(_pieces(text[:LONGEST], placed)), max(0, len(text) - LONGEST), tuple(unplaced))


def laid_out(body: bytes) -> bytes:
    """JSON over lines, its numbers and escapes as they were written; anything else, and a deep nest, as it is."""
    try:
        body.decode()
        over_lines = msgspec.json.format(body, indent=2)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    return over_lines if len(over_lines) <= _LONGEST_LAID_OUT else body


def _place(text: bytes, places: Places, mark: Mark) -> Place | None:
    if mark.path == _BODY:
        return _broken(text)
    place = places.of(mark.path)
    return None if place is not None and mark.kind == "change" and not place.is_there else place


def _broken(text: bytes) -> Place | None:
    """Where a body stops being one packet; None for one that is a packet, or empty."""
    decoded = uip.decode(text)
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


def _pieces(text: bytes, placed: Sequence[tuple[Mark, Place]]) -> Iterator[Piece]:
    edges = {0, len(text)}
    missing: defaultdict[int, list[Mark]] = defaultdict(list)
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
            yield Piece(names, _worst(absent), absent, tuple(mark.label for mark in absent), is_missing=True)
        if start == end:
            continue
        # In the order in which the marks were given.
        over = sorted([*(each for each in over if placed[each][1].end > start), *beginning[start]])
        marks = [placed[each][0] for each in over]
        begins = tuple(placed[each][0] for each in beginning[start])
        yield Piece(_readable(text[start:end]), _worst(marks), begins, tuple(mark.label for mark in marks))


def _name(path: str) -> str:
    """The last step of a path, "" for what is none: `COUNTRY_CODE`."""
    return path.rpartition(".")[2] if path.startswith("$") else ""


def _worst(marks: Iterable[Mark]) -> str:
    kinds = {mark.kind for mark in marks}
    return next((kind for kind in _KINDS if kind in kinds), "")


def _readable(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
