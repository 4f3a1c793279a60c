"""What `make compatibility` finds on a machine, and what it says of what is not there."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("compatibility.py")
OWN = sys.version_info[1]
OTHERS = [minor for minor in (11, 12, 13) if minor != OWN]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the Pythons of these tests are shell scripts")


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[], list[str]]:
    """The lines of `--list` where nothing is installed but what a test puts there."""
    places = {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv"), "HOME": str(tmp_path)}
    command = [sys.executable, SCRIPT, "--list"]

    def run() -> list[str]:
        environment = os.environ | places
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return ran.stdout.splitlines()

    return run


def put(folder: Path, minor: int, version: str) -> Path:
    """A Python in a folder that is of some version, as far as it says."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / f"python3.{minor}"
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)
    return python


def test_every_python_beside_its_own_is_found_and_the_newest_of_pyenv_is_taken(listed, tmp_path: Path) -> None:
    first, second = OTHERS
    put(tmp_path / "bin", first, f"3 {first} 9")
    put(tmp_path / "pyenv" / "versions" / f"3.{first}.9" / "bin", first, f"3 {first} 9")
    newest = put(tmp_path / "pyenv" / "versions" / f"3.{first}.10" / "bin", first, f"3 {first} 10")
    on_path = put(tmp_path / "bin", second, f"3 {second} 1")
    put(tmp_path / "bin", OWN, f"3 {OWN} 1")
    put(tmp_path / "bin", 10, "3 10 1")
    assert listed()[:3] == [f"python3.{first}: {newest}", f"python3.{second}: {on_path}", f"lowest: {sys.executable}"]


def test_a_python_that_is_not_there_or_does_not_run_is_named(listed, tmp_path: Path) -> None:
    there, broken = OTHERS
    put(tmp_path / "bin", there, f"3 {there} 1")
    put(tmp_path / "bin", broken, "").write_text("#!/bin/sh\nexit 127\n")
    lines = listed()
    assert f"python3.{broken} is not here: not tested" in lines
    assert [line for line in lines if line.startswith(f"python3.{there}")] == [
        f"python3.{there}: {tmp_path / 'bin' / f'python3.{there}'}"
    ]


def test_the_tests_of_every_environment_are_there() -> None:
    names = runpy.run_path(str(SCRIPT))
    paths = {path for name in ("EVERYWHERE", "WITH_LOWEST", "OF_THE_PLUGIN") for path in names[name]}
    assert len(paths) > 12
    assert [path for path in paths if not (SCRIPT.parents[1] / path).exists()] == []


def test_an_environment_that_is_not_there_is_wrong_usage() -> None:
    ran = subprocess.run([sys.executable, SCRIPT, "pytest-1"], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, "no environment pytest-1" in ran.stderr) == (2, True)
