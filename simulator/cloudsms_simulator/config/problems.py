"""SettingsError: a configuration that cannot be used, with everything that is wrong with it, one line a problem.

Each line says where, what came and what would be right, with a suggestion when a known word looks like the given one.
A module of its own that imports only the standard library: every command of the CLI knows the error.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SettingsError(Exception):
    """A configuration that cannot be used.

    `problems` has one line each, saying where, what came and what would be right; `str()` is all of them.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def suggestion(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`; did you mean "port"?` when a known word looks like the given one, letters' case aside, else nothing.

    `prefix` comes before the known word; all have it, so that it says nothing about likeness.
    """
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f'; did you mean "{prefix}{folded[close[0]]}"?' if close else ""
