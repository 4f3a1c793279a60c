"""Load: keep-alive connections that send the same request over and over, on a core of their own.

wrk where it can: on plain HTTP. It shows no client certificate, and sends a request whole; for mutual TLS, and for
heads and bodies in segments of their own, there is `epoll_load.py`.
"""

import re
import resource
import subprocess
import sys
from pathlib import Path

import msgspec
from processes import HERE, Cores, ProgramError
from rounds import Run
from servers import Server

CONNECTIONS = 32

_TOLD = re.compile(r"^REQUESTS (\d+) MICROSECONDS (\d+) ERRORS (\d+)$", re.MULTILINE)


class Count(msgspec.Struct, frozen=True):
    """What a load came to."""

    requests: int
    seconds: float
    errors: int


def run(
    server: Server,
    body: bytes,
    seconds: float,
    cores: Cores,
    folder: Path,
    connections: int = CONNECTIONS,
    *,
    is_split: bool = False,
) -> Run:
    """One round: so many seconds of requests, whole ones by wrk. An answer other than 200 is a ProgramError.

    `is_split` is for plain HTTP: head and body come in segments of their own.

    The server may go on working afterwards; that is waited for, and not counted.
    """
    before, loading = server.program.cpu_seconds(), _children()
    made = _made(server, body, seconds, cores, folder, connections, is_split=is_split)
    spent, loaded = server.program.cpu_seconds() - before, _children() - loading
    server.program.settle()
    if made.errors or not made.requests:
        raise ProgramError(f"{server.url}: {made.errors} errors in {made.requests} requests")
    return Run(made.requests, made.seconds, max(spent, 1e-9), loaded)


def _children() -> float:
    """CPU of the programs that were waited for: loads only, since servers run on."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _made(
    server: Server, body: bytes, seconds: float, cores: Cores, folder: Path, connections: int, *, is_split: bool
) -> Count:
    packet = folder / f"request-{len(body)}.json"
    packet.write_bytes(body)
    pinned = ["taskset", "-c", str(cores.load)]
    if server.files is not None or is_split:
        known = server.files
        files = () if known is None else (known.ca, known.customer_cert, known.customer_key)
        numbers = (str(server.port), str(connections), str(seconds))
        said = _said([*pinned, sys.executable, HERE / "epoll_load.py", packet, *numbers, *files])
        return msgspec.json.decode(said, type=Count)
    whole = str(max(1, round(seconds)))
    options = ("-t", "1", "-c", str(connections), "-d", whole, "-s", HERE / "wrk.lua", server.url, "--", packet)
    found = _TOLD.search(_said([*pinned, "wrk", *options]))
    if found is None:
        raise ProgramError("wrk did not tell what it did")
    return Count(int(found[1]), int(found[2]) / 1e6, int(found[3]))


def _said(command: list[str | Path]) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise ProgramError(f"{command[3]} failed: {error.stderr or error.stdout}") from error
