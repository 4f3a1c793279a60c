"""The kind of a word that stands for a value: a state, a result code, a fault; letters' case does not count.

Spec: none; this is how the simulator is configured.
"""

import re
from collections.abc import Iterable, Mapping

from cloudsms_simulator.server.kinds import Scalar, Schema, UnfitError
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.toml_file import TomlValue


def word_of(words: Mapping[str, object], want: str = "") -> Scalar:
    """A kind: one of some words, letters' case aside, each of which stands for a value; `want` replaces their list."""
    listed = want or f"one of {', '.join(words)}"
    folded = {word.casefold(): value for word, value in words.items()}

    def read(value: TomlValue) -> object:
        if not isinstance(value, str) or value.casefold() not in folded:
            raise UnfitError(listed + (suggestion(value, words) if isinstance(value, str) else ""))
        return folded[value.casefold()]

    return Scalar(want=listed, read=read, example=next(iter(words)), schema=words_schema(words))


def words_schema(words: Iterable[str]) -> Schema:
    """What JSON Schema says of words whose letters' case does not count."""
    known = list(words)
    pattern = "|".join("".join(_either_case(letter) for letter in word) for word in known)
    return {"anyOf": [{"enum": known}, {"type": "string", "pattern": f"^({pattern})$"}]}


def _either_case(letter: str) -> str:
    return f"[{letter.upper()}{letter.lower()}]" if letter.isalpha() else re.escape(letter)
