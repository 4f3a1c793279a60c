"""The ready file: what a client needs to know of a server, as one JSON object, written once connections work.

It is written in one step, readable by its owner alone since it holds an AUTH_KEY, and removed in the end. The process
that runs holds it, so that the file of one that was killed is known and removed by the next. Imports little: commands
read it that start no server.

Spec: CloudSMS Platform Server.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from cloudsms_simulator.config import SettingsError


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


class ReadyFile:
    """The ready file of one server, or of one receiver of reports, from before its start until after its end.

    SettingsError, before anything is started, when there can be no file in that place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = b""
        self._holder: int | None = None
        try:
            _remove_a_dead_ones(path)
            # Tried now, so that nothing is started in vain.
            _write_beside(path, b"").unlink()
        except OSError as error:
            raise SettingsError([_cannot(path, error)]) from error

    def write(self, content: msgspec.Struct) -> None:
        """Writes the file in one step, in the place of any other. SettingsError when it cannot."""
        data = _encoded(content)
        try:
            beside = _write_beside(self._path, data)
            self._holder = _hold(beside)
            _put(beside, self._path)
        except OSError as error:
            raise SettingsError([_cannot(self._path, error)]) from error
        self._written = data

    def remove(self) -> None:
        """Removes the file, if it was written and no other server has put its own there."""
        with suppress(OSError):
            if self._written and self._path.read_bytes() == self._written:
                self._path.unlink()
        if self._holder is not None:
            os.close(self._holder)
            self._holder = None


@contextmanager
def ready_file_at(path: Path | None) -> Iterator[ReadyFile | None]:
    """The ready file of whatever runs in the block, removed in the end; None where none is wanted."""
    if path is None:
        yield None
        return
    ready_file = ReadyFile(path)
    try:
        yield ready_file
    finally:
        ready_file.remove()


def write_ready_file(path: Path, content: msgspec.Struct) -> None:
    """Writes the file in one step, readable by its owner alone: it holds an AUTH_KEY. OSError when it cannot.

    No process holds it: the next server in that place removes it.
    """
    _put(_write_beside(path, _encoded(content)), path)


def read_ready_file(path: Path) -> Ready:
    """What the file says. OSError when it cannot be read, ValueError when it is no ready file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ready)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no ready file: {error}") from error


def _encoded(content: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content)) + b"\n"


def _write_beside(path: Path, data: bytes) -> Path:
    """A new file in the same folder, for its owner alone. OSError when it cannot be written; then nothing is left."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except OSError:
        _discard(beside)
        raise
    return beside


def _put(beside: Path, path: Path) -> None:
    try:
        beside.replace(path)
    except OSError:
        _discard(beside)
        raise


def _discard(beside: Path) -> None:
    with suppress(OSError):
        beside.unlink()


def _remove_a_dead_ones(path: Path) -> None:
    """Removes the file of a process that was killed: who waits for the next one would take it for that."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder is there" if stat.S_ISDIR(mode) else "what is there is no file")
    if not _is_held(path):
        path.unlink(missing_ok=True)


def _cannot(path: Path, error: OSError) -> str:
    return f"{path}: cannot write the ready file: {error.strerror or error}"


if sys.platform == "win32":  # a file that is held there can be neither read nor replaced

    def _hold(path: Path) -> int | None:
        return None

    def _is_held(path: Path) -> bool:
        return False

else:
    import fcntl

    def _hold(path: Path) -> int | None:
        """A handle by which others see, as long as this process lives, that the file is somebody's."""
        handle = os.open(path, os.O_RDONLY)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle

    def _is_held(path: Path) -> bool:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(handle)
        return False
