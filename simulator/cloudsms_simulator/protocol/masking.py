r"""Masking: an AUTH_KEY is stored and shown only as its fingerprint, wherever it stands and however it is spelled.

A fingerprint is `key-` and eight hex digits of the key's BLAKE2b hash: the same key has the same one, so that people
see which key was sent, and that ROUTE_ID holds it too, but nobody can send with it. Three layers:

- Spellings: `a/b` may be spelled `a\/b`, `a\u002fb` or `a%2Fb`, in JSON, in a form, or in one inside the other.
  `spellings_of` gives every way to read a text's escapes; a `Spelling` knows where its octets stand in what came.
  Nothing here asks whether a body is JSON or a form: each escape in it is read, also in a body that was cut off.
- `KeyRing`: keys made ready to be found in any text, however many there are. A text is cut into blocks of 8 octets.
  Wherever a key of 15 octets or more stands, it covers one of them whole, so the ring knows every block that its keys
  can cover, and one look for each block finds all keys. Shorter keys have blocks of 4 octets.
- `mask` for bodies and request targets, `mask_headers`, `mask_known` for the one key expected, and `hide`,
  `hide_in_json`, `hide_in_quotation` for what is shown. What is called AUTH_KEY is masked even where it cannot be
  read as a packet's key: in a body that was cut off, is no JSON or is a form, or deeper inside.

All of it is linear in what is looked at, whatever that holds, and however many keys are known.

Spec: Parameter Details, AUTH_KEY. Spec: Interface specification and communication principle.
"""

import json
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from hashlib import blake2b
from itertools import accumulate, chain, islice
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.expressions import lazy_pattern

# Spellings: every way to read the escapes of a text.

_PERCENT_ESCAPES = lazy_pattern(rb"(%[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2})*+)")
_KINDS_OF_ESCAPES = (
    rb"[^u]",
    rb"u00[0-7][0-9a-fA-F]",
    rb"u0(?:0[89a-fA-F]|[1-7][0-9a-fA-F])[0-9a-fA-F]",
    rb"u(?:0[89a-fA-F]|[1-9a-cA-CeEfF][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F]{2}",
    rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}",
)
"""What stands behind the backslash of an escape, by the octets of the escape and of what it stands for."""
_JSON_ESCAPES = lazy_pattern(
    # Runs of escapes of one kind: each escape of a run is as long as the others, and so is what it stands for. The
    # backslash stands in front of all kinds, so that `re` looks for it and tries nothing anywhere else.
    rb"(\\(?:%b|u[dD][89a-fA-F][0-9a-fA-F]{2}))"
    % b"|".join(rb"%b(?:\\%b)*+" % (kind, kind) for kind in _KINDS_OF_ESCAPES)
)
_HALF_OF_A_PAIR = lazy_pattern(rb"\\u[dD][89a-fA-F]..")
_BEGIN_OF_ASCII_ESCAPE = lazy_pattern(rb"\\u00[0-7]")
_JSON_PAIR = lazy_pattern(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]")
_SHORT_ESCAPES = bytes.maketrans(b"bfnrt", b"\b\f\n\r\t")
_PIECE_SEARCHED_FOR_ESCAPES = 64 * 1024
"""Octets that are looked through for escapes in one go, so that other threads can run in between."""
_LONGEST_ESCAPE = 12
_MOST_LAYERS = 2
"""JSON inside a JSON string, a form inside JSON: nobody packs a key deeper."""
_PLAIN_TEXT = re.compile(r"[ !#-$&-\[\]-~]*")
"""What no writer has to escape in JSON, and what begins no escape."""


def is_plain(text: str) -> bool:
    r"""Whether JSON spells a text as it is, with `\/`, or with escapes of the kind `\u00xx`, and in no other way."""
    return _PLAIN_TEXT.fullmatch(text) is not None


