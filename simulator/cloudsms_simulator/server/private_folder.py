"""A folder of private files: each written whole or not at all, by one process at a time."""

import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

_LOCK_TRIES = 200
_LOCK_PAUSE = 0.05
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""Windows has no such flag, and lets few make links."""


class Content(msgspec.Struct, frozen=True):
    """A file to write. A private one is for its owner alone from its first byte on."""

    path: Path
    data: bytes
    private: bool


def write_all(contents: Iterable[Content]) -> None:
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
