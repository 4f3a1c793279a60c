"""Measures the simulator against its floors, as ratios in one run, and prints a table. See README.md beside this.

Ends 0 also when a floor is missed; 1 when something could not be measured.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import durable
import floors
import journal_bytes
import listeners
import pages
import pushes
import rules
import sends
import sessions
import start
from effort import FULL, QUICK, Effort
from processes import Cores, ProgramError

Benchmark = Callable[[Effort, Cores, Path], Iterator[floors.Row]]

BENCHMARKS: dict[str, Benchmark] = {
    "sends": sends.sends_http,
    "sends-mtls": sends.sends_mtls,
    "sends-split": sends.sends_split,
    "asgi": sends.asgi_http,
    "bulk": sends.bulk,
    "rules": rules.rules,
    "pushes": pushes.pushes_http,
    "pushes-mtls": pushes.pushes_mtls,
    "listeners": listeners.listeners,
    "plugin": sessions.starts,
    "fixtures": sessions.fixtures,
    "start": start.start,
    "journal": journal_bytes.sizes,
    "due": journal_bytes.due,
    "requests": journal_bytes.requests,
    "sqlite": durable.sqlite,
    "restart": durable.restart,
    "page": pages.page,
    "pulse": pages.pulse,
    "inbox": pages.inbox,
}


def main() -> int:
    """Runs what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, fewer messages: an impression")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    chosen = parser.parse_args()
    cores = Cores.available()
    os.sched_setaffinity(0, {cores.load})
    begun = time.monotonic()
    print(_heading(cores))
    rows, failed = [], False
    for name in chosen.only or BENCHMARKS:
        try:
            for row in measured(name, QUICK if chosen.quick else FULL, cores):
                rows.append(row)
                print(*floors.lines_of(row), sep="\n", flush=True)
        except (OSError, ProgramError, subprocess.SubprocessError) as error:
            failed = True
            print(f"{name}: NOT MEASURED: {error}", flush=True)
    print(f"\n{floors.summary_of(rows)} Took {time.monotonic() - begun:.0f} s.")
    return 1 if failed else 0


def measured(name: str, effort: Effort, cores: Cores) -> Iterator[floors.Row]:
    """The rows of one benchmark, as they come."""
    with tempfile.TemporaryDirectory(prefix="cloudsms-bench-") as folder:
        yield from BENCHMARKS[name](effort, cores, Path(folder))


def _heading(cores: Cores) -> str:
    where = f"servers on core {cores.server}, load on core {cores.load}"
    if cores.server == cores.load:
        where = "servers and load SHARE THE ONLY CORE: rates mean little"
    return f"{where}; load average {os.getloadavg()[0]:.2f}\n\n{floors.heading()}"


if __name__ == "__main__":
    sys.exit(main())
