r"""Spellings: a text with the escapes of JSON, percent-encoded, or both, and where in the octets it then stands.

`a/b` may be spelled `a\/b`, `a\u002fb` or `a%2Fb`. Nothing here asks whether a body is JSON or a form: each escape in
it is read, also in a body that was cut off, or is no text at all.

Spec: Interface specification and communication principle.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

_PERCENT = re.compile(rb"((?:%[0-9a-fA-F]{2})++)")
_JSON = re.compile(
    # Runs of escapes of one kind: each escape of a run is as long as the others, and so is what it stands for.
    rb"((?:\\[^u])++"
    rb"|(?:\\u00[0-7][0-9a-fA-F])++"
    rb"|(?:\\u0(?:0[89a-fA-F]|[1-7][0-9a-fA-F])[0-9a-fA-F])++"
    rb"|(?:\\u(?:0[89a-fA-F]|[1-9a-cA-CeEfF][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F]{2})++"
    rb"|(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})++"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]..")
_ASCII_ESCAPE = re.compile(rb"\\u00[0-7]")
_JSON_PAIR = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]")
_SHORT_ESCAPES = bytes.maketrans(b"bfnrt", b"\b\f\n\r\t")
_PIECE = 64 * 1024
"""Octets that are looked through for escapes in one go, so that other threads get their turn."""
_LONGEST_ESCAPE = 12
_LAYERS = 2
"""JSON inside a JSON string, a form inside JSON: nobody packs a key deeper."""
_PLAIN = re.compile(r"[ !#-$&-\[\]-~]*")
"""What no writer has to escape in JSON, and what begins no escape."""


def is_plain(text: str) -> bool:
    r"""Whether JSON spells a text as it is, with `\/`, or with escapes of the kind `\u00xx`, and in no other way."""
    return _PLAIN.fullmatch(text) is not None


class Reading:
    """A text as a reader of its escapes reads it, once or twice over."""

    __slots__ = ("_meanings", "_pieces", "_raw_starts", "_starts", "_under", "text")

    def __init__(self, text: bytes, under: "Reading | None" = None, pieces: list[bytes] | None = None) -> None:
        self._under = under
        self._pieces = pieces or []
        """What it was read from: plain octets and runs of escapes by turns; empty when it was read from nothing."""
        self._meanings = _meanings(self._pieces)
        self.text = text if under is None else b"".join(self._meanings)
        """The text without its escapes."""
        self._starts: list[int] = []
        self._raw_starts: list[int] = []

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where octets of `text`, at least one, stand in what came: each escape as a whole."""
        if self._under is None:
            return start, end
        if not self._starts:
            self._starts = [0, *accumulate(map(len, self._meanings))]
            self._raw_starts = [0, *accumulate(map(len, self._pieces))]
        return self._under.place(self._raw(start)[0], self._raw(end - 1)[1])

    def _raw(self, at: int) -> tuple[int, int]:
        """Where one octet of `text` stands in the text this was read from."""
        piece = bisect_right(self._starts, at) - 1
        octets, length, offset = 1, 1, at - self._starts[piece]
        if piece % 2:
            octets, length = _lengths(self._pieces[piece])
        start = self._raw_starts[piece] + offset // length * octets
        return start, start + octets


def readings(text: bytes, *, plain: bool, shows: Callable[[bytes], bool]) -> Iterator[Reading]:
    """The text itself, and every other way to read it in which something may be found: at most seven, mostly one.

    `plain`: only texts that `is_plain` are looked for; `shows` then tells whether octets may have one. Linear in time:
    each reading is one pass.
    """
    layer = [Reading(text)]
    yield layer[0]
    for _ in range(_LAYERS):
        layer = [Reading(b"", each, pieces) for each in layer for pieces in _read(each.text, plain, shows)]
        yield from layer


def _read(text: bytes, plain: bool, shows: Callable[[bytes], bool]) -> Iterator[list[bytes]]:
    pieces: list[bytes] = []
    if b"\\" in text:
        # Of all escapes only `\\/`, and those that name an ASCII character, can be part of what is plain.
        only_slashes = plain and _ASCII_ESCAPE.search(text) is None
        if not only_slashes or (b"\\/" in text and shows(text.replace(b"\\", b""))):
            pieces = _split(_JSON, text, b"\\")
    if len(pieces) > 1:
        yield pieces
    if b"%" in text:
        pieces = _split(_PERCENT, text, b"%")
        if len(pieces) > 1:
            yield pieces


def _split(escapes: re.Pattern[bytes], text: bytes, first: bytes) -> list[bytes]:
    """Plain octets and runs of escapes by turns; `first` is what an escape begins with."""
    if len(text) <= _PIECE:
        return escapes.split(text)
    pieces, begin = [b""], 0
    while begin < len(text):
        end = begin + _PIECE
        found = escapes.split(text[begin:end])
        if end < len(text):
            end -= _held_back(found, first)
        pieces[-1] += found[0]
        pieces += found[1:]
        begin = end
    return pieces


def _held_back(found: list[bytes], first: bytes) -> int:
    """Takes away the end of what was found, in case it is the beginning of an escape; how many octets those are."""
    at = found[-1].find(first, max(0, len(found[-1]) - _LONGEST_ESCAPE + 1))
    held = 0 if at < 0 else len(found[-1]) - at
    found[-1] = found[-1][: len(found[-1]) - held]
    if not found[-1] and len(found) > 1 and _HALF.fullmatch(found[-2]):
        held += len(found[-2])
        del found[-2:]
    return held


def _meanings(pieces: list[bytes]) -> list[bytes]:
    meanings = pieces.copy()
    meanings[1::2] = map(_Meanings().__getitem__, pieces[1::2])
    return meanings


class _Meanings(dict[bytes, bytes]):
    """What runs of escapes stand for; each is worked out once."""

    def __missing__(self, run: bytes) -> bytes:
        meaning = self[run] = _meaning(run)
        return meaning


def _meaning(run: bytes) -> bytes:
    if run.startswith(b"%"):
        return bytes.fromhex(run.replace(b"%", b"").decode())
    if not run.startswith(b"\\u"):
        return run[1::2].translate(_SHORT_ESCAPES)
    units = bytes.fromhex(run.replace(b"\\u", b"").decode())
    return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


def _lengths(run: bytes) -> tuple[int, int]:
    """The octets of each escape of a run, and of what it stands for."""
    if run.startswith(b"%"):
        return 3, 1
    if not run.startswith(b"\\u"):
        return 2, 1
    first = _meaning(run[:12] if _JSON_PAIR.match(run) else run[:6])
    return (12, 4) if len(first) == 4 else (6, len(first))
