"""A place: where a value of the configuration stands, and where what is wrong with it is noted."""

from pathlib import Path
from typing import Literal, Protocol

import msgspec

from cloudsms_simulator.server.toml_file import TomlPath, TomlValue
from cloudsms_simulator.server.toml_text import quoted, toml_text
from cloudsms_simulator.server.yaml_text import quoted_yaml, yaml_text


class Source(Protocol):
    """A file that knows where each of its values stands: a `TomlFile` or a `YamlFile`."""

    @property
    def name(self) -> str:
        """The path as it was given."""

    @property
    def language(self) -> Literal["toml", "yaml"]:
        """What values are written in."""

    def place(self, path: TomlPath, *, key: bool = False) -> str:
        """`cloudsms.toml:7:12`: where a path's value, or its key, begins; or what holds it, when it is absent."""


class Place(msgspec.Struct, frozen=True):
    """Names a value in complaints: `cloudsms.toml:7:8: accounts[0].balance`, or `flag --port`.

    `source` is the file, or what to call a place outside any file. All places of one run share `problems`.
    """

    problems: list[str]
    source: Source | str
    path: TomlPath = ()

    def __truediv__(self, key: str | int) -> "Place":
        return Place(self.problems, self.source, (*self.path, key))

    def complain(self, text: str) -> None:
        """Notes what is wrong with the value here."""
        self.problems.append(f"{self._where(key=False)}: {self._name()}{text}")

    def complain_of_key(self, text: str) -> None:
        """Notes what is wrong with the key here, whatever its value."""
        self.problems.append(f"{self._where(key=True)}: {text}")

    def written(self, value: TomlValue) -> str:
        """A value as it would be written here."""
        return yaml_text(value) if self._is_yaml else toml_text(value)

    def quoted(self, value: TomlValue) -> str:
        """A value as it is written here, at most 80 characters of it and an ellipsis."""
        return quoted_yaml(value) if self._is_yaml else quoted(value)

    @property
    def where(self) -> str:
        """`cloudsms.toml:7:8`, or what the place is called outside any file."""
        return self._where(key=False)

    @property
    def folder(self) -> Path:
        """What relative paths written here are relative to: the file's folder, else the working directory."""
        return Path() if isinstance(self.source, str) else Path(self.source.name).parent

    @property
    def _is_yaml(self) -> bool:
        return not isinstance(self.source, str) and self.source.language == "yaml"

    def _where(self, *, key: bool) -> str:
        return self.source if isinstance(self.source, str) else self.source.place(self.path, key=key)

    def _name(self) -> str:
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        name = "".join(parts).removeprefix(".")
        return f"{name}: " if name else ""
