r"""Masking: an AUTH_KEY is stored and shown only as its fingerprint.

A fingerprint is `key-` and eight hex digits of the key's BLAKE2b hash: the same key has the same one, so that people
see which key was sent, and that ROUTE_ID holds it too, but nobody can send with it.

A key is found wherever it stands and however JSON spells it (`a/b`, `a\/b`, `a\u002fb`). What is called AUTH_KEY is
masked even where it cannot be read as a packet's key: in a body that was cut off, is no JSON or is a form, or deeper
inside.

Spec: Parameter Details, AUTH_KEY.
"""

import json
import re
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

_SHORTEST_SOUGHT_ANYWHERE = 8
"""A shorter key may well be an ordinary word: it is masked only where it is a whole string."""
_LONGEST_KEY = 512
"""Anything longer is no key, and looking for all its spellings would take too long."""
_MOST_KEYS = 8
"""So many keys found under the name AUTH_KEY are sought in the rest of a body; no client sends more than one."""

KEY_HEADERS = frozenset(
    {b"auth_key", b"auth-key", b"authkey", b"x-auth-key", b"x-auth_key", b"x_auth_key", b"x-api-key", b"authorization"}
)
"""Headers whose values are taken for AUTH_KEYs, in lower case."""
_SCHEME_HEADERS = frozenset({b"authorization", b"proxy-authorization"})
_SHORT_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}

_FINGERPRINT = re.compile(rb"key-[0-9a-f]{8}")
_NEVER_PLAIN = re.compile(r"[^ !#-\[\]-~]")
"""What writers of JSON have to escape, or may."""
_ASCII_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_MASKED_MEMBER = re.compile(rb'"AUTH_KEY"[ \t\r\n]*+:[ \t\r\n]*+"key-[0-9a-f]{8}"')


def fingerprint(key: str) -> str:
    """What stands for a key: `key-5f0c3a91`."""
    return "key-" + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def mask(body: bytes, key: str | None) -> bytes:
    """A body, or a request target, without AUTH_KEYs.

    `key` is the AUTH_KEY that a reader of the body found, None when there was none to find. A key of fewer than 8
    characters is masked only where it is a whole string. Masking twice changes nothing more.
    """
    if key:
        body = _without(body, key)
        if body.lower().count(b"auth") == 1 and b"\\u00" not in body and _MASKED_MEMBER.search(body):
            return body
    others: list[str] = []

    def hide(named: re.Match[bytes]) -> bytes:
        spelled = named["string"] or named["bare"] or b""
        too_short = named["string"] is None and len(spelled) < _SHORTEST_SOUGHT_ANYWHERE
        if not spelled or too_short or _FINGERPRINT.fullmatch(spelled):
            return named[0]
        others.append(_read(spelled))
        return named[0][: -len(spelled)] + fingerprint(others[-1]).encode()

    body = _NAMED_KEY.sub(hide, body)
    for other in list(dict.fromkeys(others))[:_MOST_KEYS]:
        body = _without(body, other)
    return body


class KeyMask(msgspec.Struct, frozen=True):
    """A key known beforehand, made ready so that a body that holds it as it is costs a search and no more."""

    key: str
    plain: bytes
    """The key's octets, empty if JSON may spell them otherwise even without a backslash, or they are too few."""
    mark: bytes


def key_mask(key: str) -> KeyMask:
    """The mask of a key."""
    sought = _SHORTEST_SOUGHT_ANYWHERE <= len(key) <= _LONGEST_KEY and _NEVER_PLAIN.search(key) is None
    return KeyMask(key, key.encode() if sought else b"", fingerprint(key).encode())


def mask_known(body: bytes, known: KeyMask) -> bytes:
    """What `mask(body, known.key)` gives, at once if the body has the key once or more, and nothing else to hide."""
    if known.plain and b"\\" not in body:
        masked = body.replace(known.plain, known.mark)
        if len(masked) != len(body) and masked.lower().count(b"auth") == 1:
            return masked
    return mask(body, known.key)


