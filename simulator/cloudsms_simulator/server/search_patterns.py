r"""Search patterns: what a value of a search has to be like. Letters' case and width never count, accents do.

Both sides are folded (`unicode_forms.folded`), so it does not matter how an accent is encoded.

A glob has `*` for anything, `?` for one character, `[abc]` for one of them, and is like all of a value; a text to be
found anywhere has `*` only. After a backslash each of these means itself.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

import re
from collections.abc import Callable
from fnmatch import translate

from cloudsms_simulator.protocol.unicode_forms import composed, folded

TextTest = Callable[[str], bool]

_WILD = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PART = re.compile(r"\\(.)|(\*)", re.DOTALL)
_SPECIAL = frozenset("*?[]!-")
_FNMATCH = {"*": "[*]", "?": "[?]", "[": "[[]"}


def literal_of(pattern: str) -> str | None:
    """The one text a glob stands for, or None when there may be several."""
    return None if _WILD.search(pattern) else _ESCAPED.sub(r"\1", pattern)


def like(pattern: str) -> TextTest:
    """Whether a glob is like all of a text."""
    literal = literal_of(pattern)
    if literal is not None:
        wanted = folded(literal)
        return lambda text: folded(text) == wanted
    if pattern == "*":
        return lambda text: True
    beginning = literal_of(pattern[:-1]) if pattern.endswith("*") else None
    if beginning is not None:
        begins = folded(beginning)
        return lambda text: folded(text).startswith(begins)
    matches = re.compile(translate(_glob(pattern))).match
    return lambda text: matches(folded(text)) is not None


def within(pattern: str) -> TextTest:
    """Whether a text is found anywhere in another, its parts between `*` in their order."""
    parts = _parts(pattern)
    if len(parts) == 1:
        (only,) = parts
        return lambda text: only in folded(text)

    def holds(text: str) -> bool:
        whole, at = folded(text), 0
        for part in parts:
            found = whole.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return holds


def _parts(pattern: str) -> list[str]:
    parts = [""]
    at = 0
    for special in _PART.finditer(pattern):
        parts[-1] += pattern[at : special.start()]
        if special[2]:
            parts.append("")
        else:
            parts[-1] += special[1]
        at = special.end()
    parts[-1] += pattern[at:]
    return [folded(part) for part in parts]


def _glob(pattern: str) -> str:
    """A pattern as `fnmatch` writes it, its characters folded; one that is folded to a special one means itself."""
    glob, at = "", 0
    pattern = composed(pattern)
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character in _SPECIAL:
            glob += character
            continue
        if character == "\\" and at < len(pattern):
            character = pattern[at]
            at += 1
        glob += "".join(_FNMATCH.get(each, each) for each in folded(character))
    return glob
