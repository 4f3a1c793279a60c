"""Pushes: delivery reports that are all due at once, against a bare aiohttp loop that does the same POSTs."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import floors
from client import context_of, post
from effort import Effort
from packets import BULK, numbers_from, request_to
from processes import Cores, Program, python
from rounds import Comparison, Run, afresh, compare, rate_of
from servers import Server, simulator

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates

_AT_ONCE = Callback().concurrency


def pushes_http(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """To a receiver on plain HTTP."""
    yield _pushes(floors.PUSHES_HTTP, effort, cores, folder, None)


def pushes_mtls(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """To a receiver that demands a client certificate."""
    yield _pushes(floors.PUSHES_MTLS, effort, cores, folder, open_certificates(folder / "certificates"))


def _pushes(
    floor: floors.Floor, effort: Effort, cores: Cores, folder: Path, files: CertificateFiles | None
) -> floors.Row:
    customer = () if files is None else (files.customer_cert, files.customer_key, files.ca)
    platform = () if files is None else (files.platform_cert, files.platform_key, files.ca)

    def compared(stack: ExitStack) -> Comparison:
        receiver = stack.enter_context(python(cores.load, "report_receiver.py", *customer))
        scheme = "http" if files is None else "https"
        url = f"{scheme}://127.0.0.1:{receiver.told(int)}/"
        ours = stack.enter_context(simulator(cores.server, folder, files, "--callback-url", url))
        theirs = stack.enter_context(python(cores.server, "bare_pushes.py", url, str(_AT_ONCE), *platform))
        return compare(
            effort.rounds_each,
            lambda: _by_simulator(ours, receiver, effort.pushes),
            lambda: _by_loop(theirs, receiver, effort.pushes),
        )

    seen = afresh(effort.programs, compared)
    detail = f"ours {rate_of(seen.ours)}, aiohttp {rate_of(seen.theirs)}"
    return floors.Row(floor, seen.by_cpu, detail, seen.on_the_wall)


def _by_simulator(server: Server, receiver: Program, count: int) -> Run:
    """Submits messages whose reports are due a second later, and waits until they have come."""
    receiver.ask(count, bool)
    context = None if server.files is None else context_of(server.files)
    for first in range(0, count, BULK):
        post(server.url, request_to(*numbers_from(first, min(BULK, count - first))), context)
    before = server.program.cpu_seconds()
    seconds = receiver.told(float)
    server.program.settle()
    return Run(count, seconds, server.program.cpu_seconds() - before)


def _by_loop(loop: Program, receiver: Program, count: int) -> Run:
    receiver.ask(count, bool)
    cpu_seconds = loop.ask(count, float)
    return Run(count, receiver.told(float), cpu_seconds)
