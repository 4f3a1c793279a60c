"""Regular expressions that are compiled when they are first used.

To compile all that this package has takes longer than to make its certificates, and one run uses few of them. What
every request is held against says `re.compile`: it costs a little less per use.
"""

import re
from typing import AnyStr, cast


def lazy_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Returns what does as the pattern that `re.compile` returns. What is wrong with it is raised when it is used."""
    return cast("re.Pattern[AnyStr]", _Expression(pattern, flags))


class _Expression:
    """Has the attributes of the compiled expression, each from the first time that it is asked for."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        # `re` keeps what it compiled only for a while, so that each attribute is taken once.
        value: object = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, value)
        return value
