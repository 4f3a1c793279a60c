"""The server that is attacked: a process of its own, on plain HTTP, whose CPU and memory can be read. Linux only."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from processes import Cores, Program

KIB = 1024
MIB = 1024 * KIB


class Server:
    """A running simulator: its ports, and what it uses."""

    def __init__(self, program: Program, ready: dict[str, str | int]) -> None:
        self._program = program
        self._pid = int(ready["pid"])
        self.port = _port_of(str(ready["url"]))
        self.admin_port = _port_of(str(ready["admin_url"]))

    @property
    def memory(self) -> int:
        """Octets in memory."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * KIB

    def kill(self) -> None:
        """Ends it at once, as a power cut would."""
        os.kill(self._pid, signal.SIGKILL)

    def cpu(self) -> float:
        """Seconds of CPU so far, all threads together."""
        return self._program.cpu_seconds()


@contextmanager
def serving(folder: Path, config: str) -> Iterator[Server]:
    """A server with a configuration, on a core of its own where there are two; `folder` is for its files."""
    config_file, ready_file = folder / "config.toml", folder / "ready.json"
    config_file.write_text(config)
    ready_file.unlink(missing_ok=True)
    command = (sys.executable, "-m", "cloudsms_simulator", "serve", "--plain", "--port", "0", "--admin-port", "0")
    core = Cores.available().server
    with Program(core, *command, "--config", config_file, "--ready-file", ready_file) as program:
        yield Server(program, msgspec.json.decode(program.wait_for(ready_file), type=dict[str, str | int]))


def _port_of(url: str) -> int:
    return int(url.split("/")[2].rpartition(":")[2])
