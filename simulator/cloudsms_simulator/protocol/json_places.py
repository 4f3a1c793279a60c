"""Places: which octets of a JSON body a finding's path is about.

Bodies are looked at as they came: nothing is decoded but names, so every octet outside a place stays what it was.

Spec: Interface specification and communication principle.
"""

import re

import msgspec

from cloudsms_simulator.protocol.json_reader import Reader, after_white_space, quotes_bared
from cloudsms_simulator.protocol.json_scan import member_name

_STEP = re.compile(r'\.(?P<name>[^.\[\]"]+)|\[(?P<index>[0-9]{1,9})\]|\[(?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")\]')
_WHITE_SPACE = b" \t\n\r"

Step = str | int


class Place(msgspec.Struct, frozen=True):
    """Octets of a body. What `is_there` not has an empty place, where it would stand, or that of what hinders it."""

    start: int
    end: int
    is_there: bool = True


class Places:
    """Finds places in one body; looking for many of them costs little more than for one."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._text = quotes_bared(body)
        self._reader = Reader(self._text)
        self._known: dict[int, dict[Step, Place]] = {}
        self._outermost: Place | None = None

    def of(self, path: str) -> Place | None:
        """The place of a path such as `$.MULTI_MSISDN_LIST[3].COUNTRY_CODE`; that of the last of equal names.

        None for a path that is none, such as `headers`, and for a body that cannot be read so far.
        """
        steps = _steps(path)
        if steps is None:
            return None
        place = self._outermost = self._outermost or self._all()
        if place.start == len(self._text):
            return None
        for step in steps:
            inside = self._inside(place)
            if inside is None:
                return Place(place.start, place.end, is_there=False)
            if step not in inside:
                return self._end_of(place)
            place = inside[step]
        return place

    def _inside(self, place: Place) -> dict[Step, Place] | None:
        """What stands in an object or an array; None for anything else."""
        if self._text[place.start : place.start + 1] not in (b"{", b"["):
            return None
        if place.start not in self._known:
            is_object = self._text[place.start] == ord("{")
            self._known[place.start] = self._members(place.start) if is_object else self._elements(place.start)
        return self._known[place.start]

    def _members(self, start: int) -> dict[Step, Place]:
        members, _ = self._reader.members(start)
        return {
            member_name(self._body[each.name]): self._trimmed(each.value.start, each.value.stop) for each in members
        }

    def _elements(self, start: int) -> dict[Step, Place]:
        found: dict[Step, Place] = {}
        position = after_white_space(self._text, start + 1)
        while self._text[position : position + 1] not in (b"", b"]"):
            stop = self._reader.value(position)
            if stop.ending != "complete":
                break
            found[len(found)] = self._trimmed(position, stop.offset)
            if self._text[stop.offset : stop.offset + 1] != b",":
                break
            position = after_white_space(self._text, stop.offset + 1)
        return found

    def _all(self) -> Place:
        """The outermost value; an empty place at the end when there is none."""
        begin = after_white_space(self._text, 0)
        return self._trimmed(begin, self._reader.value(begin).offset)

    def _trimmed(self, start: int, end: int) -> Place:
        return Place(start, start + len(self._text[start:end].rstrip(_WHITE_SPACE)))

    def _end_of(self, place: Place) -> Place:
        """Where one more member or element would stand."""
        closed = self._text[place.end - 1 : place.end] in (b"}", b"]")
        inner = self._text[place.start : place.end - 1 if closed else place.end]
        at = place.start + len(inner.rstrip(_WHITE_SPACE))
        return Place(at, at, is_there=False)


def _steps(path: str) -> list[Step] | None:
    """The names and indexes of a path; None for what is no path from the outermost value on."""
    if not path.startswith("$"):
        return None
    steps: list[Step] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return None
        quoted, index = step["quoted"], step["index"]
        steps.append(int(index) if index else step["name"] if quoted is None else member_name(quoted.encode()))
        position = step.end()
    return steps
