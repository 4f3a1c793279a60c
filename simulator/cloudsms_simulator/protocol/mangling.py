"""Mangling: answers that arrive as they should and are wrong in what they say.

Each keeps the bytes of everything it does not spoil, spaces included.

Spec: Response UIP Format. Reading: R22.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec

from cloudsms_simulator.protocol.limits import HIGHEST_SERIAL, REPORT_METHOD

_Members = dict[str, msgspec.Raw]


def mangled(name: str, answer: bytes) -> bytes:
    """An answer of ours, in either shape, spoilt in the way of that name; the same bytes for the same answer.

    Without the field in question, as a gateway's failure on the wire has no DETAIL_LIST, it stays as it is. KeyError
    when nothing has that name.
    """
    return MANGLED[name](answer)


def broken_json(answer: bytes) -> bytes:
    """Not JSON: the last brace is missing."""
    return answer.rstrip().removesuffix(b"}")


def no_detail_list(answer: bytes) -> bytes:
    """Without DETAIL_LIST."""
    members = _members(answer)
    members.pop("DETAIL_LIST", None)
    return _object(members, like=answer)


def shuffled_items(answer: bytes) -> bytes:
    """The first destination's item comes last, so that with two or more none is where the request had it."""
    members = _members(answer)
    items = _items(members)
    return _with_items(answer, members, (*items[1:], *items[:1]))


def code_as_string(answer: bytes) -> bytes:
    """Every RESULT_CODE in quotation marks, those of the items too."""
    members = _members(answer)
    items = [_object(_quoted_code(_members(item)), like=answer) for item in _items(members)]
    return _with_items(answer, _quoted_code(members), items)


def wrong_serial(answer: bytes) -> bytes:
    """The SERIAL that follows the request's; 1 after 65535."""
    members = _members(answer)
    serial = msgspec.json.decode(members["SERIAL"], type=int)
    return _object(members | {"SERIAL": msgspec.Raw(b"%d" % (serial % HIGHEST_SERIAL + 1))}, like=answer)


def wrong_method(answer: bytes) -> bytes:
    """METHOD is that of a delivery report."""
    return _object(_members(answer) | {"METHOD": msgspec.Raw(f'"{REPORT_METHOD}"')}, like=answer)


MANGLED: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "BROKEN_JSON": broken_json,
        "NO_DETAIL_LIST": no_detail_list,
        "SHUFFLED_ITEMS": shuffled_items,
        "CODE_AS_STRING": code_as_string,
        "WRONG_SERIAL": wrong_serial,
        "WRONG_METHOD": wrong_method,
    }
)
"""By the name of the fault."""


def _members(packet: bytes | msgspec.Raw) -> _Members:
    return msgspec.json.decode(packet, type=_Members)


def _items(members: _Members) -> list[msgspec.Raw]:
    return msgspec.json.decode(members.get("DETAIL_LIST", b"[]"), type=list[msgspec.Raw])


def _quoted_code(members: _Members) -> _Members:
    return members | {"RESULT_CODE": msgspec.Raw(b'"%b"' % bytes(members["RESULT_CODE"]))}


def _with_items(answer: bytes, members: _Members, items: Iterable[bytes | msgspec.Raw]) -> bytes:
    if "DETAIL_LIST" in members:
        members = members | {"DETAIL_LIST": msgspec.Raw(_joined(b"[", map(bytes, items), b"]", like=answer))}
    return _object(members, like=answer)


def _object(members: _Members, *, like: bytes) -> bytes:
    colon = b": " if _is_spaced(like) else b":"
    pairs = (b'"%b"%b%b' % (name.encode(), colon, bytes(value)) for name, value in members.items())
    return _joined(b"{", pairs, b"}", like=like)


def _joined(begin: bytes, parts: Iterable[bytes], end: bytes, *, like: bytes) -> bytes:
    if not _is_spaced(like):
        return begin + b",".join(parts) + end
    inside = b", ".join(parts)
    return b"%b %b %b" % (begin, inside, end) if inside else b"%b %b" % (begin, end)


def _is_spaced(answer: bytes) -> bool:
    """Whether it is written as on the wire, with spaces, and not compactly as in the document."""
    return answer.startswith(b"{ ")
