"""Requests: to one recipient against an echo, and to 200 against one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

import floors
import load
from effort import Effort
from packets import BULK, MANY, SINGLE
from processes import Cores
from rounds import Comparison, Run, afresh, compare, rate_of
from servers import Server, asgi, echo, simulator

from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates

_BULK_CONNECTIONS = 4


def sends_http(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Plain HTTP, loaded by wrk."""
    yield _sends(floors.SENDS_HTTP, effort, cores, folder, None)


def sends_mtls(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """TLS with client certificates demanded by both servers, loaded by `epoll_load.py`."""
    yield _sends(floors.SENDS_MTLS, effort, cores, folder, open_certificates(folder / "certificates"))


def sends_split(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Plain HTTP, head and body of a request in segments of their own, loaded by `epoll_load.py`."""
    served = partial(simulator, cores.server, folder, None)
    yield _compared(floors.SENDS_SPLIT, effort, cores, folder, served, None, is_split=True)


def asgi_http(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """The simulator as an ASGI application on the uvicorn that the echo is on, plain HTTP, loaded by wrk."""
    yield _compared(floors.ASGI, effort, cores, folder, lambda: asgi(cores.server, folder), None)


def bulk(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Messages in requests of 200, against messages in requests of one, plain HTTP, by wrk."""
    with simulator(cores.server, folder, None) as server:

        def many() -> Run:
            run = load.run(server, MANY, effort.seconds, cores, folder, _BULK_CONNECTIONS)
            return Run(run.done * BULK, run.seconds, run.cpu_seconds)

        one = partial(load.run, server, SINGLE, effort.seconds, cores, folder)
        seen = compare(effort.rounds, many, one)
    detail = f"200 a request {rate_of(seen.ours)}, one a request {rate_of(seen.theirs)}; {seen.detail}"
    yield floors.Row(floors.BULK, seen.by_cpu, detail, seen.on_the_wall)


def _sends(
    floor: floors.Floor, effort: Effort, cores: Cores, folder: Path, files: CertificateFiles | None
) -> floors.Row:
    return _compared(floor, effort, cores, folder, lambda: simulator(cores.server, folder, files), files)


def _compared(
    floor: floors.Floor,
    effort: Effort,
    cores: Cores,
    folder: Path,
    served: Callable[[], AbstractContextManager[Server]],
    files: CertificateFiles | None,
    *,
    is_split: bool = False,
) -> floors.Row:
    def compared(stack: ExitStack) -> Comparison:
        ours = stack.enter_context(served())
        theirs = stack.enter_context(echo(cores.server, files))
        return compare(
            effort.rounds_each,
            partial(load.run, ours, SINGLE, effort.seconds, cores, folder, is_split=is_split),
            partial(load.run, theirs, SINGLE, effort.seconds, cores, folder, is_split=is_split),
        )

    seen = afresh(effort.programs, compared)
    detail = f"ours {rate_of(seen.ours)}, echo {rate_of(seen.theirs)}; {seen.detail}"
    return floors.Row(floor, seen.by_cpu, detail, seen.on_the_wall)
