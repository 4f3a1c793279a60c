"""The suites, each run as its language runs tests, against a simulator that wants a token, as one in CI does."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from cloudsms_simulator.client import Client
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.pytest_plugin.server import ServerThread

HERE = Path(__file__).parent
README = (HERE / "README.md").read_text(encoding="utf-8")
TOKEN = "t0ken"
DEADLINE = 120
TOLD = {"node": "# pass 3", "go": "ok  \tcodes", "php": "ok - a phone that is off", "java": "ok - aRefusalIsAnError"}
BROKEN = {"node": "# fail 3", "go": "--- FAIL: TestARefusal", "php": "not ok - a phone", "java": "not ok - aRefusal"}
PACKAGES = {"node": "nodejs", "go": "golang-go", "php": "php-cli and php-curl", "java": "default-jdk-headless"}
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "cloudsms", "-p", "anyio")


@pytest.fixture(scope="module")
def admin_url() -> Iterator[str]:
    """Where the simulator's admin API is."""
    thread = ServerThread(msgspec.structs.replace(Settings(), port=0, admin_port=0, admin_token=TOKEN))
    yield thread.start().admin_url
    thread.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is built goes."""
    return tmp_path_factory.mktemp("built")


def environment(admin_url: str, **more: str) -> Mapping[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("CLOUDSMS_", "PYTEST_"))
    }
    return {**kept, "CLOUDSMS_SIM_ADMIN_URL": admin_url, "CLOUDSMS_SIM_ADMIN_TOKEN": TOKEN, **more}


def run(command: Sequence[str], suite: str, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=HERE / suite,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
        check=False,
    )


def played(suite: str, admin_url: str, folder: Path, tool, go: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """What the README says to run, with what is built in a folder of its own, and nothing downloaded."""
    tool(suite, PACKAGES[suite])
    [commands] = [line.split("`")[3] for line in README.splitlines() if line.startswith(f"| [`{suite}`]")]
    if suite == "php" and "curl" not in run(["php", "-m"], suite, os.environ).stdout.split():
        pytest.skip("PHP's curl is missing; Debian has it in the package php-curl")
    return run(["sh", "-ec", commands.replace(" out", f" {folder}")], suite, environment(admin_url, **go))


@pytest.mark.parametrize("suite", TOLD)
def test_a_suite_passes_and_leaves_no_account(suite: str, admin_url: str, folder: Path, tool, go_settings) -> None:
    ended = played(suite, admin_url, folder, tool, go_settings)
    assert (ended.returncode, TOLD[suite] in ended.stdout) == (0, True), ended.stdout + ended.stderr
    with Client(admin_url, TOKEN) as client:
        assert [account.name for account in client.accounts.all()] == ["default"]


@pytest.mark.parametrize("suite", BROKEN)
def test_a_suite_fails_where_there_is_no_simulator(suite: str, folder: Path, tool, go_settings) -> None:
    ended = played(suite, "http://127.0.0.1:1", folder, tool, go_settings)
    assert (ended.returncode, BROKEN[suite] in ended.stdout) == (1, True), ended.stdout + ended.stderr


@pytest.mark.parametrize("shared", [False, True], ids=["server of its own", "shared server"])
def test_the_python_suite_passes(shared: bool, admin_url: str) -> None:
    there = ("--cloudsms-url", admin_url) if shared else ()
    ended = run((*PYTEST, *there), "python", environment(admin_url, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"))
    assert (ended.returncode, "6 passed" in ended.stdout) == (0, True), ended.stdout + ended.stderr


def test_the_readme_names_every_file_of_a_suite() -> None:
    files = [each.name for suite in (*TOLD, "python") for each in (HERE / suite).glob("*") if each.is_file()]
    assert [name for name in files if f"`{name}`" not in README and name not in ("go.mod", "pytest.ini")] == []
