"""A store on disk: sends against those of the memory store, and how long a server takes to be back."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import floors
import load
import msgspec
from client import post
from effort import Effort
from packets import BULK, MANY, SINGLE
from processes import Cores, Program
from rounds import Comparison, afresh, compare, rate_of
from servers import simulator, simulator_command

_CONNECTIONS = 64
_KEPT = 10_000
"""Messages there are when a server is started again."""


def sqlite(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """One-recipient sends over plain HTTP by wrk, each kept on the disk before it is answered."""
    files = count()

    def compared(stack: ExitStack) -> Comparison:
        places = [folder / f"{name}-{next(files)}" for name in ("sqlite", "memory")]
        for place in places:
            place.mkdir()
        ours = stack.enter_context(simulator(cores.server, places[0], None, "--store", f"sqlite:{places[0]}/kept.db"))
        theirs = stack.enter_context(simulator(cores.server, places[1], None))
        return compare(
            effort.rounds_each,
            partial(load.run, ours, SINGLE, effort.seconds, cores, folder, _CONNECTIONS),
            partial(load.run, theirs, SINGLE, effort.seconds, cores, folder, _CONNECTIONS),
        )

    seen = afresh(effort.programs, compared)
    detail = f"SQLite {rate_of(seen.ours)}, memory {rate_of(seen.theirs)}; {seen.detail}"
    yield floors.Row(floors.SQLITE, seen.on_the_wall, detail, seen.by_cpu)


def restart(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """From `exec` to the first answer over plain HTTP with messages kept, against a memory store; then to the list."""
    store = ("--store", f"sqlite:{folder}/kept.db")
    with simulator(cores.server, folder, None, *store) as server:
        for _ in range(_KEPT // BULK):
            post(server.url, MANY, None)
    pairs = [(_started(cores, folder, *store), _started(cores, folder)) for _ in range(effort.starts)]
    ratio = median(ours[0] / theirs[0] for ours, theirs in pairs)
    ours, theirs = median(pair[0][0] for pair in pairs), median(pair[1][0] for pair in pairs)
    yield floors.Row(floors.RESTART, ratio, f"first answer after {ours * 1e3:.0f} ms, in memory {theirs * 1e3:.0f} ms")
    view, empty = median(pair[0][1] for pair in pairs), median(pair[1][1] for pair in pairs)
    yield floors.Row(
        floors.RESTART_VIEW,
        (view - empty) * 1e3,
        f"list of messages {view * 1e3:.0f} ms after the first answer, of a memory store {empty * 1e3:.0f} ms",
    )


def _started(cores: Cores, folder: Path, *store: str) -> tuple[float, float]:
    """Seconds to the first answer, and from there to the first page of the list of messages."""
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    begun = time.perf_counter()
    with Program(cores.server, *simulator_command(folder, None, *store)) as program:
        ready = msgspec.json.decode(program.wait_for(ready_file), type=dict[str, str | int])
        post(str(ready["url"]), SINGLE, None)
        answered = time.perf_counter()
        with urlopen(f"{ready['admin_url']}/api/v1/messages?limit=1") as page:
            page.read()
        return answered - begun, time.perf_counter() - answered
