r"""Masking: an AUTH_KEY is stored and shown only as its fingerprint.

A fingerprint is `key-` and eight hex digits of the key's BLAKE2b hash: the same key has the same one, so that people
see which key was sent, and that ROUTE_ID holds it too, but nobody can send with it.

A key is found wherever it stands and however it is spelled (`a/b`, `a\/b`, `a\u002fb`, `a%2Fb`). What is called
AUTH_KEY is masked even where it cannot be read as a packet's key: in a body that was cut off, is no JSON or is a form,
or deeper inside. All of it is linear in what is looked at, whatever that holds, and however many keys are known.

Spec: Parameter Details, AUTH_KEY.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from itertools import chain, islice

import msgspec

from cloudsms_simulator.protocol.key_ring import SHORTEST_SOUGHT_ANYWHERE, KeyRing, Span, fingerprint
from cloudsms_simulator.protocol.spelling import Reading, is_plain, readings

_LONGEST_KEY = 512
"""Octets. Anything longer that is called AUTH_KEY is masked there, and is no key to look for in the rest of a body."""
_PIECE = 64 * 1024
_LONGEST_SPELLED = 128 * 13
"""Octets of the longest key, each of them escaped twice over."""
_MOST_KEYS = 8
"""So many keys found under the name AUTH_KEY are sought in the rest of a body; no client sends more than one."""
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

_ASCII_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_LETTER = re.compile(rb"[46][0-9a-fA-F]|[57][0-9aA]|5[fF]|2[dD]")
"""What in hexadecimal may be a character of the name AUTH_KEY, however it is written."""
_FINGERPRINT = re.compile(rb"key-[0-9a-f]{8}")
_NAME = re.compile(rb"[aA][uU][tT][hH][_-]?[kK][eE][yY]")
_LONGEST_NAME = 64
_NAME_BEFORE = re.compile(rb'(?<!\\)"[a-z_]*+\Z')
_NAME_BEHIND = re.compile(rb'[a-z_]{0,64}+":')
_OUR_NAME = re.compile(rb"[a-z_]++")
_VALUE = re.compile(
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
    spellings = list(readings(_blanked(body, plainly), plain=True, shows=_may_be_in(rings)))
    odd = not all(ring.plain for ring in rings)
    known = _found(body, rings) if odd else [*plainly, *_spelled(spellings[1:], body, rings)]
    named, keys = _named(body, spellings, {(span.start, span.end) for span in known})
    return _replaced(body, [*known, *named, *(_found(body, [KeyRing(keys)]) if keys else ())])


def hide(text: bytes, known: KeyRing) -> bytes:
    """A text without the keys on a ring; what is called AUTH_KEY stays what it is, if it is none of them."""
    return _replaced(text, list(_found_in_pieces(text, known)))


def hide_in_text(text: str, known: KeyRing) -> str:
    """What `hide` makes of a text."""
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
        spans += [Span(*reading.place(cut.start, cut.end), cut.mark) for reading, cut in _cut_off(whole, known)]
    return _replaced(text, spans).decode("utf-8", "surrogatepass") if spans else quoted


class KeyMask:
    """A key known beforehand, made ready so that a body that holds it as it is costs a search and no more."""

    __slots__ = ("_ring", "escaped", "key", "mark", "plain")

    def __init__(self, key: str) -> None:
        sought = len(key) >= SHORTEST_SOUGHT_ANYWHERE and is_plain(key)
        self.key = key
        self.mark = fingerprint(key).encode()
        self.plain = key.encode() if sought else b""
        """The key's octets, empty if JSON may spell them otherwise even without a backslash, or they are too few."""
        self.escaped = (self.plain.replace(b"/", b"\\/"), self.plain.replace(b"+", b"\\u002B"))
        """The key as PHP and .NET spell it."""
        self._ring: KeyRing | None = None

    @property
    def ring(self) -> KeyRing:
        """The key on a ring, which many bodies never need."""
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
    """What `mask(body, known.key)` gives, at once if the body has the key once or more, and nothing else to hide."""
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


