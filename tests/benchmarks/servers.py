"""The servers under load: the simulator, and the echo it is compared with, alike in all that is not theirs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from processes import Program, python

from cloudsms_simulator.net.certificates import CertificateFiles

_UNLIMITED = '[[accounts]]\nname = "default"\nbalance = "unlimited"\n'


class Server(msgspec.Struct, frozen=True):
    """A server that answers at `url`. `files`: the certificates with TLS, None on plain HTTP."""

    program: Program
    url: str
    files: CertificateFiles | None

    @property
    def port(self) -> int:
        """The port in the URL."""
        return int(self.url.split("/")[2].rpartition(":")[2])


def simulator_command(folder: Path, files: CertificateFiles | None, *more: str) -> tuple[str | Path, ...]:
    """The command line of a simulator with an unlimited balance and everything else at its default."""
    config = folder / "config.toml"
    config.write_text(_UNLIMITED)
    command = (sys.executable, "-m", "cloudsms_simulator", "serve", "--port", "0", "--admin-port", "0")
    secured = ("--plain",) if files is None else ("--mtls", "required", "--certs", files.directory)
    return (*command, *secured, "--config", config, "--ready-file", folder / "ready.json", *more)


@contextmanager
def simulator(core: int, folder: Path, files: CertificateFiles | None, *more: str) -> Iterator[Server]:
    """The simulator, on plain HTTP or demanding client certificates."""
    with Program(core, *simulator_command(folder, files, *more)) as program:
        ready = msgspec.json.decode(program.wait_for(folder / "ready.json"), type=dict[str, str | int])
        yield Server(program, str(ready["url"]), files)


@contextmanager
def asgi(core: int, folder: Path) -> Iterator[Server]:
    """The simulator on plain HTTP as an ASGI application on uvicorn."""
    config = folder / "config.toml"
    config.write_text(_UNLIMITED)
    with python(core, "asgi_server.py", config) as program:
        yield Server(program, f"http://127.0.0.1:{program.told(int)}/dave/io", None)


@contextmanager
def echo(core: int, files: CertificateFiles | None) -> Iterator[Server]:
    """What answers with the JSON it was sent: `Request.json()` and `JSONResponse` on uvicorn."""
    secured = () if files is None else (files.platform_cert, files.platform_key, files.ca)
    with python(core, "echo_server.py", *secured) as program:
        scheme = "http" if files is None else "https"
        yield Server(program, f"{scheme}://127.0.0.1:{program.told(int)}/dave/io", files)
