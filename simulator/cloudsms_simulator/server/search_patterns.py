r"""Search patterns: what a value of a search has to be like. Letters' case never counts.

A glob has `*` for anything, `?` for one character, `[abc]` for one of them, and is like all of a value; a text to be
found anywhere has `*` only. After a backslash each of these means itself.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

import re
from collections.abc import Callable
from fnmatch import translate

TextTest = Callable[[str], bool]

_WILD = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PART = re.compile(r"\\(.)|(\*)", re.DOTALL)
_FNMATCH = {"*": "[*]", "?": "[?]", "[": "[[]"}


def literal_of(pattern: str) -> str | None:
    """The one text a glob stands for, or None when there may be several."""
    return None if _WILD.search(pattern) else _ESCAPED.sub(r"\1", pattern)


def like(pattern: str) -> TextTest:
    """Whether a glob is like all of a text."""
    literal = literal_of(pattern)
    if literal is not None:
        folded = literal.casefold()
        return lambda text: text.casefold() == folded
    if pattern == "*":
        return lambda text: True
    beginning = literal_of(pattern[:-1]) if pattern.endswith("*") else None
    if beginning is not None:
        begins = beginning.casefold()
        return lambda text: text.casefold().startswith(begins)
    glob = _ESCAPED.sub(lambda escaped: _FNMATCH.get(escaped[1], escaped[1]), pattern)
    matches = re.compile(translate(glob), re.IGNORECASE).match
    return lambda text: matches(text) is not None


def within(pattern: str) -> TextTest:
    """Whether a text is found anywhere in another, its parts between `*` in their order."""
    parts = _parts(pattern)
    if len(parts) == 1:
        (only,) = parts
        return lambda text: only in text.casefold()

    def holds(text: str) -> bool:
        folded, at = text.casefold(), 0
        for part in parts:
            found = folded.find(part, at)
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
    return [part.casefold() for part in parts]
