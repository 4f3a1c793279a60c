"""What people write, read with every mistake told at once: settings, accounts, rules, scenario files.

Raw values come out of a file, a flag, a variable or a JSON body (`sources`, `yaml_source`), each with its `Location`. A
`Type` (`schema`, `values`) says what a value may be: it turns the raw value into the program's value or notes an error
at the location and gives INVALID, and it tells JSON Schema, the command line and the documentation the same. Larger
types are tables of smaller ones: an account, a match, a report, a rule, a scenario. `settings` puts flags, environment,
scenario and TOML file together, and remembers where each value came from; `scenario_file` reads a scenario with all it
includes. Whoever has read everything raises one `SettingsError` with all problems, a line each: where it is, what came
and what would be right, with a suggestion when a known word looks like the given one.

Nothing here opens a socket, and nothing but `yaml_source` and `scenario_file` imports PyYAML, which a start does
without. This module itself imports only the standard library: every command of the CLI knows the error.
"""

import re
from collections.abc import Iterable


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
    from difflib import get_close_matches

    folded = {each.casefold(): each for each in known}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f'; did you mean "{prefix}{folded[close[0]]}"?' if close else ""


_LOCATION = re.compile(r"(.+?):([0-9]+):([0-9]+): ")


def problems_in_order(problems: Iterable[str]) -> tuple[str, ...]:
    """Returns the problems, each once, file by file from the top down."""
    known = list(dict.fromkeys(problems))
    files = list(dict.fromkeys(_where(problem)[0] for problem in known))
    return tuple(sorted(known, key=lambda problem: (files.index(_where(problem)[0]), *_where(problem)[1:])))


def _where(problem: str) -> tuple[str, int, int]:
    found = _LOCATION.match(problem)
    return (found[1], int(found[2]), int(found[3])) if found else ("", 0, 0)
