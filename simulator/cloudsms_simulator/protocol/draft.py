"""A draft: a packet while it is being corrected. What no change touches keeps its bytes.

Spec: Request UIP Format.
"""

import re

import msgspec

from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.finding import OUT_OF_RANGE, excerpt

LIST = "$.MULTI_MSISDN_LIST"
_ENTRY = re.compile(r"\$\.MULTI_MSISDN_LIST\[([0-9]{1,9})\](?:\.([A-Z_]+))?")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a packet: where, what came, what takes its place, and why. `nothing` is a field that is not there.

    Values are quoted as findings quote them: as JSON of at most 80 characters and an ellipsis.
    """

    path: str
    was: str = msgspec.field(name="from")
    to: str
    why: str


class Draft:
    """The members of a packet, in their order, and the changes made to them.

    Paths are those of findings: a field `$.TIME`, an entry `$.MULTI_MSISDN_LIST[3]`, or a field of an entry.
    """

    def __init__(self, members: dict[str, msgspec.Raw]) -> None:
        self._members = members
        self._entries: list[msgspec.Raw] | None = None
        """Those of the list, once somebody has asked for one; what is written to them is not in the members yet."""
        self.changes: list[Change] = []

    @property
    def body(self) -> bytes:
        """The packet as compact JSON; the values in it as they were spelled."""
        self._put_entries_back()
        return msgspec.json.encode(self._members)

    @property
    def members(self) -> dict[str, msgspec.Raw]:
        """Its members as they are now."""
        return dict(self._members)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its members."""
        return tuple(self._members)

    def value(self, path: str) -> object:
        """What stands at a path; None for null, and where nothing stands."""
        return uip.value_of(self._raw(path))

    def put(self, path: str, value: object, why: str) -> None:
        """Puts a value at a path. The same value again is no change."""
        raw = msgspec.Raw(msgspec.json.encode(value))
        before = self._raw(path)
        if bytes(before) != bytes(raw):
            self._write(path, raw)
            self.changes.append(Change(path=path, was=_shown(before), to=excerpt(value), why=why))

    def remove(self, path: str, why: str) -> None:
        """Takes a field of the packet away."""
        self._put_entries_back()
        before = self._members.pop(path.removeprefix("$."), uip.ABSENT)
        self.changes.append(Change(path=path, was=_shown(before), to=excerpt(msgspec.UNSET), why=why))

    def fill_in(self, path: str, value: object) -> None:
        """Puts a value at a path without calling it a change."""
        self._write(path, msgspec.Raw(msgspec.json.encode(value)))

    def _raw(self, path: str) -> msgspec.Raw:
        place = _ENTRY.fullmatch(path)
        if place is None:
            self._put_entries_back()
            return self._members.get(path.removeprefix("$."), uip.ABSENT)
        entry = self._taken_entries()[int(place[1])]
        return entry if place[2] is None else (uip.members_of(entry) or {}).get(place[2], uip.ABSENT)

    def _write(self, path: str, raw: msgspec.Raw) -> None:
        place = _ENTRY.fullmatch(path)
        if place is None:
            self._put_entries_back()
            self._members[path.removeprefix("$.")] = raw
            return
        entries = self._taken_entries()
        index = int(place[1])
        if place[2] is None:
            entries[index] = raw
        else:
            changed = (uip.members_of(entries[index]) or {}) | {place[2]: raw}
            entries[index] = msgspec.Raw(msgspec.json.encode(changed))

    def _taken_entries(self) -> list[msgspec.Raw]:
        """The entries of the list, read once however many of them are changed."""
        if self._entries is None:
            self._entries = uip.entries_of(self._raw(LIST)) or []
        return self._entries

    def _put_entries_back(self) -> None:
        if self._entries is not None:
            self._members[LIST.removeprefix("$.")] = msgspec.Raw(msgspec.json.encode(self._entries))
            self._entries = None


def _shown(raw: msgspec.Raw) -> str:
    value: object = msgspec.UNSET if raw == uip.ABSENT else uip.value_of(raw)
    return "a number out of range" if value == OUT_OF_RANGE else excerpt(value)
