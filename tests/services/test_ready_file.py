import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.services.ready_file import Ready, ReadyFile, read_ready_file, ready_file_at, write_ready_file

READY = Ready(
    url="https://127.0.0.1:1/dave/io",
    admin_url="http://127.0.0.1:2",
    ca="/certs/ca.pem",
    client_cert="/certs/customer.pem",
    client_key="/certs/customer-key.pem",
    auth_key="key",
    route_id="VerifyCode_516",
    pid=3,
)


def test_a_written_file_reads_as_the_same(tmp_path: Path) -> None:
    write_ready_file(tmp_path / "ready", READY)

    assert read_ready_file(tmp_path / "ready") == READY
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("old")

    write_ready_file(tmp_path / "ready", READY)

    assert read_ready_file(tmp_path / "ready") == READY


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX")
def test_only_its_owner_reads_the_key_in_it(tmp_path: Path) -> None:
    write_ready_file(tmp_path / "ready", READY)

    assert stat.S_IMODE((tmp_path / "ready").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "ready").mkdir()

    with pytest.raises(OSError, match="ready"):
        write_ready_file(tmp_path / "ready", READY)

    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff"])
def test_what_is_no_ready_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ready").write_bytes(content)

    with pytest.raises(ValueError, match="is no ready file"):
        read_ready_file(tmp_path / "ready")


def test_an_absent_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_ready_file(tmp_path / "ready")


OTHER = msgspec.structs.replace(READY, pid=4)
posix = pytest.mark.skipif(sys.platform == "win32", reason="files that are held cannot be read there")


def test_the_file_is_there_until_its_owner_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "ready"

    with ready_file_at(path) as ready_file:
        assert ready_file is not None
        assert not path.exists()
        ready_file.write(READY)
        assert read_ready_file(path) == READY
        assert os.listdir(tmp_path) == ["ready"]

    assert os.listdir(tmp_path) == []


def test_nobody_has_to_want_a_file() -> None:
    with ready_file_at(None) as ready_file:
        assert ready_file is None


def test_the_file_of_another_server_stays_when_the_first_one_ends(tmp_path: Path) -> None:
    first, second = ReadyFile(tmp_path / "ready"), ReadyFile(tmp_path / "ready")
    first.write(READY)
    second.write(OTHER)

    first.remove()
    assert read_ready_file(tmp_path / "ready") == OTHER

    second.remove()
    assert os.listdir(tmp_path) == []


@posix
def test_a_running_servers_file_stays_when_another_cannot_start(tmp_path: Path) -> None:
    first = ReadyFile(tmp_path / "ready")
    first.write(READY)

    ReadyFile(tmp_path / "ready").remove()

    assert read_ready_file(tmp_path / "ready") == READY
    first.remove()


def test_a_killed_servers_file_is_removed_before_the_next_starts(tmp_path: Path) -> None:
    killed = (
        "import os, sys; from pathlib import Path\n"
        "from cloudsms_simulator.services.ready_file import Ready, ReadyFile\n"
        "ReadyFile(Path(sys.argv[1])).write(Ready('', '', '', '', '', '', '', 1)); os._exit(1)"
    )
    path = tmp_path / "ready"
    subprocess.run([sys.executable, "-c", killed, str(path)], check=False)
    assert path.exists()

    ReadyFile(path)

    assert os.listdir(tmp_path) == []


def test_a_file_that_no_process_holds_is_removed(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("of an older version")

    ReadyFile(tmp_path / "ready")

    assert os.listdir(tmp_path) == []


def test_a_place_that_can_have_no_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in (
        (tmp_path, "a folder is there"),
        (tmp_path / "absent" / "ready", "No such file or directory"),
        (tmp_path / "file" / "ready", "Not a directory"),
    ):
        with pytest.raises(SettingsError) as caught:
            ReadyFile(path)
        assert str(caught.value) == f"{path}: cannot write the ready file: {why}"
    assert os.listdir(tmp_path) == ["file"]


@posix
def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")

    with pytest.raises(SettingsError, match="what is there is no file"):
        ReadyFile(tmp_path / "ready")

    assert os.listdir(tmp_path) == ["ready"]
