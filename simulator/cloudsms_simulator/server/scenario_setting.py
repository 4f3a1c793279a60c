"""The setting that names a scenario: a bundled one by its name, or a file by its path."""

from cloudsms_simulator.server.kinds import PathKind, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.scenario_folder import find_scenario
from cloudsms_simulator.server.toml_file import TomlValue


class _ScenarioKind(PathKind, frozen=True, kw_only=True):
    """The file of a scenario; a path is relative to the folder of the file it is written in."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise UnfitError
        try:
            return find_scenario(value, None if isinstance(place.source, str) else place.folder)
        except SettingsError as error:
            raise UnfitError(f"{self.want}: {error.problems[0]}") from None


SCENARIO_FILE = _ScenarioKind(
    want="the name of a bundled scenario, or the path of a file", metavar="NAME|FILE", example="flaky"
)
