"""A temporary folder for the keys of one process, and the sweep of those that killed processes left.

A process that is killed cannot tidy up. So each holds a lock on its folder for as long as it lives, and whoever makes
the next one removes those that nobody holds. Where there are no such locks, on Windows, nothing is swept.

Spec: none; keys are nobody else's.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

_PREFIX = "cloudsms-simulator-"
_OWNER = ".owner"


class OwnFolder:
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