class Spelling:
    """A text as a reader of its escapes reads it, once or twice over."""

    __slots__ = ("_meanings", "_pieces", "_raw_starts", "_starts", "_under", "text")

    def __init__(self, text: bytes, under: "Spelling | None" = None, pieces: list[bytes] | None = None) -> None:
        self._under = under
        self._pieces = pieces or []
        """What it was read from: plain octets and runs of escapes in alternation; empty for the text as it came."""
        self._meanings = _meanings(self._pieces)
        self.text = text if under is None else b"".join(self._meanings)
        """The text without its escapes."""
        self._starts: list[int] = []
        self._raw_starts: list[int] = []

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Returns where octets of `text`, at least one, stand in what came: each escape as a whole."""
        if self._under is None:
            return start, end
        if not self._starts:
            self._starts = [0, *accumulate(map(len, self._meanings))]
            self._raw_starts = [0, *accumulate(map(len, self._pieces))]
        return self._under.place(self._raw(start)[0], self._raw(end - 1)[1])

    def _raw(self, at: int) -> tuple[int, int]:
        """Returns where one octet of `text` stands in the text this was read from."""
        piece = bisect_right(self._starts, at) - 1
        octets, length, offset = 1, 1, at - self._starts[piece]
        if piece % 2:
            octets, length = _lengths(self._pieces[piece])
        start = self._raw_starts[piece] + offset // length * octets
        return start, start + octets


def spellings_of(text: bytes, *, plain: bool, shows: Callable[[bytes], bool]) -> Iterator[Spelling]:
    """Yields the text itself, and every other way to read it in which a key may be found: at most seven, mostly one.

    `plain`: only keys that are plain (`is_plain`) are looked for; `shows` then tells whether octets may have one.
    Linear in time: each spelling is read in one pass.
    """
    layer = [Spelling(text)]
    yield layer[0]
    for _ in range(_MOST_LAYERS):
        layer = [Spelling(b"", each, pieces) for each in layer for pieces in _escapes_split(each.text, plain, shows)]
        yield from layer


def _escapes_split(text: bytes, plain: bool, shows: Callable[[bytes], bool]) -> Iterator[list[bytes]]:
    pieces: list[bytes] = []
    if b"\\" in text:
        # Of all escapes only `\\/`, and those that name an ASCII character, can be part of what is plain.
        only_slashes = plain and _BEGIN_OF_ASCII_ESCAPE.search(text) is None
        if not only_slashes or (b"\\/" in text and shows(text.replace(b"\\", b""))):
            pieces = _split(_JSON_ESCAPES, text, b"\\")
    if len(pieces) > 1:
        yield pieces
    if b"%" in text:
        pieces = _split(_PERCENT_ESCAPES, text, b"%")
        if len(pieces) > 1:
            yield pieces


def _split(escapes: re.Pattern[bytes], text: bytes, first: bytes) -> list[bytes]:
    """Splits a text into plain octets and runs of escapes in alternation; `first` is what an escape begins with."""
    if len(text) <= _PIECE_SEARCHED_FOR_ESCAPES:
        return escapes.split(text)
    pieces, begin = [b""], 0
    while begin < len(text):
        end = begin + _PIECE_SEARCHED_FOR_ESCAPES
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
    if not found[-1] and len(found) > 1 and _HALF_OF_A_PAIR.fullmatch(found[-2]):
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


# Key rings: keys that are found together.

SHORTEST_SOUGHT_ANYWHERE = 8
"""Characters. A shorter key may well be an ordinary word: it is found only where it is a whole string."""

_T = TypeVar("_T")
_SHORT_STRING = lazy_pattern(rb'"([^"]{1,28}+)(?="(?![ \t\r\n]*+:))')
"""A string that could be a short key, of 7 characters at most, and is not the name of a member."""
_FEW_SHORT_KEYS = 16
"""So many are looked for one by one first, which takes a tenth of the time that all short strings of a text take."""


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
        few = len(self._short) <= _FEW_SHORT_KEYS
        if few and not any(b'"%b"' % key in text for key in self._short):
            return
        for string in _SHORT_STRING.finditer(text):
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


# Masking and hiding.

_LONGEST_KEY = 512
"""Octets. Anything longer that is called AUTH_KEY is masked there, and is no key to look for in the rest of a body."""
_PIECE = 64 * 1024
_LONGEST_SPELLED = 128 * 13
"""Octets of the longest key, each of them escaped twice over."""
_MOST_KEYS = 8
"""So many keys found under the name AUTH_KEY are looked for in the rest of a body; no client sends more than one."""
_MOST_ESCAPED_NAMES = 1000
"""So many names spelled with escapes are looked at in a body, for each way to read it."""

KEY_HEADERS = frozenset(
    {b"auth_key", b"auth-key", b"authkey", b"x-auth-key", b"x-auth_key", b"x_auth_key", b"x-api-key", b"authorization"}
)
"""Headers whose values are taken for AUTH_KEYs, in lower case."""
_SCHEME_HEADERS = frozenset({b"authorization", b"proxy-authorization"})
_MASKED_HEADERS = KEY_HEADERS | _SCHEME_HEADERS
_HEADERS_TOGETHER = 16
"""Headers that are looked at in one go: most have no key in them."""
_NOT_IN_HEADERS = b'"\n"'
"""Stands between them. A value that is a short key as a whole string has quotes of its own."""

_ASCII_ESCAPE = lazy_pattern(rb"\\u00([0-7][0-9a-fA-F])")
_LETTER = lazy_pattern(rb"[46][0-9a-fA-F]|[57][0-9aA]|5[fF]|2[dD]")
"""What in hexadecimal may be a character of the name AUTH_KEY, however it is written."""
_FINGERPRINT = lazy_pattern(rb"key-[0-9a-f]{8}")
_NAME = lazy_pattern(rb"[aA][uU][tT][hH][_-]?[kK][eE][yY]")
_LONGEST_NAME = 64
_NAME_BEFORE = lazy_pattern(rb'(?<!\\)"[a-z_]*+\Z')
_NAME_BEHIND = lazy_pattern(rb'[a-z_]{0,64}+":')
_OUR_NAME = lazy_pattern(rb"[a-z_]++")
_VALUE = lazy_pattern(
    # A JSON string, perhaps cut off; or, in what is no JSON, some way to say "equals" and a word.
    rb""""\s*+:\s*+"(?P<string>(?:[^"\\]++|\\.?)*+)"""
    rb"""|[\s"'\\]*+[:=][\s"'\\\[]*+(?P<bare>(?:[^\s"'\\&,;\[\]{}]++|\\++[^\s"'\\])*+)""",
    re.DOTALL,
)


def mask(body: bytes, key: str | None, known: KeyRing | None = None) -> bytes:
    """A body, or a request target, without AUTH_KEYs.

    `key` is the AUTH_KEY that a reader of the body found, None when there was none to find; `known` are those of all
    accounts. A key of fewer than 8 characters is masked only where it is a whole string. Masking twice changes nothing
    more.
    """
    rings = [] if known is None else [known]
    if key and (known is None or key not in known):
        rings.append(KeyRing([key]))
    return _masked(body, rings)


def _masked(body: bytes, rings: Sequence[KeyRing]) -> bytes:
    plainly = list(_plainly(body, rings))
    spellings = list(spellings_of(_blanked(body, plainly), plain=True, shows=_may_be_in(rings)))
    odd = not all(ring.plain for ring in rings)
    known = _found(body, rings) if odd else [*plainly, *_spelled(spellings[1:], body, rings)]
    named, keys = _named(body, spellings, {(span.start, span.end) for span in known})
    return _replaced(body, [*known, *named, *(_found(body, [KeyRing(keys)]) if keys else ())])


class KeyMask:
    """A key known beforehand, made ready so that a body that holds it as it is costs a search and no more."""

    __slots__ = ("_ring", "escaped", "key", "mark", "plain")

    def __init__(self, key: str) -> None:
        is_searchable = len(key) >= SHORTEST_SOUGHT_ANYWHERE and is_plain(key)
        self.key = key
        self.mark = fingerprint(key).encode()
        self.plain = key.encode() if is_searchable else b""
        """The key's octets, empty if JSON may spell them otherwise even without a backslash, or they are too few."""
        self.escaped = (self.plain.replace(b"/", b"\\/"), self.plain.replace(b"+", b"\\u002B"))
        """The key as PHP and .NET spell it."""
        self._ring: KeyRing | None = None

    @property
    def ring(self) -> KeyRing:
        """The key on a ring, made when a body needs it, as many never do."""
        if self._ring is None:
            self._ring = KeyRing([self.key])
        return self._ring

    def may_be_left(self, body: bytes) -> bool:
        """Whether a body has escapes that could spell the key, or the name of its member."""
        for escaped in _ASCII_ESCAPE.finditer(body):
            if _LETTER.fullmatch(escaped[1]) or bytes.fromhex(escaped[1].decode()) in self.plain:
                return True
        return b"\\/" in body and self.ring.may_be_in(body.replace(b"\\", b""))


def mask_known(body: bytes, known: KeyMask) -> bytes:
    """Returns what `mask(body, known.key)` does, but faster for a body that holds the key and nothing else to hide."""
    if known.plain:
        masked = body.replace(known.plain, known.mark)
        if b"\\" in masked:
            for spelled in known.escaped:
                masked = masked.replace(spelled, known.mark)
        if (
            len(masked) != len(body)
            and masked.lower().count(b"auth") == 1
            and not (b"\\" in masked and known.may_be_left(masked))
        ):
            return masked
    return _masked(body, [known.ring])


def mask_headers(
    headers: Iterable[tuple[bytes, bytes]], key: str | None, known: KeyRing | None = None
) -> tuple[tuple[bytes, bytes], ...]:
    """Headers without keys: the values of those called AUTH_KEY or Authorization, and known keys wherever they stand.

    The scheme of an Authorization stays: `Bearer key-5f0c3a91`.
    """
    rings = [] if known is None else [known]
    if key:
        rings.append(KeyRing([key]))
    whole, masked = tuple(headers), list[tuple[bytes, bytes]]()
    for begin in range(0, len(whole), _HEADERS_TOGETHER):
        some = whole[begin : begin + _HEADERS_TOGETHER]
        named = any(name.lower() in _MASKED_HEADERS for name, _ in some)
        if named or _found(_NOT_IN_HEADERS.join(chain(*some)), rings):
            some = tuple(
                (_replaced(name, _found(name, rings)), _mask_header(name, value, rings)) for name, value in some
            )
        masked += some
    return tuple(masked)


def _mask_header(name: bytes, value: bytes, rings: Sequence[KeyRing]) -> bytes:
    name = name.lower()
    if name in KEY_HEADERS and name not in _SCHEME_HEADERS:
        scheme, secret = b"", value
    elif name in _SCHEME_HEADERS:
        scheme, space, secret = value.rpartition(b" ")
        scheme += space
    else:
        return _replaced(value, _found(value, rings))
    if not secret or _FINGERPRINT.fullmatch(secret):
        return value
    return scheme + fingerprint(secret.decode("utf-8", "surrogateescape")).encode()


def hide(text: bytes, known: KeyRing) -> bytes:
    """A text without the keys on a ring; what is called AUTH_KEY stays what it is, if it is none of them."""
    return _replaced(text, list(_found_in_pieces(text, known)))


def hide_in_text(text: str, known: KeyRing) -> str:
    """Does with a text what `hide` does with octets."""
    octets = text.encode("utf-8", "surrogatepass")
    hidden = hide(octets, known)
    return text if hidden is octets else hidden.decode("utf-8", "surrogatepass")


def hide_in_json(data: bytes, known: KeyRing) -> bytes:
    """JSON of our own without the keys on a ring. It stays JSON, and the names of its members stay what they are.

    A name that is not like ours, lower case with underscores, is a customer's, and no key is left in it.
    """
    spans = [span for span in _found_in_pieces(data, known) if not _is_in_our_name(data, span)]
    if not spans:
        return data
    hidden = _replaced(data, spans)
    try:
        msgspec.json.decode(hidden)
    except msgspec.DecodeError:
        # A number can be a key. What is shown instead of it has to be a string.
        return msgspec.json.encode(_without_numbers(msgspec.json.decode(data), known))
    return hidden


def _is_in_our_name(data: bytes, span: Span) -> bool:
    before, behind = _NAME_BEFORE.search(data[max(0, span.start - _LONGEST_NAME) : span.start]), None
    if before is not None and _OUR_NAME.fullmatch(data, span.start, span.end):
        behind = _NAME_BEHIND.match(data, span.end)
    return behind is not None


def _without_numbers(value: object, known: KeyRing) -> object:
    match value:
        case dict():
            return {_shown_name(name, known): _without_numbers(inner, known) for name, inner in value.items()}
        case list():
            return [_without_numbers(inner, known) for inner in value]
        case str():
            return hide_in_text(value, known)
        case int() | float() if not isinstance(value, bool):
            written = msgspec.json.encode(value).decode()
            hidden = hide_in_text(written, known)
            return value if hidden == written else hidden
    return value


def _shown_name(name: str, known: KeyRing) -> str:
    return name if _OUR_NAME.fullmatch(name.encode("utf-8", "surrogatepass")) else hide_in_text(name, known)


def hide_in_quotation(quoted: str, known: Sequence[KeyRing]) -> str:
    """What a finding quotes, without the keys on the rings, also where it was cut off (`…`) in the middle of one."""
    text = quoted.encode("utf-8", "surrogatepass")
    spans = _found(text, known)
    if quoted.endswith("…"):
        whole = text.removesuffix("…".encode())
        spans += [Span(*spelling.place(cut.start, cut.end), cut.mark) for spelling, cut in _cut_off(whole, known)]
    return _replaced(text, spans).decode("utf-8", "surrogatepass") if spans else quoted


def _found(text: bytes, rings: Sequence[KeyRing]) -> list[Span]:
    """Where keys stand in a text, however they are spelled."""
    if not rings:
        return []
    spans = list(_plainly(text, rings))
    plain = all(ring.plain for ring in rings)
    # The end of a key that is not plain may be the beginning of an escape: all of it is looked at again.
    _, *others = spellings_of(_blanked(text, spans) if plain else text, plain=plain, shows=_may_be_in(rings))
    return [*spans, *_spelled(others, text, rings)]


def _found_in_pieces(text: bytes, known: KeyRing) -> Iterator[Span]:
    """Yields where keys stand in a text, which may be long: in pieces, so that other threads can run between them."""
    if len(text) <= _PIECE:
        yield from _found(text, [known])
        return
    for start in range(0, len(text), _PIECE):
        # No piece begins between a backslash and what it escapes.
        begin = len(text[max(0, start - _PIECE) : start].rstrip(b"\\")) + max(0, start - _PIECE)
        for span in _found(text[begin : start + _PIECE + _LONGEST_SPELLED], [known]):
            yield Span(begin + span.start, begin + span.end, span.mark)


def _plainly(text: bytes, rings: Sequence[KeyRing]) -> Iterator[Span]:
    """Yields where keys stand in a text as they are."""
    for ring in rings:
        yield from ring.spans(text)
        yield from ring.whole_strings(text)


def _spelled(spellings: Iterable[Spelling], text: bytes, rings: Sequence[KeyRing]) -> Iterator[Span]:
    """Yields where keys stand in a text with escapes in them, given its spellings."""
    for spelling in spellings:
        for ring in rings:
            for span in ring.spans(spelling.text):
                yield Span(*spelling.place(span.start, span.end), span.mark)
            for span in ring.whole_strings(spelling.text):
                start, end = spelling.place(span.start, span.end)
                # A quote that is escaped begins and ends no string.
                if text[start - 1 : start] == text[end : end + 1] == b'"':
                    yield Span(start, end, span.mark)


def _blanked(text: bytes, spans: Sequence[Span]) -> bytes:
    """The text at the same length, with nothing left of spans that need no second look."""
    if not spans:
        return text
    left = bytearray(text)
    for span in spans:
        left[span.start : span.end] = bytes(span.end - span.start)
    return bytes(left)


def _cut_off(text: bytes, rings: Sequence[KeyRing]) -> Iterator[tuple[Spelling, Span]]:
    plain = all(ring.plain for ring in rings)
    for spelling in spellings_of(text, plain=plain, shows=_may_be_in(rings)):
        for ring in rings:
            if (cut := ring.cut_off(spelling.text)) is not None:
                yield spelling, cut


def _may_be_in(rings: Sequence[KeyRing]) -> Callable[[bytes], bool]:
    return lambda text: any(ring.may_be_in(text) for ring in rings)


def _named(
    body: bytes, spellings: Iterable[Spelling], known: Set[tuple[int, int]]
) -> tuple[list[Span], Collection[str]]:
    """The values of what is called AUTH_KEY, but for `known` ones, and those worth looking for in the rest."""
    spans: dict[int, Span] = {}
    marks: dict[bytes, bytes] = {}
    keys: dict[str, None] = {}
    for layer, spelling in enumerate(spellings):
        if b"auth" not in spelling.text.lower():
            continue
        behind = 0
        for name in islice(_NAME.finditer(spelling.text), _MOST_ESCAPED_NAMES if layer else None):
            start, end = spelling.place(*name.span())
            place = None if start < behind or end in spans else _value_after(spelling, name.end(), body, end)
            if place is None:
                continue
            behind = place[1]
            if place in known:
                continue
            spelled = body[slice(*place)]
            if spelled not in marks:
                key = _key_spelled(spelled)
                marks[spelled] = fingerprint(key).encode()
                if len(keys) < _MOST_KEYS and len(spelled) <= _LONGEST_KEY:
                    keys[key] = None
            spans[end] = Span(*place, marks[spelled])
    return list(spans.values()), keys.keys()


def _value_after(spelling: Spelling, name_end: int, body: bytes, raw_end: int) -> tuple[int, int] | None:
    """Where the value behind a name stands in the body; None for no value, or one that is masked already."""
    value = _VALUE.match(body, raw_end)
    escaped = value is None
    if value is None:
        value = _VALUE.match(spelling.text, name_end)
    if value is None:
        return None
    which = "bare" if value["string"] is None else "string"
    spelled = value[which]
    too_short = which == "bare" and len(spelled) < SHORTEST_SOUGHT_ANYWHERE
    if not spelled or too_short or _FINGERPRINT.fullmatch(spelled):
        return None
    return spelling.place(*value.span(which)) if escaped else value.span(which)


def _replaced(text: bytes, spans: list[Span]) -> bytes:
    """The text with a fingerprint in the place of each span; where two overlap, all that either covers is hidden."""
    if not spans:
        return text
    pieces: list[bytes] = []
    behind = 0
    # Of two that begin together the longer; of two that are equal the one that was known.
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if span.end > behind:
            pieces += (text[behind : span.start], span.mark)
            behind = span.end
    pieces.append(text[behind:])
    return b"".join(pieces)


def _key_spelled(spelled: bytes) -> str:
    try:
        text: str = json.loads(b'"%b"' % spelled, strict=False)
    except ValueError:
        return spelled.decode("utf-8", "replace")
    return text
