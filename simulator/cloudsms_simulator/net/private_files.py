"""Folders of private files: written whole or not at all, by one process at a time; swept when that was killed.

`write_all` inside `locked` puts several files in place in one sweep, private ones for their owner alone from the
first byte. A `PrivateTempFolder` holds the keys of one process; each holds a lock on its folder for as long as it
lives, and whoever makes the next one removes those that nobody holds. Where there are no such locks, on Windows,
nothing is swept.

Spec: none; keys are nobody else's.
"""

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

_LOCK_TRIES = 200
_LOCK_PAUSE = 0.05
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""Windows has no such flag, and lets few make links."""


class FileContent(msgspec.Struct, frozen=True):
    """A file to write. A private one is for its owner alone from its first byte on."""

    path: Path
    data: bytes
    private: bool


def write_all(contents: Iterable[FileContent]) -> None:
    """Writes the files beside their places, then puts all in place in one sweep. Call it inside `locked`."""
    ready: list[tuple[Path, Path]] = []
    try:
        for content in contents:
            beside = content.path.with_name(f".{content.path.name}.new")
            beside.unlink(missing_ok=True)
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if content.private else 0o644)
            ready.append((beside, content.path))
            with open(handle, "wb") as file:
                file.write(content.data)
        for beside, path in ready:
            beside.replace(path)
    finally:
        for beside, _ in ready:
            beside.unlink(missing_ok=True)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Makes the folder, mode 0700, when it is missing, and holds it against other processes and threads.

    OSError when the folder cannot be made or written, or a link stands in the place of its `.lock`, which would lead
    elsewhere; TimeoutError when another held it for 10 seconds.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = _opened(directory / ".lock")
    try:
        for _ in range(_LOCK_TRIES):
            if _lock(handle):
                break
            time.sleep(_LOCK_PAUSE)
        else:
            raise TimeoutError("another process has held it for 10 seconds")
        yield
    finally:
        # Closing gives up the lock. The file stays: deleting it would let two processes lock different ones.
        os.close(handle)


def _opened(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)
    except OSError as error:
        if not lock.is_symlink():
            raise
        raise OSError(error.errno, f"{lock} is a symbolic link, which is not followed: delete it") from error


def readable_keys(directory: Path) -> tuple[Path, ...]:
    """The files of a folder with private keys that every user can read; none where modes mean nothing."""
    if sys.platform == "win32":
        return ()
    keys = (path for ending in ("*-key.pem", "*.p12") for path in directory.glob(ending) if path.name != "ca.p12")
    return tuple(sorted(filter(_is_readable_by_all, keys)))


def _is_readable_by_all(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_PREFIX = "cloudsms-simulator-"
_OWNER = ".owner"


class PrivateTempFolder:
    """A new folder, mode 0700. Only the process that made it removes it. Raises OSError when there can be none."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        _sweep(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._handle = _held(self.path)

    def remove(self) -> None:
        """Removes it with all that is in it, unless this is a forked child."""
        if self._pid != os.getpid():
            return
        shutil.rmtree(self.path, ignore_errors=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


if sys.platform == "win32":

    def _held(path: Path) -> int | None:
        return None

    def _sweep(root: Path) -> None:
        """Nothing can be known of the processes that made what is there."""

else:
    import fcntl

    def _held(path: Path) -> int | None:
        """Locks a folder, until the process ends; forked children hold it too. The lock is there before its name is."""
        unnamed = path / f"{_OWNER}.new"
        handle = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            unnamed.rename(path / _OWNER)
        except OSError:
            # A file system without locks: without the name, nobody sweeps the folder.
            unnamed.unlink(missing_ok=True)
            os.close(handle)
            return None
        return handle

    def _sweep(root: Path) -> None:
        try:
            with os.scandir(root) as entries:
                left = [entry for entry in entries if entry.name.startswith(_PREFIX)]
        except OSError:
            return
        for entry in left:
            try:
                if entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    _remove_unless_held(Path(entry.path))
            except OSError:
                continue  # removed meanwhile, or not for us

    def _remove_unless_held(path: Path) -> None:
        handle = os.open(path / _OWNER, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(handle)
