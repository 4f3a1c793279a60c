import stat
import sys
from pathlib import Path

import pytest

from cloudsms_simulator.server.ready_file import Ready, read_ready_file, write_ready_file

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
