"""The bundled scenarios: all of them are there, say what they are for, can be used as they are, and are played."""

import re
from pathlib import Path

import pytest
import yaml

from cloudsms_simulator.config.scenario_file import load_scenario

FOLDER = Path(__file__).parents[2] / "scenarios"
PATHS = sorted(FOLDER.glob("*.yaml"))
NAMES = (
    "answer-lost", "balance-runs-out", "blackout", "congested", "delivered", "every-result-code", "every-state",
    "expired", "flaky", "intercept", "local-rejected", "otp-demo", "realistic", "report-before-answer", "reports-lost",
    "reports-out-of-order", "reports-twice", "slow", "tls-trouble", "undeliverable",
)  # fmt: skip

bundled = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_every_scenario_is_bundled_and_no_other() -> None:
    assert tuple(path.stem for path in PATHS) == NAMES


@bundled
def test_a_scenario_is_called_like_its_file_and_says_in_a_line_what_it_is_about(path: Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert (values["version"], values["name"]) == (1, path.stem)
    about = values["about"]
    assert isinstance(about, str)
    assert 0 < len(about) <= 120
    assert "\n" not in about


@bundled
def test_a_scenario_can_be_loaded_and_needs_no_warning(path: Path) -> None:
    scenario = load_scenario(path)

    assert scenario.warnings == ()
    assert scenario.name == path.stem
    assert scenario.about


@bundled
def test_a_scenario_is_easy_to_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert max(map(len, lines)) <= 120
    assert len(lines) <= 45


def test_the_readme_lists_the_scenarios_as_they_say_of_themselves() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Bundled scenarios\n") :].partition("\n## ")[0]

    assert dict(re.findall(r"^\| \[`(\S+)`\]\(\S+\) \| (.*) \|$", section, re.MULTILINE)) == {
        path.stem: load_scenario(path).about for path in PATHS
    }
    assert re.findall(r"\]\((\S+)\) \|", section) == [path.name for path in PATHS]


def test_every_scenario_is_played_by_a_story() -> None:
    stories = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert set(re.findall(r'\bplay\("([a-z-]+)"', stories)) == set(NAMES)