def mask_headers(headers: Iterable[tuple[bytes, bytes]], key: str | None) -> tuple[tuple[bytes, bytes], ...]:
    """Headers without keys: the values of those called AUTH_KEY or Authorization, and `key` wherever it stands.

    The scheme of an Authorization stays: `Bearer key-5f0c3a91`.
    """
    return tuple((name, _mask_header(name.lower(), value, key)) for name, value in headers)


def _mask_header(name: bytes, value: bytes, key: str | None) -> bytes:
    if name in KEY_HEADERS and name not in _SCHEME_HEADERS:
        scheme, secret = b"", value
    elif name in _SCHEME_HEADERS:
        scheme, space, secret = value.rpartition(b" ")
        scheme += space
    else:
        return _without(value, key) if key else value
    if not secret or _FINGERPRINT.fullmatch(secret):
        return value
    return scheme + fingerprint(secret.decode("utf-8", "surrogateescape")).encode()


def _without(body: bytes, key: str) -> bytes:
    """The body with each occurrence of a key replaced."""
    mark = fingerprint(key).encode()
    if len(key) < _SHORTEST_SOUGHT_ANYWHERE:
        return re.sub(rb'(?<=")%b(?="(?![ \t\r\n]*+:))' % _spellings(key), mark, body)
    plain = key.encode("utf-8", "surrogatepass")
    if len(key) > _LONGEST_KEY:
        return body.replace(plain, mark)
    if _NEVER_PLAIN.search(key):
        return re.sub(_spellings(key), mark, body)
    body = body.replace(plain, mark)
    if b"\\" not in body:
        return body
    # Most writers of JSON escape no slash, PHP escapes all of them; only what is left needs a search for all spellings.
    body = body.replace(plain.replace(b"/", b"\\/"), mark)
    return re.sub(_spellings(key), mark, body) if _may_be_left(body, key) else body


def _may_be_left(body: bytes, key: str) -> bool:
    """Whether the body has escapes that could spell the key."""
    if any(chr(int(digits, 16)) in key for digits in _ASCII_ESCAPE.findall(body)):
        return True
    # With slashes alone escaped, what stands between them stands there as it is.
    return b"\\/" in body and all(part.encode() in body for part in key.split("/"))


def _spellings(key: str) -> bytes:
    """A pattern for everything that JSON reads as this text."""
    return b"".join(map(_spellings_of_character, key))


def _spellings_of_character(character: str) -> bytes:
    """The escapes come first: a backslash on its own is the last thing to take for one."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    spellings = [b"".join(rb"\\u(?i:%b)" % units[at : at + 4].encode() for at in range(0, len(units), 4))]
    if character in _SHORT_ESCAPES:
        spellings.append(re.escape(f"\\{_SHORT_ESCAPES[character]}").encode())
    spellings.append(re.escape(character).encode("utf-8", "surrogatepass"))
    return b"(?:%b)" % b"|".join(spellings)


def _in_any_case(word: str) -> bytes:
    return b"".join(
        b"(?:%b|%b)" % (_spellings_of_character(letter.upper()), _spellings_of_character(letter.lower()))
        for letter in word
    )


_SEPARATOR = b"(?:%b|%b)?" % (_spellings_of_character("_"), _spellings_of_character("-"))
_NAMED_KEY = re.compile(
    _in_any_case("auth")
    + _SEPARATOR
    + _in_any_case("key")
    # A JSON string, perhaps cut off; or, in what is no JSON, some way to say "equals" and a word.
    + rb"""(?:"\s*+:\s*+"(?P<string>(?:[^"\\]++|\\.?){0,600})"""
    + rb"""|[\s"'\\]*+[:=][\s"'\\\[]*+(?P<bare>(?:[^\s"'\\&,;\[\]{}]++|\\++[^\s"'\\]){0,600}))""",
    re.DOTALL,
)


def _read(spelled: bytes) -> str:
    try:
        text: str = json.loads(b'"%b"' % spelled, strict=False)
    except ValueError:
        return spelled.decode("utf-8", "replace")
    return text
