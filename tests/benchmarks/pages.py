"""Pages: the inbox of a full journal against one of a few messages, and what a page that is open costs."""

import http.client
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import floors
import load
import msgspec
from effort import Effort
from packets import BULK, SINGLE, numbers_from, request_to
from processes import Cores, ProgramError, python
from rounds import Comparison, Run, afresh, compare, rate_of
from servers import Server, simulator

_FEW = 100
_SHOWN = 60
"""Messages of requests of their own that come last: what the first window shows, so that both show alike."""
_UNBOUNDED = ("--journal-messages", "1000000", "--journal-bytes", "10000000000")


class Seen(msgspec.Struct, frozen=True):
    """What a page in a browser came to: when it was first painted, and the longest time it stood still, in ms."""

    painted: float
    stood_still: float


def page(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """The list as a browser asks for it, nothing searched."""
    apart = folder / "apart"
    apart.mkdir()
    views = max(3, effort.batch // 100)
    with (
        simulator(cores.server, folder, None, *_UNBOUNDED) as full,
        simulator(cores.server, apart, None, *_UNBOUNDED) as quiet,
    ):
        _fill(full, effort.singles)
        _fill(quiet, _FEW)
        ours, theirs = partial(_look, full, folder, views), partial(_look, quiet, apart, views)
        seen = compare(effort.rounds, ours, theirs)
    detail = f"{effort.singles:,} messages {rate_of(seen.ours)}, {_FEW} messages {rate_of(seen.theirs)}"
    yield floors.Row(floors.PAGE, 1 / seen.by_cpu, detail, 1 / seen.on_the_wall)


def pulse(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Sends by wrk, with the event stream of a page open, and without."""
    apart = folder / "apart"
    apart.mkdir()

    def compared(stack: ExitStack) -> Comparison:
        watched = stack.enter_context(simulator(cores.server, folder, None))
        alone = stack.enter_context(simulator(cores.server, apart, None))
        stack.enter_context(_stream(folder))
        return compare(
            effort.rounds_each,
            partial(load.run, watched, SINGLE, effort.seconds, cores, folder),
            partial(load.run, alone, SINGLE, effort.seconds, cores, apart),
        )

    seen = afresh(effort.programs, compared)
    detail = f"with a stream {rate_of(seen.ours)}, without {rate_of(seen.theirs)}; {seen.detail}"
    yield floors.Row(floors.PULSE, seen.by_cpu, detail, seen.on_the_wall)


def inbox(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Sends by wrk, with a page open in a browser that shows every one in the end, and without."""
    if shutil.which("chromium") is None:
        raise ProgramError("there is no chromium on the PATH")
    apart = folder / "apart"
    apart.mkdir()
    many = effort.singles // 10
    with (
        simulator(cores.server, folder, None, *_UNBOUNDED) as watched,
        simulator(cores.server, apart, None, *_UNBOUNDED) as alone,
        python(cores.load, "open_page.py", _admin_url(folder)) as browser,
    ):
        browser.told(float)
        last = Seen(0, 0)

        def shown() -> Run:
            nonlocal last
            run = _so_many(watched, many, effort, cores, folder)
            last = browser.ask(_kept(folder), Seen)
            return run

        seen = compare(effort.rounds, shown, lambda: _so_many(alone, many, effort, cores, apart))
    detail = (
        f"{many:,} messages a round: with a page {rate_of(seen.ours)}, without {rate_of(seen.theirs)}; "
        f"first paint after {last.painted:.0f} ms, stood still for {last.stood_still:.0f} ms at most"
    )
    yield floors.Row(floors.INBOX, seen.by_cpu, detail, seen.on_the_wall)


def _so_many(server: Server, many: int, effort: Effort, cores: Cores, folder: Path) -> Run:
    """Rounds of load until so many messages were sent, as one."""
    runs = [load.run(server, SINGLE, effort.seconds, cores, folder)]
    while sum(run.done for run in runs) < many:
        runs.append(load.run(server, SINGLE, effort.seconds, cores, folder))
    return Run(sum(run.done for run in runs), sum(run.seconds for run in runs), sum(run.cpu_seconds for run in runs))


def _kept(folder: Path) -> int:
    """How many messages there are by now: wrk leaves some behind that it does not count."""
    connection = http.client.HTTPConnection(_admin_url(folder).removeprefix("http://"))
    connection.request("GET", "/api/v1/messages?limit=1")
    total = int(json.loads(connection.getresponse().read())["total"])
    connection.close()
    return total


def _fill(server: Server, count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    shown = min(_SHOWN, count)
    for first in range(0, count - shown, BULK):
        _post(connection, request_to(*numbers_from(first, min(BULK, count - shown - first))))
    for number in numbers_from(count - shown, shown):
        _post(connection, request_to(number))
    connection.close()
    server.program.settle()


def _post(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/dave/io", body)
    answer = connection.getresponse().read()
    if b'"RESULT_CODE":1,"RESULT_DESC":"OK","DETAIL_LIST":' not in answer:
        raise ProgramError(f"a send was answered {answer[:200]!r}")


def _look(server: Server, folder: Path, views: int) -> Run:
    connection = http.client.HTTPConnection(_admin_url(folder).removeprefix("http://"))
    before, begun = server.program.cpu_seconds(), time.monotonic()
    for _ in range(views):
        connection.request("GET", "/")
        html = connection.getresponse().read()
        if html.count(b'class="arrival message"') != 50:
            raise ProgramError("the list has not got a window of messages")
    used, passed = server.program.cpu_seconds() - before, time.monotonic() - begun
    connection.close()
    return Run(views, passed, max(used, 1e-9))


@contextmanager
def _stream(folder: Path) -> Iterator[None]:
    """Reads a page's event stream meanwhile; a ProgramError when it said nothing."""
    connection = http.client.HTTPConnection(_admin_url(folder).removeprefix("http://"))
    connection.request("GET", "/pulse")
    response = connection.getresponse()
    beats: list[bytes] = []

    def read() -> None:
        with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := response.readline():
                beats.append(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        sock = connection.sock
        if sock is not None:
            sock.close()
    if not any(line.startswith(b"event: pulse") for line in beats):
        raise ProgramError("the event stream of a page said nothing")


def _admin_url(folder: Path) -> str:
    ready = msgspec.json.decode((folder / "ready.json").read_bytes(), type=dict[str, str | int])
    return str(ready["admin_url"])
