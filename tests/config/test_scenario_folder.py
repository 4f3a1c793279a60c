"""Where scenarios are found."""

from pathlib import Path

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario_file import load_scenario
from cloudsms_simulator.config.scenario_folder import (
    bundled_scenario,
    bundled_scenarios,
    find_scenario,
    scenario_folder,
)

ROOT = Path(__file__).parents[2]
WANT = "want the name of a bundled one or the path of a file"


def test_the_bundled_scenarios_are_found_by_name() -> None:
    assert scenario_folder() == ROOT / "scenarios"
    assert bundled_scenarios() == tuple(sorted((ROOT / "scenarios").glob("*.yaml")))
    assert [find_scenario(path.stem) for path in bundled_scenarios()] == list(bundled_scenarios())


@pytest.mark.parametrize("path", bundled_scenarios(), ids=lambda path: path.stem)
def test_a_bundled_scenario_is_called_as_its_file_and_says_what_it_is_about(path: Path) -> None:
    scenario = load_scenario(path)

    assert (scenario.name, scenario.warnings) == (path.stem, ())
    assert scenario.about


def test_what_has_a_slash_or_an_ending_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.yaml", "inner/b.json", "inner/odd"):
        (tmp_path / name).touch()

    assert find_scenario("a.yaml", tmp_path) == tmp_path / "a.yaml"
    assert find_scenario("inner/b.json", tmp_path) == tmp_path / "inner" / "b.json"
    assert find_scenario("./inner/odd", tmp_path) == tmp_path / "inner" / "odd"
    assert find_scenario(str(tmp_path / "a.yaml")) == tmp_path / "a.yaml"


@pytest.mark.parametrize("ending", [".yaml", ".yml", ".json"])
def test_a_file_beside_comes_before_a_bundled_one(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"delivered{ending}").touch()

    assert find_scenario("delivered", tmp_path) == tmp_path / f"delivered{ending}"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("nihgt", f'there is no scenario "nihgt", {WANT}; did you mean "night"?'),
        ("zzzzzz", f'there is no scenario "zzzzzz", {WANT}'),
        ("./nihgt.yaml", 'there is no file {folder}/nihgt.yaml; did you mean "night.yaml"?'),
        ("no/such.yaml", "there is no file {folder}/no/such.yaml"),
        ("\0/x.yaml", "there is no file {folder}/\0/x.yaml"),
    ],
)
def test_what_is_not_found_is_told_with_what_is_like_it(tmp_path: Path, said: str, problem: str) -> None:
    (tmp_path / "night.yaml").touch()

    with pytest.raises(SettingsError) as caught:
        find_scenario(said, tmp_path)

    assert caught.value.problems == (problem.format(folder=tmp_path),)


def test_a_bundled_scenario_is_found_by_its_name_alone() -> None:
    assert [bundled_scenario(path.stem) for path in bundled_scenarios()] == list(bundled_scenarios())


@pytest.mark.parametrize(
    ("name", "told", "like"),
    [
        ("flakey", "flakey", '; did you mean "flaky"?'),
        ("./flaky.yaml", "./flaky.yaml", ""),
        ("z" * 200, "z" * 100, ""),
    ],
)
def test_who_asks_for_a_scenario_that_is_not_bundled_is_told_which_are(name: str, told: str, like: str) -> None:
    with pytest.raises(SettingsError) as caught:
        bundled_scenario(name)

    names = ", ".join(path.stem for path in bundled_scenarios())
    assert caught.value.problems == (f'there is no bundled scenario "{told}", want one of {names}{like}',)