def _found(text: bytes, rings: Sequence[KeyRing]) -> list[Span]:
    """Where keys stand in a text, however they are spelled."""
    if not rings:
        return []
    spans = list(_plainly(text, rings))
    plain = all(ring.plain for ring in rings)
    # The end of a key that is not plain may be the beginning of an escape: all of it is looked at again.
    _, *others = readings(_blanked(text, spans) if plain else text, plain=plain, shows=_may_be_in(rings))
    return [*spans, *_spelled(others, text, rings)]


def _found_in_pieces(text: bytes, known: KeyRing) -> Iterator[Span]:
    """Where keys stand in a text, which may be long: in pieces, so that other threads get their turn between them."""
    if len(text) <= _PIECE:
        yield from _found(text, [known])
        return
    for start in range(0, len(text), _PIECE):
        # No piece begins between a backslash and what it escapes.
        begin = len(text[max(0, start - _PIECE) : start].rstrip(b"\\")) + max(0, start - _PIECE)
        for span in _found(text[begin : start + _PIECE + _LONGEST_SPELLED], [known]):
            yield Span(begin + span.start, begin + span.end, span.mark)


def _plainly(text: bytes, rings: Sequence[KeyRing]) -> Iterator[Span]:
    """Where keys stand in a text as they are."""
    for ring in rings:
        yield from ring.spans(text)
        yield from ring.whole_strings(text)


def _spelled(spellings: Iterable[Reading], text: bytes, rings: Sequence[KeyRing]) -> Iterator[Span]:
    """Where keys stand in a text escaped."""
    for reading in spellings:
        for ring in rings:
            for span in ring.spans(reading.text):
                yield Span(*reading.place(span.start, span.end), span.mark)
            for span in ring.whole_strings(reading.text):
                start, end = reading.place(span.start, span.end)
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


def _cut_off(text: bytes, rings: Sequence[KeyRing]) -> Iterator[tuple[Reading, Span]]:
    plain = all(ring.plain for ring in rings)
    for reading in readings(text, plain=plain, shows=_may_be_in(rings)):
        for ring in rings:
            if (cut := ring.cut_off(reading.text)) is not None:
                yield reading, cut


def _may_be_in(rings: Sequence[KeyRing]) -> Callable[[bytes], bool]:
    return lambda text: any(ring.may_be_in(text) for ring in rings)


def _named(
    body: bytes, spellings: Iterable[Reading], known: Set[tuple[int, int]]
) -> tuple[list[Span], Collection[str]]:
    """The values of what is called AUTH_KEY, but for `known` ones, and those worth looking for in the rest."""
    spans: dict[int, Span] = {}
    marks: dict[bytes, bytes] = {}
    keys: dict[str, None] = {}
    for layer, reading in enumerate(spellings):
        if b"auth" not in reading.text.lower():
            continue
        behind = 0
        for name in islice(_NAME.finditer(reading.text), _MOST_ESCAPED_NAMES if layer else None):
            start, end = reading.place(*name.span())
            place = None if start < behind or end in spans else _value_after(reading, name.end(), body, end)
            if place is None:
                continue
            behind = place[1]
            if place in known:
                continue
            spelled = body[slice(*place)]
            if spelled not in marks:
                key = _read(spelled)
                marks[spelled] = fingerprint(key).encode()
                if len(keys) < _MOST_KEYS and len(spelled) <= _LONGEST_KEY:
                    keys[key] = None
            spans[end] = Span(*place, marks[spelled])
    return list(spans.values()), keys.keys()


def _value_after(reading: Reading, name_end: int, body: bytes, raw_end: int) -> tuple[int, int] | None:
    """Where the value behind a name stands in the body; None for no value, or one that is masked already."""
    value = _VALUE.match(body, raw_end)
    escaped = value is None
    if value is None:
        value = _VALUE.match(reading.text, name_end)
    if value is None:
        return None
    which = "bare" if value["string"] is None else "string"
    spelled = value[which]
    too_short = which == "bare" and len(spelled) < SHORTEST_SOUGHT_ANYWHERE
    if not spelled or too_short or _FINGERPRINT.fullmatch(spelled):
        return None
    return reading.place(*value.span(which)) if escaped else value.span(which)


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


def _read(spelled: bytes) -> str:
    try:
        text: str = json.loads(b'"%b"' % spelled, strict=False)
    except ValueError:
        return spelled.decode("utf-8", "replace")
    return text
