"""A folder of private files: whole files or none, and one writer at a time."""

import os
from pathlib import Path

import pytest

from cloudsms_simulator.net import private_files
from cloudsms_simulator.net.certificates import CertificateError, open_certificates
from cloudsms_simulator.net.private_files import FileContent, locked, readable_keys, write_all

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a longer old one")
    write_all([FileContent(tmp_path / "a", b"new", private=False), FileContent(tmp_path / "b", b"too", private=True)])
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "b").read_bytes() == b"too"
    assert names(tmp_path) == {"a", "b"}


@posix_only
def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, int]] = []
    real = os.open

    def watched(path: Path, flags: int, mode: int = 0o777) -> int:
        opened.append((Path(path).name, mode))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", watched)
    write_all([FileContent(tmp_path / "key", b"k", private=True), FileContent(tmp_path / "cert", b"c", private=False)])
    assert opened == [(".key.new", 0o600), (".cert.new", 0o644)]
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_what_a_crash_left_behind_is_swept_aside(tmp_path: Path) -> None:
    (tmp_path / ".a.new").write_bytes(b"half")
    write_all([FileContent(tmp_path / "a", b"whole", private=True)])
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names(tmp_path) == {"a"}


def test_nothing_is_replaced_when_one_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        write_all(
            [
                FileContent(tmp_path / "a", b"new", private=False),
                FileContent(tmp_path / "no" / "b", b"new", private=False),
            ]
        )
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == {"a"}


@posix_only
def test_a_folder_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with locked(tmp_path / "one" / "two"):
        assert (tmp_path / "one" / "two").stat().st_mode & 0o777 == 0o700


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "_LOCK_TRIES", 1)
    with locked(tmp_path), pytest.raises(TimeoutError), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


@posix_only
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path, is_there: bool) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "certs"
    if is_there:
        elsewhere.write_bytes(b"of somebody else")
    folder.mkdir()
    (folder / ".lock").symlink_to(elsewhere)

    with pytest.raises(OSError, match=r"\.lock is a symbolic link, which is not followed: delete it"), locked(folder):
        pass

    assert elsewhere.exists() is is_there
    with pytest.raises(CertificateError, match="is a symbolic link, which is not followed: delete it"):
        open_certificates(folder)
    assert names(folder) == {".lock"}


@posix_only
def test_keys_that_every_user_can_read_are_found(tmp_path: Path) -> None:
    open_certificates(tmp_path)
    assert readable_keys(tmp_path) == ()
    assert readable_keys(tmp_path / "absent") == ()
    for name, mode in (("customer-key.pem", 0o644), ("platform-key.pem", 0o640), ("ca-key.pem", 0o604)):
        (tmp_path / name).chmod(mode)
    for name, mode in (("customer.p12", 0o644), ("ca.p12", 0o644), ("trouble-expired-key.pem", 0o444)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "gone-key.pem").symlink_to(tmp_path / "gone")
    found = [path.name for path in readable_keys(tmp_path)]
    assert found == ["ca-key.pem", "customer-key.pem", "customer.p12", "trouble-expired-key.pem"]


def test_a_folder_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass
