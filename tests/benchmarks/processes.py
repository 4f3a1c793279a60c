"""Processes: programs pinned to a core, whose CPU can be read and which can be asked things line by line.

Linux only: it takes `taskset`, and a process's CPU clock as Linux numbers it.
"""

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

import msgspec

T = TypeVar("T")

HERE = Path(__file__).parent
DEADLINE = 120.0
"""Seconds anything may take that is waited for."""

_QUIET = 0.15
_IDLE = 0.02
"""The part of a core that a program with nothing to do may use."""


class Cores(msgspec.Struct, frozen=True):
    """Which core the servers run on, and which the load. On a machine with one core they share it."""

    server: int
    load: int

    @classmethod
    def available(cls) -> Self:
        """The first two cores this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[1 % len(usable)])


class ProgramError(Exception):
    """A program of the benchmark did not do what it is there for."""


class Program:
    """A running program. Use as a context manager: it is stopped at the end."""

    def __init__(self, core: int, *command: str | Path, env: Mapping[str, str] | None = None) -> None:
        self._name = " ".join(str(part) for part in command[:3])
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment() if env is None else env,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._complaints):
            if file is not None:
                file.close()

    def tell(self, question: object) -> None:
        """Writes a line of JSON to the program."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(question) + b"\n")
        self._process.stdin.flush()

    def told(self, kind: type[T]) -> T:
        """The next line of JSON the program says."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], DEADLINE)[0]:
            raise self._failed("did not answer")
        line = self._process.stdout.readline()
        if not line:
            raise self._failed("ended")
        return msgspec.json.decode(line, type=kind)

    def ask(self, question: object, kind: type[T]) -> T:
        """Writes a line of JSON to the program and returns the line of JSON it answers with."""
        self.tell(question)
        return self.told(kind)

    def wait_for(self, path: Path, pause: float = 0.0005) -> bytes:
        """The content of a file, as soon as the program has written it."""
        deadline = time.monotonic() + DEADLINE
        while True:
            if path.exists():
                return path.read_bytes()
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self._failed(f"never wrote {path.name}")
            time.sleep(pause)

    def cpu_seconds(self) -> float:
        """CPU the program has used so far, all its threads together, in user space and in the kernel."""
        return time.clock_gettime(_cpu_clock(self._process.pid))

    def settle(self) -> None:
        """Returns when the program has nothing more to do: when it uses no more CPU."""
        deadline = time.monotonic() + DEADLINE
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(_QUIET)
            now = self.cpu_seconds()
            if now - before <= _QUIET * _IDLE:
                return
            before = now

    def _failed(self, how: str) -> ProgramError:
        self._complaints.seek(0)
        last = self._complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
        return ProgramError(f"{self._name} {how}: {last or 'it said nothing'}")


def with_bytecode(folder: Path) -> dict[str, str]:
    """An environment in which Python keeps bytecode in a folder.

    Installed packages have their bytecode, which a checkout may not be allowed to write.
    """
    ours = _environment()
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    return ours | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("CLOUDSMS_", "PYTEST_"))}


def _cpu_clock(pid: int) -> int:
    """The clock that clock_getcpuclockid(3) gives for a process, which Python offers for threads only."""
    return (~pid << 3) | 2


def python(core: int, script: str, *arguments: str | Path) -> Program:
    """One of the benchmark's own programs."""
    return Program(core, sys.executable, HERE / script, *arguments)
