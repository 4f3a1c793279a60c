"""A scenario as the program has it: what one file, with all it includes, makes of the platform.

`SCENARIO_FILE` is the type of the setting that names one. Reading the file needs PyYAML and is in `scenario_file`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_schema import AccountOverrides
from cloudsms_simulator.config.scenario_folder import find_scenario
from cloudsms_simulator.config.schema import InvalidValueError, PathType
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.engine.rules import RuleBook


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario without a mistake, as `load_scenario` gives it. What the file does not say is None or empty."""

    name: str
    """What the file calls itself, else the file's name without its ending."""
    path: Path
    about: str = ""
    """One line: which part of a client it exercises."""
    seed: int | None = None
    profile: Literal["spec", "observed"] | None = None
    accounts: tuple[AccountOverrides, ...] = ()
    """What it says of accounts; the rest of an account is as the configuration has it."""
    book: RuleBook = RuleBook()
    """Its rules and faults, those of included files last; the scenarios of its timeline are books within."""
    tls: tuple[TlsTrouble, ...] = ()
    """Listeners to open that show bad certificates, or end handshakes."""
    warnings: tuple[str, ...] = ()
    """Lines worth showing, each with its place: rules never reached, states nothing leads to."""
    files: tuple[Path, ...] = ()
    """Every file that was read, this one first: what to watch."""
    origins: Mapping[str, str] = {}
    """Where each key at the top stands, included files counting: `scenarios/busy.yaml:3`."""


class _ScenarioPathType(PathType, frozen=True, kw_only=True):
    """The file of a scenario; a path is relative to the folder of the file it is written in."""

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise InvalidValueError
        try:
            return find_scenario(value, None if isinstance(location.source, str) else location.folder)
        except SettingsError as error:
            raise InvalidValueError(f"{self.want}: {error.problems[0]}") from None


SCENARIO_FILE = _ScenarioPathType(
    want="the name of a bundled scenario, or the path of a file", metavar="NAME|FILE", example="flaky"
)
