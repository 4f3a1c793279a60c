"""Listeners: sends while many wait for something else and some read streams of events, against sends nobody hears."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import floors
import load
import msgspec
from effort import Effort
from packets import SINGLE
from processes import Cores, Program, ProgramError, python
from rounds import Comparison, Run, afresh, compare, rate_of
from servers import Server, simulator

_STREAMS = 20


def listeners(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Plain HTTP, loaded by wrk; waits and streams are of the account that sends."""
    apart = folder / "apart"
    apart.mkdir()

    def compared(stack: ExitStack) -> Comparison:
        heard = stack.enter_context(simulator(cores.server, folder, None))
        alone = stack.enter_context(simulator(cores.server, apart, None))
        where = str(_admin_port(folder))
        listening = stack.enter_context(
            python(cores.load, "open_listeners.py", where, str(effort.waits), str(_STREAMS))
        )
        _all_open(listening, effort)
        heard.program.settle()
        return compare(
            effort.rounds_each,
            partial(_heard, heard, listening, effort, cores, folder),
            partial(load.run, alone, SINGLE, effort.seconds, cores, apart),
        )

    seen = afresh(effort.programs, compared)
    detail = (
        f"{effort.waits:,} waits, {_STREAMS} streams {rate_of(seen.ours)}, none {rate_of(seen.theirs)}; {seen.detail}"
    )
    yield floors.Row(floors.LISTENERS, seen.by_cpu, detail, seen.on_the_wall)


def _admin_port(folder: Path) -> int:
    ready = msgspec.json.decode((folder / "ready.json").read_bytes(), type=dict[str, str | int])
    return int(str(ready["admin_url"]).rpartition(":")[2])


def _heard(server: Server, listening: Program, effort: Effort, cores: Cores, folder: Path) -> Run:
    run = load.run(server, SINGLE, effort.seconds, cores, folder)
    _all_open(listening, effort)
    return run


def _all_open(listening: Program, effort: Effort) -> None:
    found = listening.ask(None, int)
    if found != effort.waits + _STREAMS:
        raise ProgramError(f"{found:,} waits and streams are open, want {effort.waits + _STREAMS:,}")
