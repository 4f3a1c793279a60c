"""The folder for the keys of one process: for its owner alone, held while that lives, swept when it was killed."""

import asyncio
import errno
import os
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.net.private_files import PrivateTempFolder
from cloudsms_simulator.simulator import Simulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")

KILLED = """
import os, sys
from cloudsms_simulator.net.private_files import PrivateTempFolder
folder = PrivateTempFolder()
(folder.path / "key.pem").write_text("a key")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def process(root: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process with a folder there."""
    started = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        env=os.environ | {"TMPDIR": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    return started, Path(started.stdout.readline().strip())


def test_a_folder_is_for_its_owner_alone_and_goes_when_it_is_removed(root: Path) -> None:
    folder = PrivateTempFolder()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.remove()
    folder.remove()
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_left_is_swept_by_the_next(root: Path, how: signal.Signals) -> None:
    killed, left = process(root)
    with killed:
        first = PrivateTempFolder()
        assert left.is_dir(), "its process lives"
        killed.send_signal(how)
        assert killed.wait(20) == -how
    assert left.is_dir(), "nobody could tidy up"
    second = PrivateTempFolder()
    assert sorted(root.iterdir()) == sorted([first.path, second.path])
    first.remove()
    second.remove()


def test_what_others_put_there_is_left_alone(root: Path) -> None:
    unfinished = root / "cloudsms-simulator-unfinished"
    unfinished.mkdir()
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / ".owner").touch()
    (root / "cloudsms-simulator-link").symlink_to(root / "elsewhere")
    linked = root / "cloudsms-simulator-linked"
    linked.mkdir()
    (linked / ".owner").symlink_to(root / "elsewhere" / ".owner")
    (root / "cloudsms-simulator-file").touch()
    before = sorted(root.rglob("*"))
    PrivateTempFolder().remove()
    assert sorted(root.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_remove_it() -> None:
    folder = PrivateTempFolder()
    child = os.fork()
    if not child:
        folder.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.path.is_dir()
    folder.remove()


def test_every_key_of_a_simulator_is_for_its_owner_alone(root: Path) -> None:
    async def story() -> None:
        simulator = Simulator(Settings(port=0, admin_port=0))
        await simulator.start()
        keys = [path for path in root.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
        assert len(keys) >= 3
        assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in root.iterdir()] == [0o700]
        await simulator.stop(timedelta(0))

    asyncio.run(story())
    assert list(root.iterdir()) == []


def test_where_nothing_can_be_locked_nothing_is_swept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_lock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", no_lock)
    first, second = PrivateTempFolder(), PrivateTempFolder()
    assert [list(each.path.iterdir()) for each in (first, second)] == [[], []]
    first.remove()
    second.remove()
    assert list(root.iterdir()) == []
