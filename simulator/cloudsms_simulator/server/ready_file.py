"""The ready file: what a client needs to know of a server, written once connections work.

Spec: CloudSMS Platform Server.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec


class Ready(msgspec.Struct, frozen=True):
    """What a client needs to know; the ready file holds exactly this, as one JSON object."""

    url: str
    """Ends in `/dave/io`."""
    admin_url: str
    """Has no trailing slash."""
    ca: str
    """Path of the authority to trust, PEM, as the two below."""
    client_cert: str
    client_key: str
    auth_key: str
    route_id: str
    pid: int


def write_ready_file(path: Path, ready: Ready) -> None:
    """Writes the file in one step, readable by its owner alone: it holds an AUTH_KEY. OSError when it cannot."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(ready)) + b"\n")
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def read_ready_file(path: Path) -> Ready:
    """What the file says. OSError when it cannot be read, ValueError when it is no ready file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ready)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no ready file: {error}") from error
