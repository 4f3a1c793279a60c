"""How the file of a scenario is found: by path, or by name among the bundled ones.

Bundled scenarios are in the installed package, else in the checkout; the name of each is its file's stem. Imports
only the standard library: the shell's completion lists scenarios with it.
"""

from pathlib import Path

from cloudsms_simulator.config import SettingsError, suggestion

ENDINGS = (".yaml", ".yml", ".json")

_PACKAGE = Path(__file__).parents[1]
_MARK = "README.md"


def scenario_folder() -> Path | None:
    """The folder of the bundled scenarios: in the installed package, else in the checkout; None when neither has it."""
    candidates = (_PACKAGE / "scenarios", _PACKAGE.parents[1] / "scenarios")
    return next((folder for folder in candidates if (folder / _MARK).is_file()), None)


def bundled_scenarios() -> tuple[Path, ...]:
    """The files of the bundled scenarios, in order of their names; the name of each is its stem."""
    folder = scenario_folder()
    if folder is None:
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.is_file()))


def bundled_scenario(name: str) -> Path:
    """The file of a bundled scenario. Raises SettingsError, with a suggestion, when there is none of that name."""
    bundled = {path.stem: path for path in bundled_scenarios()}
    if name not in bundled:
        known = f"want one of {', '.join(bundled)}{suggestion(name, bundled)}" if bundled else "and there is none"
        raise SettingsError([f'there is no bundled scenario "{name[:100]}", {known}'])
    return bundled[name]


def find_scenario(said: str, folder: Path | None = None) -> Path:
    """The file of a scenario: by path, when there is a slash or an ending in what is said, else by name.

    Paths are relative to `folder`, or to the working directory without one; a name is looked for in that folder, when
    there is one, before it is among the bundled scenarios. Raises SettingsError, with a suggestion.
    """
    if "/" in said or "\\" in said or said.endswith(ENDINGS):
        return _by_path(said, folder)
    if folder is not None:
        for ending in ENDINGS:
            path = folder / f"{said}{ending}"
            if path.is_file():
                return path
    bundled = {path.stem: path for path in bundled_scenarios()}
    if said in bundled:
        return bundled[said]
    near = (path.stem for path in folder.iterdir() if path.suffix in ENDINGS) if folder and folder.is_dir() else ()
    known = sorted({*bundled, *near})
    like = suggestion(said, known)
    raise SettingsError([f'there is no scenario "{said}", want the name of a bundled one or the path of a file{like}'])


def _by_path(said: str, folder: Path | None) -> Path:
    path = (folder or Path()) / Path(said).expanduser()
    try:
        if path.exists():
            return path
        near = [each.name for each in path.parent.iterdir() if each.suffix in ENDINGS] if path.parent.is_dir() else []
    except (OSError, ValueError):
        near = []
    raise SettingsError([f"there is no file {path}{suggestion(path.name, near)}"])
