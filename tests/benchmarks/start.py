"""Start: from nothing to the first answer over mutual TLS, against the imports that cannot be avoided."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from statistics import median

import floors
import msgspec
from client import context_of, post
from effort import Effort
from packets import SINGLE
from processes import Cores, Program, with_bytecode
from servers import simulator_command

from cloudsms_simulator.net.certificates import CertificateFiles

_IMPORTS = "import uvicorn, starlette, trustme"


def start(effort: Effort, cores: Cores, folder: Path) -> Iterator[floors.Row]:
    """Each start has a folder of its own, so that the authority and the certificates are made anew."""
    names, env = count(), with_bytecode(folder)
    _start(cores, folder / "warm", env)
    _imports(cores, env)
    pairs = [(_start(cores, folder / f"start-{next(names)}", env), _imports(cores, env)) for _ in range(effort.starts)]
    ratio = median(ours / theirs for ours, theirs in pairs)
    ours, theirs = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    yield floors.Row(floors.START, ratio, f"first answer after {ours * 1e3:.0f} ms, imports {theirs * 1e3:.0f} ms")


def _imports(cores: Cores, env: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(["taskset", "-c", str(cores.server), sys.executable, "-c", _IMPORTS], env=env, check=True)
    return time.perf_counter() - begun


def _start(cores: Cores, folder: Path, env: Mapping[str, str]) -> float:
    certificates = folder / "certificates"
    certificates.mkdir(parents=True)
    files = CertificateFiles.within(certificates)
    command = simulator_command(folder, files)
    begun = time.perf_counter()
    with Program(cores.server, *command, env=env) as program:
        ready = msgspec.json.decode(program.wait_for(folder / "ready.json"), type=dict[str, str | int])
        post(str(ready["url"]), SINGLE, context_of(files))
        return time.perf_counter() - begun
