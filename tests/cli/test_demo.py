"""`demo` as a process: one story ends by itself, that for the inbox goes on running until it is told to stop."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from cli_runner import CliRunner
from patience import DEADLINE

from cloudsms_simulator.cli import main

LAST = "everything runs until Ctrl-C"


class Tour:
    """A running `demo --open`; `said` is what it printed so far."""

    def __init__(self, *options: str, **variables: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_SIM_")}
        command = [sys.executable, "-m", "cloudsms_simulator", "demo", "--open", *options]
        self.popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=kept | variables
        )
        self.said: list[str] = []

    def until(self, part: str) -> str:
        """The next line that has a part; an AssertionError with everything said when it ends before."""
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.said.append(line.rstrip("\n"))
            if part in line:
                return self.said[-1]
        raise AssertionError("\n".join(self.said))

    @property
    def inbox(self) -> str:
        """The address it printed."""
        return next(line for line in self.said if line.startswith("Inbox ")).split()[1]

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Its exit code once it was told to stop."""
        self.popen.send_signal(number)
        self.said += self.popen.communicate(timeout=DEADLINE)[0].splitlines()
        return self.popen.returncode


@pytest.fixture
def tour() -> Iterator[Callable[..., Tour]]:
    tours: list[Tour] = []

    def start(*options: str, **variables: str) -> Tour:
        tours.append(Tour(*options, **variables))
        return tours[-1]

    yield start
    for each in tours:
        each.popen.kill()
        each.popen.communicate()


def browser(folder: Path, script: str) -> dict[str, str]:
    """The variables with which a script is the only browser there is."""
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"BROWSER": str(path), "PATH": str(folder), "DISPLAY": "", "WAYLAND_DISPLAY": ""}


def test_the_story_without_an_inbox_ends_by_itself() -> None:
    command = [sys.executable, "-m", "cloudsms_simulator", "demo"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert ended.returncode == 0, ended.stderr
    told = ended.stdout.splitlines()
    assert [line[:2] for line in told if line[1:3] == ". "] == ["1.", "2.", "3.", "4.", "5."]
    assert sum(line.startswith("   report ") for line in told) == 5
    assert "auth-key-unknown at $.AUTH_KEY" in ended.stdout
    assert told[-2] == "5 reports were pushed and answered; USD 999.75 of 1,000.00 is left. Nothing is left running."


def test_the_story_for_the_inbox_leaves_what_it_told_there_and_ends_at_ctrl_c(tour: Callable[..., Tour]) -> None:
    it = tour("--no-browser", "--pace", "0")
    it.until(LAST)
    steps = [line[:2] for line in it.said if line[1:3] == ". "]
    assert steps == [f"{number}." for number in range(1, 9)]
    with httpx2.Client(base_url=it.inbox) as client:
        messages = client.get("/api/v1/messages").json()["items"]
        reports = client.get("/api/v1/reports").json()["items"]
        requests = client.get("/api/v1/requests?q=-code:OK").json()["items"]
    assert [each["state_name"] for each in messages] == ["EXPIRED"] + ["DELIVERED"] * 10
    assert {each["outcome"] for each in reports} == {"answered"}
    assert [len(each["attempts"]) for each in reports if len(each["attempts"]) > 1] == [4, 4]
    assert [each["findings"][0]["rule"] for each in requests] == ["msisdn-spaces"]
    assert it.end() == 0


def test_it_can_be_stopped_in_the_middle(tour: Callable[..., Tour]) -> None:
    it = tour("--no-browser", "--pace", "600")
    it.until("Inbox ")
    assert it.end(signal.SIGTERM) == 0
    assert not any(LAST in line for line in it.said)


def test_the_browser_is_opened_at_the_inbox(tour: Callable[..., Tour], tmp_path: Path) -> None:
    it = tour("--pace", "0", **browser(tmp_path, f'echo "$1" > {tmp_path / "opened"}'))
    it.until(LAST)
    assert (tmp_path / "opened").read_text().strip() == it.inbox
    assert it.end() == 0


def test_without_a_browser_the_address_is_said(tour: Callable[..., Tour], tmp_path: Path) -> None:
    it = tour("--pace", "600", **browser(tmp_path, "exit 1"))
    it.until("No browser could be opened")
    assert it.inbox.startswith("http://127.0.0.1:")
    assert it.end() == 0


def test_the_pace_is_that_of_the_story_for_the_inbox() -> None:
    ended = CliRunner().invoke(main, ["demo", "--pace", "0"])
    assert (ended.exit_code, "--pace are for the story of --open" in ended.output) == (2, True)
