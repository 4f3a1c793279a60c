"""The journal: what a message takes in memory, and whether a million of them slow anything down. Without a server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import floors
from effort import Effort
from in_process import Question
from packets import BULK
from processes import Cores, Program, python

_FEW = 1_000
_NOWHERE = "http://127.0.0.1:9/"


def sizes(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Growth of the process's memory, exchanges, bodies and due reports included, shared by its messages."""
    with python(cores.server, "in_process.py") as program:
        program.ask(Question("fill", _FEW), float)
        accepted = program.ask(Question("fill", effort.singles), float)
        reported = program.ask(Question("report", effort.singles), float)
        detail = f"{effort.singles:,} messages; with its report, pushed nowhere, {accepted + reported:,.0f} bytes"
        yield floors.Row(floors.JOURNAL_SINGLE, accepted, detail)
    with python(cores.server, "in_process.py") as program:
        program.ask(Question("fill", _FEW, BULK), float)
        accepted = program.ask(Question("fill", effort.many, BULK), float)
        yield floors.Row(floors.JOURNAL_BULK, accepted, f"{effort.many:,} messages")


def due(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Reports due anywhere within a day, taken, and their packets written, but not pushed."""
    with (
        python(cores.server, "in_process.py", _NOWHERE) as crowded,
        python(cores.server, "in_process.py", _NOWHERE) as quiet,
    ):
        crowded.ask(Question("fill", effort.many, BULK, spread=True), float)
        rounds = effort.rounds * max(1, effort.batch // _FEW)
        yield _compared(floors.DUE, rounds, lambda: _due(crowded), lambda: _due(quiet), f"{effort.many:,} pending")


def requests(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Single sends accepted and kept."""
    question = Question("requests", effort.batch)
    with python(cores.server, "in_process.py") as full, python(cores.server, "in_process.py") as empty:
        full.ask(Question("fill", effort.many, BULK), float)
        yield _compared(
            floors.REQUESTS,
            effort.rounds,
            lambda: full.ask(question, float),
            lambda: empty.ask(question, float),
            f"{effort.many:,} journalled",
        )


def _due(program: Program) -> float:
    program.ask(Question("fill", _FEW, spread=True), float)
    return program.ask(Question("due", _FEW), float)


def _compared(
    floor: floors.Floor, rounds: int, crowded: Callable[[], float], quiet: Callable[[], float], said: str
) -> floors.Row:
    """The median of the pairs of rounds, after one that does not count; of 0 rounds that one does."""
    warming = (crowded(), quiet())
    pairs = [(crowded(), quiet()) for _ in range(rounds)] or [warming]
    ratio = median(more / less for more, less in pairs)
    more, less = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    return floors.Row(floor, ratio, f"{more:.1f} µs with {said}, {less:.1f} µs without")
