"""Control characters and bidirectional controls, which act on whoever displays a text, written as escapes.

A text of a customer may hold them: a terminal obeys ESC and U+009B, a reader of log lines takes a line end for the
end of the line, and U+202E turns the order of what follows it.
"""

import re

_CLASSES = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_IN_A_LINE = re.compile(f"[{_CLASSES}]")
_IN_LINES = re.compile(f"(?!\n)[{_CLASSES}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str) -> str:
    """The text on one line: control characters as JSON escapes them, `\\u001b`, line ends and tabs as `\\n` and `\\t`.

    Escaped are the categories Cc (control) and Cs (half of a surrogate pair), the separators U+2028 and U+2029, the
    bidirectional controls of Unicode (Bidi_Control), and the byte order mark, which nobody would see. Everything else
    stays, other spaces and joiners included.
    """
    return _IN_A_LINE.sub(_escape, text)


def escaped_lines(text: str) -> str:
    """The text as `escaped` has it, but for its line feeds, which stay. JSON means the same afterwards."""
    return _IN_LINES.sub(_escape, text)


def code_unit_escapes(text: str) -> str:
    """Every character as JSON escapes it: `\\u00e9`, and a surrogate pair for one beyond U+FFFF."""
    return "".join(map(_code_units, text))


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT.get(character) or _code_units(character)


def _code_units(character: str) -> str:
    point = ord(character)
    if point <= 0xFFFF:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
