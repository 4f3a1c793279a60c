"""A place: where a value of the configuration stands, and where what is wrong with it is noted."""

from pathlib import Path

import msgspec

from cloudsms_simulator.server.toml_file import TomlFile, TomlPath


class Place(msgspec.Struct, frozen=True):
    """Names a value in complaints: `cloudsms.toml:7:8: accounts[0].balance`, or `flag --port`.

    `source` is the file, or what to call a place outside any file. All places of one run share `problems`.
    """

    problems: list[str]
    source: TomlFile | str
    path: TomlPath = ()

    def __truediv__(self, key: str | int) -> "Place":
        return Place(self.problems, self.source, (*self.path, key))

    def complain(self, text: str) -> None:
        """Notes what is wrong with the value here."""
        self.problems.append(f"{self._where(key=False)}: {self._name()}{text}")

    def complain_of_key(self, text: str) -> None:
        """Notes what is wrong with the key here, whatever its value."""
        self.problems.append(f"{self._where(key=True)}: {text}")

    @property
    def folder(self) -> Path:
        """What relative paths written here are relative to: the file's folder, else the working directory."""
        return Path() if isinstance(self.source, str) else Path(self.source.name).parent

    def _where(self, *, key: bool) -> str:
        return self.source if isinstance(self.source, str) else self.source.place(self.path, key=key)

    def _name(self) -> str:
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        name = "".join(parts).removeprefix(".")
        return f"{name}: " if name else ""
