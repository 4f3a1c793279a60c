"""The pytest plugin: what it adds to the start of a test session, and how long its fixtures take."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import floors
import msgspec
from effort import Effort
from fixtures import Times
from processes import Cores, ProgramError, python, with_bytecode

_PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


class Session(msgspec.Struct, frozen=True):
    """How long a test session took, in milliseconds: all its threads on a processor, and by the clock."""

    cpu: float
    wall: float


def starts(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """A session with one empty test: without the plugin, with it, and with a test that asks for its fixture."""
    unused, used = folder / "test_unused.py", folder / "test_used.py"
    unused.write_text("def test_it(): ...\n")
    used.write_text("def test_it(cloudsms): ...\n")
    rounds = [
        [
            _session(cores, folder, unused),
            _session(cores, folder, unused, "cloudsms"),
            _session(cores, folder, used, "cloudsms"),
        ]
        for _ in range(effort.sessions + 1)
    ][1:]
    bare = min(each[0].cpu for each in rounds)
    for floor, place in ((floors.PLUGIN_UNUSED, 1), (floors.PLUGIN_USED, 2)):
        whole = min(each[place].cpu for each in rounds)
        wall = min(each[place].wall for each in rounds) - min(each[0].wall for each in rounds)
        yield floors.Row(floor, whole - bare, f"{whole:.0f} ms CPU with it, {bare:.0f} ms without", wall)


def fixtures(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """In one process that has imported everything."""
    with python(cores.server, "fixtures.py") as program:
        times = [program.ask(effort.accounts, Times) for _ in range(effort.sessions + 1)][1:]
    start, account = median(each.start for each in times), median(each.account for each in times)
    stop = median(each.stop for each in times)
    yield floors.Row(floors.FIXTURE_START, start, "authority and certificates made anew")
    yield floors.Row(floors.FIXTURE_ACCOUNT, account, f"made and deleted, the median of {effort.accounts}")
    yield floors.Row(floors.FIXTURE_STOP, stop, "with 20 streams of events open")


def _session(cores: Cores, folder: Path, test: Path, *plugins: str) -> Session:
    options = [option for name in plugins for option in ("-p", name)]
    begun = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", str(cores.server), *_PYTEST, *options, test],
        cwd=folder,
        env=with_bytecode(folder) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ProgramError(f"pytest {test.name} ended with {process.returncode}")
    return Session((used.ru_utime + used.ru_stime) * 1e3, (time.perf_counter() - begun) * 1e3)
