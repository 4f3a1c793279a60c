"""Regular expressions that may take very long on a text that nearly fits, found before they are used.

Python's `re` tries every way in which an expression can fit before it gives up. When a repeat can take the same text
in many ways, as in `(a+)+$`, `(a|a)*$` or `a*a*$`, there are very many ways. Such an expression is its writer's own
choice, and is told as a warning.

`slow_part` reads an expression as an automaton: its positions are what takes one character, and from each lead steps
to those that may come next. There are too many ways when two of them lead from a position in a loop back to it with
the same text, or when a loop is followed at once by another that takes the same characters.

Spec: none; this is how rules are written. Reading: R21.
"""

import re
from collections.abc import Iterator

import msgspec

from cloudsms_simulator.expressions import lazy_pattern

REGEX_ERRORS = (re.error, OverflowError, RecursionError, FutureWarning)
"""What `re.compile` raises of what is no expression; FutureWarning where warnings are errors."""
_MOST_POSITIONS = 1000
_MOST_IN_LOOPS = 60
_BITS = 256
"""A set of characters is a number with a bit for each: ASCII has its own, others share the upper 128."""
_ASCII = 128
_ALL = (1 << _BITS) - 1
_OTHERS = _ALL ^ ((1 << _ASCII) - 1)
_COUNTED = lazy_pattern(r"\{([0-9]*)(,?)([0-9]*)\}")
_GROUP = lazy_pattern(r"\?(?:P<\w+>|[aiLmsux]*(?:-[imsx]+)?:|\([^)]*\))?")
_FLAGS = lazy_pattern(r"\?[aiLmsux-]+\)")
_LOOKS = ("?=", "?!", "?<=", "?<!")


def _bit(character: str) -> int:
    code = ord(character)
    return 1 << (code if code < _ASCII else _ASCII + code % _ASCII)


def _characters_between(low: int, high: int) -> int:
    """The characters of a range, from the sets of its ends; of those beyond ASCII all."""
    if high & _OTHERS:
        return _OTHERS | _characters_between(low, 1 << (_ASCII - 1)) if low < 1 << _ASCII else _OTHERS
    return (1 << high.bit_length()) - low


def _characters_like(test: str) -> int:
    """The ASCII characters of a class."""
    return sum(_bit(chr(code)) for code in range(_ASCII) if re.match(test, chr(code)))


_DIGITS, _SPACES, _WORD = _characters_like(r"\d"), _characters_like(r"\s"), _characters_like(r"\w")
_LETTERS = _WORD | _OTHERS
_CLASSES = {
    "d": _DIGITS, "D": _ALL ^ _DIGITS, "s": _SPACES, "S": _ALL ^ _SPACES, "w": _LETTERS, "W": _ALL ^ _WORD,
}  # fmt: skip
_TESTS = "AZbB"
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "b": "\b"}


class _Part(msgspec.Struct):
    """A part of an expression: where it stands, its positions, those it may begin and end with."""

    start: int
    since: int
    """The number of its first position."""
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    nullable: bool = True


class _Open(msgspec.Struct):
    """A group that is not closed yet."""

    start: int
    since: int
    look: bool = False
    atomic: bool = False
    branches: list[_Part] = []
    parts: list[_Part] = []


class _Loop(msgspec.Struct, frozen=True):
    start: int
    end: int
    positions: range


def slow_part(expression: str) -> str | None:
    """The part of an expression that may take very long; None when none is seen, or `re` does not take it.

    Nothing is seen in an expression of more than 1,000 characters and classes.
    """
    try:
        flags = re.compile(expression).flags
    except REGEX_ERRORS:
        return None
    found = _Reader(expression, verbose=bool(flags & re.VERBOSE)).slow()
    return None if found is None else expression[found[0] : found[1]]


