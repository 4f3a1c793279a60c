"""Kinds: what the value of a setting may be, and how it is read from TOML, a flag or the environment."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.toml_file import TomlValue
from cloudsms_simulator.server.toml_text import quoted

UNFIT = msgspec.UNSET
"""Stands for a value that was complained about."""


class UnfitError(ValueError):
    """Raised by readers for a value that does not fit. Its text, if any, replaces the kind's `want`."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds share. A value that does not fit is complained about at its place, and becomes UNFIT."""

    want: str
    """What would be right, as it follows the word `want` in a complaint."""
    parse: Callable[[str], TomlValue] = str
    """From a flag or a variable to what TOML would hold. Raises ValueError."""
    metavar: str = "TEXT"
    example: TomlValue = ""
    """Shown where the default is nothing."""
    secret: bool = False
    """Never repeated in a complaint or a listing."""

    def take(self, value: TomlValue, place: Place, *, text: bool = False) -> object:
        """The value for the program, or UNFIT. `text` says that it came from outside TOML and is to be parsed."""
        try:
            return self._take(self.parse(value) if text and isinstance(value, str) else value, place, text)
        except ValueError as error:
            got = "something not repeated here" if self.secret else quoted(value)
            better = str(error) if isinstance(error, UnfitError) else ""
            place.complain(f"got {got}, want {better or self.want}")
            return UNFIT

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        raise NotImplementedError


class Scalar(Kind, frozen=True, kw_only=True):
    """A single value."""

    read: Callable[[TomlValue], object]
    """The value for the program. Raises ValueError when it does not fit."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        return self.read(value)


class PathKind(Kind, frozen=True, kw_only=True):
    """A path, relative to the folder of the file it is written in; with `exists`, of a file that is there."""

    exists: bool = False

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise UnfitError
        path = place.folder / Path(value).expanduser()
        if self.exists and not path.is_file():
            raise UnfitError(f"{self.want}; there is no file {path}")
        return path


class ListKind(Kind, frozen=True, kw_only=True):
    """A list of entries of one kind. A word may stand for a whole list."""

    item: Kind
    gather: Callable[[tuple[object, ...]], object] = tuple
    """From the entries to the value for the program. Raises ValueError when they do not fit together."""
    words: Mapping[str, object] = {}
    """What a single word in place of the list means."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise UnfitError
        entries = tuple(self.item.take(entry, place / index, text=text) for index, entry in enumerate(value))
        return UNFIT if UNFIT in entries else self.gather(entries)


class TableKind(Kind, frozen=True, kw_only=True):
    """A table, read by a function of its own that complains entry by entry."""

    table: Callable[[Mapping[str, TomlValue], Place, bool], object]

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise UnfitError
        return self.table(value, place, text)


def take_entries(
    table: Mapping[str, TomlValue], kinds: Mapping[str, Kind], place: Place, *, text: bool = False
) -> dict[str, object]:
    """The entries of a table that fit, by key; complains about unknown keys and about values that do not fit."""
    taken: dict[str, object] = {}
    for key, value in table.items():
        if key not in kinds:
            (place / key).complain_of_key(f"unknown key {quoted(key)}{suggestion(key, kinds)}")
            continue
        found = kinds[key].take(value, place / key, text=text)
        if found is not UNFIT:
            taken[key] = found
    return taken
