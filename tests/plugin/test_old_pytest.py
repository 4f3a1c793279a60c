"""The plugin under versions of pytest that are older than ours: the oldest that will do, and one below it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudsms_simulator import pytest_plugin

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 12), reason="these versions know no later Python than 3.11")

VERSIONS = Path(__file__).with_name("old_pytest")
PACKAGE = Path(pytest_plugin.__file__).parents[1]
SAID = "the fixtures of cloudsms-simulator need pytest 7.0 or newer, and this is 6.2.5"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs tests with our plugin under a pytest of some version; what it printed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(version: str, tests: str, *options: str) -> str:
        there = tmp_path / version
        install = ["uv", "pip", "install", "--quiet", "--require-hashes", "--target", there, "--python", sys.executable]
        try:
            installed = subprocess.run(
                [sys.executable, "-m", *install, "-r", VERSIONS / f"{version}.txt"],
                capture_output=True,
                text=True,
                timeout=60,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"pytest {version} could not be had within a minute")
        if installed.returncode:
            pytest.skip(f"pytest {version} cannot be had: {installed.stderr.strip()[-200:]}")
        tests_there = tmp_path / "tests"
        tests_there.mkdir()
        (tests_there / "test_it.py").write_text(tests)
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "cloudsms_simulator.pytest_plugin", "-p", "no:cacheprovider"),
                *("-rA", *options, tests_there),
            ],
            cwd=tests_there,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (there, PACKAGE)))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
        )
        return ran.stdout

    return run


@pytest.mark.parametrize("options", [(), ("-W", "error")], ids=["plain", "warnings are errors"])
def test_below_the_oldest_one_a_session_runs_and_is_told_once(session, options: tuple[str, ...]) -> None:
    printed = session("6.2", "def test_it(): ...\n", *options)
    assert "pytest-6.2.5" in printed
    assert "1 passed" in printed
    assert printed.count(SAID) == 1


def test_below_the_oldest_one_the_fixture_says_why_it_is_not_there(session) -> None:
    printed = session("6.2", "def test_it(cloudsms): ...\n", "-p", "no:warnings")
    assert f"ERROR test_it.py::test_it - {SAID}" in printed or f"\n{SAID}\n" in printed
    assert "1 error" in printed


def test_the_oldest_one_will_do_with_the_oldest_pluggy(session) -> None:
    printed = session(
        "7.0",
        "def test_it(cloudsms):\n    assert cloudsms.messages == []\ndef test_fails(cloudsms):\n    assert 0\n",
        *("-W", "error"),
    )
    assert "pytest-7.0.1" in printed
    assert "pluggy-1.0.0" in printed
    assert "1 failed, 1 passed" in printed
    assert "nothing was sent by this account" in printed
