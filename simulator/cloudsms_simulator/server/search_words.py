r"""Search words: a search cut into its words, before anybody asks what they mean.

Words are parted by white space. A word may begin with `-`, and then with a field and a colon. Quotes keep white space
and everything else together; a backslash takes the character after it for itself.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

import re

import msgspec

LONGEST = 2000
"""Characters of a search."""

_SPECIAL = frozenset("\\*?[]")
"""What a pattern takes for itself only after a backslash."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z_]*")
_NEEDS_NO_QUOTES = re.compile(r"[^\s\":\\()<>=-][^\s\":\\()<>=]*")
_LOGIC = frozenset({"AND", "NOT", "OR"})


class SearchError(ValueError):
    """A search that cannot be understood: where, what came, and what would be right."""

    def __init__(self, column: int, text: str) -> None:
        super().__init__(f"search, column {column}: {text}")
        self.column = column
        """From 1."""


class Word(msgspec.Struct, frozen=True):
    """One word; `value` is a pattern: a backslash in it stands before a special character that means itself."""

    column: int
    negated: bool
    field: str | None
    value: str
    quoted: bool
    """Whether any of it was in quotes."""


def words_of(text: str) -> list[Word]:
    """The words of a search, in order; SearchError for a quote that is not closed and the like."""
    if len(text) > LONGEST:
        raise SearchError(LONGEST + 1, f"got {len(text):,} characters, want at most {LONGEST:,}")
    words, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _word(text, at)
        words.append(word)
    return words


def written(pattern: str, *, bare: bool) -> str:
    """A pattern as it is written in a search; `bare` without a field, where more has to be quoted."""
    if pattern and not bare and not any(each.isspace() or each == '"' for each in pattern):
        return pattern
    if bare and _NEEDS_NO_QUOTES.fullmatch(pattern) and pattern not in _LOGIC:
        return pattern
    return '"' + pattern.replace('"', '\\"') + '"'


def _word(text: str, begin: int) -> tuple[Word, int]:
    negated = text[begin] == "-"
    at = begin + negated
    if negated and (at == len(text) or text[at].isspace()):
        raise SearchError(begin + 1, 'got "-" alone, want a term after it; write "-" in quotes to look for one')
    field = None
    named = _FIELD.match(text, at)
    if named is not None and text[named.end() : named.end() + 1] == ":":
        field, at = named[0], named.end() + 1
    value, at, quoted = _value(text, at)
    if field is not None and not value and not quoted:
        raise SearchError(begin + 1, f'"{field}:" has no value; want one right after the colon, or "" for an empty one')
    if field is None and value in _LOGIC and not quoted:
        raise SearchError(
            begin + 1, f'got {value}; all terms must hold, and "-" excludes. Write "{value}" in quotes to look for it'
        )
    return Word(begin + 1, negated, field, value, quoted), at


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """The pattern that begins at a place, where it ends, and whether any of it was in quotes."""
    pattern: list[str] = []
    opened, quoted = 0, False
    while at < len(text) and (opened or not text[at].isspace()):
        character = text[at]
        at += 1
        if character == '"':
            opened, quoted = 0 if opened else at, True
        elif character == "\\":
            if at == len(text):
                raise SearchError(at, 'nothing follows the backslash; want "\\\\" for a backslash')
            pattern.append(f"\\{text[at]}" if text[at] in _SPECIAL else text[at])
            at += 1
        else:
            pattern.append(character)
    if opened:
        raise SearchError(opened, "the quote that begins here is not closed")
    return "".join(pattern), at, quoted
