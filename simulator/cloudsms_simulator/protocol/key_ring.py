"""A key ring: AUTH_KEYs made ready to be found in any text, however many there are.

A text is cut into blocks of 8 octets. Wherever a key of 15 octets or more stands, it covers one of them whole, so the
ring knows every block that its keys can cover, and one look for each block finds all keys. Shorter keys have blocks of
4 octets.

Spec: Parameter Details, AUTH_KEY.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.protocol.spelling import is_plain

SHORTEST_SOUGHT_ANYWHERE = 8
"""Characters. A shorter key may well be an ordinary word: it is found only where it is a whole string."""

_T = TypeVar("_T")
_SHORT_STRING = re.compile(rb'"([^"]{1,28}+)(?="(?![ \t\r\n]*+:))')
"""A string that could be a short key, of 7 characters at most, and is not the name of a member."""


def fingerprint(key: str) -> str:
    """What stands for a key: `key-5f0c3a91`."""
    return "key-" + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


class Span(msgspec.Struct, frozen=True, order=True):
    """Octets that are a key, and what is shown instead."""

    start: int
    end: int
    mark: bytes


class KeyRing:
    """Keys that can be found together. Adding one and taking one away cost the same, however many there are."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.plain = True
        """Whether no key is such that JSON may spell it in unusual ways."""
        self._odd = 0
        self._long = _Blocks(8)
        self._middle = _Blocks(4)
        self._short: dict[bytes, bytes] = {}
        self._sorted: list[bytes] = []
        for key in keys:
            self.add(key)

    def add(self, key: str) -> None:
        """Puts a key on the ring, which must not be there yet."""
        octets = key.encode("utf-8", "surrogatepass")
        self._count_odd(key, 1)
        if len(key) < SHORTEST_SOUGHT_ANYWHERE:
            self._short[octets] = _mark(octets)
        else:
            self._blocks_of(octets).add(octets)
            insort(self._sorted, octets)

    def discard(self, key: str) -> None:
        """Takes a key off the ring, which must be there."""
        octets = key.encode("utf-8", "surrogatepass")
        self._count_odd(key, -1)
        if len(key) < SHORTEST_SOUGHT_ANYWHERE:
            del self._short[octets]
        else:
            self._blocks_of(octets).discard(octets)
            del self._sorted[bisect_left(self._sorted, octets)]

    def __contains__(self, key: str) -> bool:
        octets = key.encode("utf-8", "surrogatepass")
        return octets in self._short or octets in self._long or octets in self._middle

    def may_be_in(self, text: bytes) -> bool:
        """Whether a key may be in a text as it is. True may be wrong, False is not."""
        if self._long.touch(text) or self._middle.touch(text):
            return True
        return bool(self._short) and next(self.whole_strings(text), None) is not None

    def spans(self, text: bytes) -> Iterator[Span]:
        """Where keys stand in a text as they are. Linear in the text; how many keys there are changes nothing."""
        yield from self._long.spans(text)
        yield from self._middle.spans(text)

    def whole_strings(self, text: bytes) -> Iterator[Span]:
        """Where strings of JSON are short keys, and nothing else."""
        for string in _SHORT_STRING.finditer(text) if self._short else ():
            if (mark := self._short.get(string[1])) is not None:
                yield Span(*string.span(1), mark)

    def cut_off(self, text: bytes) -> Span | None:
        """The beginning of a key, of 8 octets or more, in which a text was cut off."""
        for start in range(max(0, len(text) - self._longest), len(text) - SHORTEST_SOUGHT_ANYWHERE + 1):
            rest = text[start:]
            at = bisect_left(self._sorted, rest)
            if at < len(self._sorted) and self._sorted[at].startswith(rest):
                return Span(start, len(text), _mark(self._sorted[at]))
        return None

    @property
    def _longest(self) -> int:
        return max(self._long.longest, self._middle.longest)

    def _blocks_of(self, key: bytes) -> "_Blocks":
        return self._long if self._long.suit(key) else self._middle

    def _count_odd(self, key: str, by: int) -> None:
        self._odd += 0 if is_plain(key) else by
        self.plain = self._odd == 0


class _Blocks:
    """Keys of one kind of length, found by their blocks: a key has one at each of its first `size` octets."""

    def __init__(self, size: Literal[4, 8]) -> None:
        self._size = size
        self._marks: dict[bytes, bytes] = {}
        self._known: dict[int, dict[tuple[int, int], int]] = {}
        """By block: where in a key of what length it stands, and how many such keys there are."""
        self._lengths: dict[int, int] = {}

    @property
    def longest(self) -> int:
        """The length of the longest key, 0 without any."""
        return max(self._lengths, default=0)

    def suit(self, key: bytes) -> bool:
        """Whether a key is long enough to cover a block wherever it stands."""
        return len(key) >= 2 * self._size - 1

    def add(self, key: bytes) -> None:
        self._marks[key] = _mark(key)
        self._lengths[len(key)] = self._lengths.get(len(key), 0) + 1
        for offset, block in self._blocks_of(key):
            places = self._known.setdefault(block, {})
            places[offset, len(key)] = places.get((offset, len(key)), 0) + 1

    def discard(self, key: bytes) -> None:
        del self._marks[key]
        _one_less(self._lengths, len(key))
        for offset, block in self._blocks_of(key):
            places = self._known[block]
            _one_less(places, (offset, len(key)))
            if not places:
                del self._known[block]

    def __contains__(self, key: bytes) -> bool:
        return key in self._marks

    def touch(self, text: bytes) -> bool:
        """Whether any block of a text is one of a key's."""
        return bool(self._known) and not self._known.keys().isdisjoint(self._blocks_in(text))

    def spans(self, text: bytes) -> Iterator[Span]:
        if not self.touch(text):
            return
        size, known, marks, behind = self._size, self._known, self._marks, 0
        ordered: dict[int, list[tuple[int, int]]] = {}
        for index, block in enumerate(self._blocks_in(text)):
            if block not in known or (index + 1) * size <= behind:
                continue
            places = ordered.get(block)
            if places is None:
                # The longest of those that begin first: one key may begin with another.
                places = ordered[block] = sorted(known.get(block, ()), key=_first_and_longest)
            for offset, length in places:
                start = index * size - offset
                mark = None if start < 0 else marks.get(text[start : start + length])
                if mark is not None:
                    behind = start + length
                    yield Span(start, behind, mark)
                    break

    def _blocks_in(self, text: bytes) -> "memoryview[int]":
        whole = memoryview(text)[: len(text) // self._size * self._size]
        return whole.cast("Q") if self._size == 8 else whole.cast("I")

    def _blocks_of(self, key: bytes) -> Iterator[tuple[int, int]]:
        for offset in range(self._size):
            yield offset, self._blocks_in(key[offset : offset + self._size])[0]


def _first_and_longest(place: tuple[int, int]) -> tuple[int, int]:
    offset, length = place
    return -offset, -length


def _one_less(counts: dict[_T, int], counted: _T) -> None:
    counts[counted] -= 1
    if not counts[counted]:
        del counts[counted]


def _mark(key: bytes) -> bytes:
    return fingerprint(key.decode("utf-8", "surrogatepass")).encode()
