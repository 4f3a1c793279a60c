"""The benchmarks themselves, on tiny numbers: that they measure what they say, never how fast anything is."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ROWS = {
    "sends": ["sends"],
    "sends-mtls": ["sends-mtls"],
    "sends-split": ["sends-split"],
    "asgi": ["asgi"],
    "bulk": ["bulk"],
    "rules": ["rules"],
    "pushes": ["pushes"],
    "pushes-mtls": ["pushes-mtls"],
    "listeners": ["listeners"],
    "plugin": ["plugin-unused", "plugin-used"],
    "fixtures": ["fixture-start", "fixture-account", "fixture-stop"],
    "start": ["start"],
    "journal": ["journal-single", "journal-bulk"],
    "due": ["due"],
    "requests": ["requests"],
    "sqlite": ["sqlite"],
    "restart": ["restart", "restart-view"],
    "page": ["page"],
    "pulse": ["pulse"],
    "inbox": ["inbox"],
}
LOADED_BY_WRK = {"sends", "asgi", "bulk", "rules", "listeners", "sqlite", "pulse", "inbox"}

Module = Callable[[str], ModuleType]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("taskset") is None, reason="the benchmarks take Linux and taskset"
)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Imports modules of this folder as the entry point does, and forgets them afterwards."""
    monkeypatch.syspath_prepend(HERE)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == HERE:
            del sys.modules[name]


@pytest.mark.parametrize("name", ROWS)
def test_a_benchmark_measures_its_rows(name: str, module: Module) -> None:
    if name in LOADED_BY_WRK and shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    if name == "inbox" and shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    tiny = module("effort").Effort(
        rounds=0,
        programs=1,
        rounds_each=0,
        seconds=0.2,
        pushes=30,
        waits=8,
        starts=1,
        sessions=1,
        accounts=2,
        many=2_000,
        singles=2_000,
        batch=20,
    )
    rows = list(module("bench").measured(name, tiny, module("processes").Cores.available()))
    assert [row.floor.name for row in rows] == ROWS[name]
    assert all(row.seen != 0 and row.detail for row in rows)


def test_every_benchmark_is_known_to_these_tests(module: Module) -> None:
    assert list(module("bench").BENCHMARKS) == list(ROWS)


def test_the_readme_names_every_benchmark() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert [name for name in ROWS if f"`{name}`" not in readme] == []


def test_both_sides_take_turns_and_their_first_rounds_do_not_count(module: Module) -> None:
    rounds = module("rounds")
    order = []

    def side(name: str, cpu_seconds: float) -> object:
        order.append(name)
        warm = order.count(name) > 1
        return rounds.Run(100, 2.0 if warm else 900.0, cpu_seconds if warm else 900.0)

    seen = rounds.compare(2, lambda: side("ours", 0.5), lambda: side("theirs", 1.0))
    assert order == ["ours", "theirs"] * 3
    assert (seen.by_cpu, seen.on_the_wall) == (2.0, 1.0)


def test_of_no_rounds_the_first_ones_count(module: Module) -> None:
    rounds = module("rounds")
    seen = rounds.compare(0, lambda: rounds.Run(100, 1.0, 0.5), lambda: rounds.Run(100, 1.0, 1.0))
    assert (seen.by_cpu, seen.on_the_wall) == (2.0, 1.0)


def test_a_ratio_is_the_median_over_the_pairs(module: Module) -> None:
    run = module("rounds").Run
    theirs = [run(100, 1.0, 1.0)] * 3
    seen = module("rounds").Comparison([run(100, 0.5, 1.0), run(100, 0.1, 1.0), run(100, 4.0, 1.0)], theirs)
    assert seen.on_the_wall == 2.0


@pytest.mark.parametrize(
    ("name", "seen", "holds"),
    [("SENDS_HTTP", 1.5, True), ("SENDS_HTTP", 1.49, False), ("START", 1.4, True), ("START", 1.41, False)],
)
def test_a_floor_holds_up_to_its_bound(name: str, seen: float, holds: bool, module: Module) -> None:
    assert getattr(module("floors"), name).holds(seen) is holds


def test_a_row_below_its_floor_says_so(module: Module) -> None:
    floors = module("floors")
    lines = list(floors.lines_of(floors.Row(floors.SENDS_HTTP, 1.1, "ours 11/s, echo 10/s", 1.05)))
    assert [line.split()[-7:] for line in lines] == [
        ["≥", "1.5x", "1.10x", "1.05x", "BELOW", "ITS", "FLOOR"],
        ["ours", "11/s,", "echo", "10/s"],
    ]


def test_the_last_line_names_the_rows_below_their_floor(module: Module) -> None:
    floors = module("floors")
    good, bad = floors.Row(floors.START, 1.0, "fast"), floors.Row(floors.DUE, 3.0, "slow")
    assert floors.summary_of([good]) == "All 1 rows keep their floor."
    assert floors.summary_of([good, bad]) == "1 of 2 rows are below their floor: due."
    assert floors.summary_of([]) == "Nothing was measured."


def test_a_program_that_ends_is_an_error_with_its_last_words(module: Module) -> None:
    processes = module("processes")
    cores = processes.Cores.available()
    with (
        processes.Program(cores.server, sys.executable, "-c", "raise SystemExit('no such port')") as program,
        pytest.raises(processes.ProgramError, match="ended: no such port"),
    ):
        program.told(int)


def test_an_unknown_name_is_a_usage_error_that_lists_the_names() -> None:
    command = [sys.executable, HERE / "bench.py", "--only", "everything"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert ended.returncode == 2
    assert all(name in ended.stderr for name in ROWS)