class _Reader:
    """Reads one expression as an automaton."""

    def __init__(self, text: str, *, verbose: bool) -> None:
        self._text = text
        self._verbose = verbose
        self._at = 0
        self._sets: list[int] = []
        """The characters of each position; a position that only looks, such as `$`, takes none."""
        self._spans: list[tuple[int, int]] = []
        self._next: list[set[int]] = []
        self._loops: list[_Loop] = []
        self._twice: tuple[int, int] | None = None
        """The first repeat that adds a step which is there already: a repeat of a repeat."""
        self._counted: list[_Part] = []
        """What is repeated up to so many times: many ways only where that again is repeated without a limit."""

    def slow(self) -> tuple[int, int] | None:
        """Returns where the slow part begins and ends; None when there is none."""
        whole = self._read()
        if whole is None or self._twice is not None:
            return self._twice
        return self._ambiguous() or self._side_by_side(whole)

    def _read(self) -> _Part | None:
        text, stack = self._text, [_Open(0, 0)]
        while self._at < len(text):
            if len(self._sets) > _MOST_POSITIONS:
                return None
            here, character = self._at, text[self._at]
            group = stack[-1]
            if self._verbose and character.isspace():
                self._at += 1
            elif self._verbose and character == "#":
                end = text.find("\n", here)
                self._at = len(text) if end < 0 else end
            elif character == "|":
                self._at += 1
                group.branches.append(self._joined(group))
                group.parts = []
            elif character == ")":
                self._at += 1
                stack.pop()
                stack[-1].parts.append(self._repeated(self._closed(group)))
            elif character == "(":
                if opened := self._opened(here):
                    stack.append(opened)
            else:
                group.parts.append(self._repeated(self._atom(here)))
        return self._closed(stack[0])

    def _opened(self, here: int) -> _Open | None:
        """What begins with a parenthesis; None for what is no group, such as a comment."""
        text, behind = self._text, here + 1
        if text.startswith(("?#", "?P="), behind):
            self._at = text.index(")", behind) + 1
            return None
        look = next((each for each in _LOOKS if text.startswith(each, behind)), None)
        atomic = text.startswith("?>", behind)
        if look is not None or atomic:
            self._at = behind + len(look or "?>")
        elif flags := _FLAGS.match(text, behind):
            self._at = flags.end()
            return None
        else:
            kind = _GROUP.match(text, behind)
            self._at = behind if kind is None else kind.end()
        return _Open(here, len(self._sets), look is not None, atomic, [], [])

    def _closed(self, group: _Open) -> _Part:
        """Returns a closed group as one part of the expression."""
        branches = [*group.branches, self._joined(group)]
        part = _Part(
            group.start,
            group.since,
            frozenset().union(*(each.first for each in branches)),
            frozenset().union(*(each.last for each in branches)),
            any(each.nullable for each in branches),
        )
        if group.look:
            return _Part(group.start, group.since)
        return self._as_one(part) if group.atomic else part

    def _as_one(self, part: _Part) -> _Part:
        """A part that, once it fits, is never tried in another way: one position for all of it."""
        taken = 0
        for position in range(part.since, len(self._sets)):
            taken |= self._sets[position]
        one = self._position(taken, part.start)
        return _Part(part.start, part.since, frozenset({one}), frozenset({one}), part.nullable)

    def _position(self, taken: int, start: int) -> int:
        self._sets.append(taken)
        self._spans.append((start, self._at))
        self._next.append(set())
        return len(self._sets) - 1

    def _joined(self, group: _Open) -> _Part:
        """Joins the parts of a group that follow one another into one."""
        whole = _Part(group.start, group.since)
        for part in group.parts:
            for position in whole.last:
                self._next[position] |= part.first
            whole.first = whole.first | part.first if whole.nullable else whole.first
            whole.last = whole.last | part.last if part.nullable else part.last
            whole.nullable = whole.nullable and part.nullable
        return whole

    def _atom(self, here: int) -> _Part:
        """Reads one character, class or test."""
        text, character = self._text, self._text[here]
        since = len(self._sets)
        self._at = here + 1
        if character == "[":
            taken = self._class()
        elif character == "\\":
            self._at = here + 2
            taken = 0 if text[here + 1] in _TESTS or text[here + 1].isdigit() else self._escape(text[here + 1])
        else:
            taken = {".": _ALL ^ _bit("\n"), "^": 0, "$": 0}.get(character, _bit(character))
        one = frozenset({self._position(taken, here)})
        return _Part(here, since, one, one, False)

    def _escape(self, letter: str) -> int:
        """The characters of an escape, whose letter was passed."""
        if letter in _CLASSES:
            return _CLASSES[letter]
        digits = {"x": 2, "u": 4, "U": 8}.get(letter)
        if digits is not None:
            code = int(self._text[self._at : self._at + digits], 16)
            self._at += digits
            return _bit(chr(code))
        if letter == "N":
            self._at = self._text.index("}", self._at) + 1
            return _OTHERS
        return _bit(_CONTROL.get(letter, letter))

    def _class(self) -> int:
        """The characters between brackets, the first of which was passed."""
        text = self._text
        negated = text.startswith("^", self._at)
        self._at += negated
        taken, begin = 0, self._at
        while text[self._at] != "]" or self._at == begin:
            low = self._in_class()
            if text[self._at] == "-" and text[self._at + 1] != "]":
                self._at += 1
                taken |= _characters_between(low, self._in_class())
            else:
                taken |= low
        self._at += 1
        return _ALL ^ taken if negated else taken

    def _in_class(self) -> int:
        """One character between the brackets, or an escape."""
        character = self._text[self._at]
        self._at += 1
        if character != "\\":
            return _bit(character)
        self._at += 1
        return self._escape(self._text[self._at - 1])

    def _repeated(self, part: _Part) -> _Part:
        """The part with the repeat that stands behind it, if one does."""
        for least, most, possessive in self._repeats():
            if possessive:
                part = self._as_one(part)
            elif most is None:
                self._loop(part)
            elif most > 1 and least < most:
                self._counted.append(part)
            part = _Part(part.start, part.since, part.first, part.last, part.nullable or least == 0)
        return part

    def _repeats(self) -> Iterator[tuple[int, int | None, bool]]:
        """How often at least and at most, and whether that is never tried in another way."""
        text = self._text
        counted = _COUNTED.match(text, self._at)
        if text.startswith(("*", "+", "?"), self._at):
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[text[self._at]]
            self._at += 1
        elif counted is not None and (counted[1] or counted[2]):
            self._at = counted.end()
            least = int(counted[1] or "0")
            most = least if not counted[2] else int(counted[3]) if counted[3] else None
        else:
            return
        possessive = text.startswith("+", self._at)
        self._at += text.startswith(("+", "?"), self._at)
        yield least, most, possessive

    def _loop(self, part: _Part) -> None:
        """Adds the steps from the end of a part to its beginning."""
        loop = _Loop(part.start, self._at, range(part.since, len(self._sets)))
        self._loops.append(loop)
        for inner in [each for each in self._counted if each.since >= part.since]:
            self._counted.remove(inner)
            self._repeat(inner, loop)
        self._repeat(part, loop)

    def _repeat(self, part: _Part, loop: _Loop) -> None:
        for position in part.last:
            again = self._next[position] & part.first
            if self._twice is None and any(self._sets[each] for each in again):
                self._twice = (loop.start, loop.end)
            self._next[position] |= part.first

    def _ambiguous(self) -> tuple[int, int] | None:
        """A loop through which the same text leads in two ways."""
        inside = {position for loop in self._loops for position in loop.positions}
        if len(inside) > _MOST_IN_LOOPS:
            return None
        steps: dict[tuple[int, int], set[tuple[int, int]]] = {}
        for one in inside:
            for other in inside:
                if one <= other:
                    steps[one, other] = {
                        (min(a, b), max(a, b))
                        for a in self._next[one] & inside
                        for b in self._next[other] & inside
                        if self._sets[a] & self._sets[b]
                    }
        for one, other in sorted(steps):
            if one != other and self._sets[one] & self._sets[other]:
                ahead = _reached(steps, (one, other))
                if any(a == b and (one, other) in _reached(steps, (a, b)) for a, b in ahead):
                    around = [each for each in self._loops if one in each.positions and other in each.positions]
                    loop = min(around, key=lambda each: len(each.positions), default=None)
                    return None if loop is None else (loop.start, loop.end)
        return None

    def _side_by_side(self, whole: _Part) -> tuple[int, int] | None:
        """Two loops of the same characters, one right behind the other, behind which something else must come."""
        looped = [position for position in range(len(self._sets)) if position in self._next[position]]
        for one in looped:
            for other in looped:
                overlap = self._sets[one] & self._sets[other]
                if one != other and other in self._next[one] and overlap and other not in whole.last:
                    ends = [loop.end for loop in self._loops if other in loop.positions]
                    return self._spans[one][0], min(ends)
        return None


def _reached(steps: dict[tuple[int, int], set[tuple[int, int]]], begin: tuple[int, int]) -> set[tuple[int, int]]:
    """Every pair to which steps lead from one."""
    reached: set[tuple[int, int]] = set()
    waiting = [begin]
    while waiting:
        for pair in steps[waiting.pop()]:
            if pair not in reached:
                reached.add(pair)
                waiting.append(pair)
    return reached
