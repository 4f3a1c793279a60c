"""The readings: where the specification is silent or contradicts itself, and what the simulator does there.

They are read from READINGS.md, which ships with the package.
"""

import re
from functools import cache
from pathlib import Path

import msgspec

_PACKAGE = Path(__file__).parents[1]
_NAME = "READINGS.md"
_READING = re.compile(
    r"^(?:## (?P<heading>[^\n]+)"
    r"|\*\*(?P<id>R[0-9]+)(?: (?P<title>[^*]+))?\*\*(?P<text>.*?)(?=^\*\*R|^## |^\| rule|\Z))",
    re.MULTILINE | re.DOTALL,
)


class Reading(msgspec.Struct, frozen=True):
    """One reading: `R7`, what it is about, and what it says, in Markdown."""

    id: str
    title: str
    text: str


def readings() -> tuple[Reading, ...]:
    """Every reading, in the order of their numbers; none when the file is neither in the package nor in a checkout."""
    path = readings_file()
    return () if path is None else _read(path)


def readings_file() -> Path | None:
    """READINGS.md in the installed package, else in the checkout."""
    candidates = (_PACKAGE / _NAME, _PACKAGE.parent / _NAME)
    return next((path for path in candidates if path.is_file()), None)


@cache
def _read(path: Path) -> tuple[Reading, ...]:
    found: list[Reading] = []
    heading = ""
    for each in _READING.finditer(path.read_text(encoding="utf-8")):
        if each["heading"]:
            heading = each["heading"]
            continue
        title = each["title"] or f"{heading}."
        # A title without a full stop is the beginning of the first sentence.
        text = each["text"] if title.endswith(".") else title + each["text"]
        found.append(Reading(each["id"], title.rstrip("."), text.strip()))
    return tuple(sorted(found, key=lambda reading: int(reading.id[1:])))
