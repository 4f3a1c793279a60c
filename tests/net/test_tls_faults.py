"""Certificates with one flaw each: what is made, what stays, and that whoever checks them finds that flaw."""

import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from patience import DEADLINE

from cloudsms_simulator.engine.faults import Identity, TlsTrouble
from cloudsms_simulator.net.certificates import (
    Authority,
    CertificateError,
    CertificateFiles,
    complete_set,
    hosts_of,
    open_certificates,
    read_pair,
)
from cloudsms_simulator.net.tls import HandshakeReason, handshake_reason, platform_context, push_context
from cloudsms_simulator.net.tls_faults import WRONG_HOST, FlawedCertificates

FLAWED = [trouble for trouble in TlsTrouble if trouble is not TlsTrouble.CUT_HANDSHAKE]
SHOWN_BADLY = [identity for identity in Identity if identity not in (Identity.VALID, Identity.NONE)]
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set, good for one more host. Flawed certificates may be added, nothing else."""
    return complete_set(tmp_path_factory.mktemp("certs"), ("sms.test",))


@pytest.fixture
def mine(files: CertificateFiles, tmp_path: Path) -> CertificateFiles:
    """A copy of the set, to be spoilt."""
    keep = shutil.ignore_patterns("trouble-*")
    shutil.copytree(files.directory, tmp_path / "certs", ignore=keep)
    return CertificateFiles.within(tmp_path / "certs")


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name.startswith("trouble-")}


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> tuple[OSError | None, OSError | None]:
    """What each side says of a handshake over a real connection; None: it went well."""
    ours, theirs = socket.socketpair()
    failures: list[OSError | None] = [None]

    def serve() -> None:
        with ours:
            try:
                with server.wrap_socket(ours, server_side=True) as wrapped:
                    wrapped.sendall(b"!")
            except OSError as error:
                failures[0] = error

    thread = threading.Thread(target=serve)
    thread.start()
    failure: OSError | None = None
    with theirs:
        theirs.settimeout(DEADLINE)
        try:
            with client.wrap_socket(theirs, server_hostname=host) as wrapped:
                wrapped.recv(1)
        except OSError as error:
            failure = error
    thread.join(DEADLINE)
    return failures[0], failure


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (TlsTrouble.EXPIRED, 10),
        (TlsTrouble.NOT_YET_VALID, 9),
        (TlsTrouble.WRONG_HOST, 62),
        (TlsTrouble.UNKNOWN_CA, 20),
        (TlsTrouble.WRONG_USAGE, 26),
    ],
)
@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
def test_a_client_finds_the_flaw_and_no_other(
    files: CertificateFiles, trouble: TlsTrouble, code: int, strict: bool
) -> None:
    client = ssl.create_default_context(cafile=files.ca)
    if strict:
        client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = platform_context(files, "off", shown=FlawedCertificates(files).as_server(trouble))
    _, failure = handshake(server, client, "localhost")
    assert isinstance(failure, ssl.SSLCertVerificationError)
    assert failure.verify_code == code


def test_a_certificate_for_a_wrong_host_is_right_for_that_host(files: CertificateFiles) -> None:
    server = platform_context(files, "off", shown=FlawedCertificates(files).as_server(TlsTrouble.WRONG_HOST))
    assert handshake(server, ssl.create_default_context(cafile=files.ca), WRONG_HOST) == (None, None)


def test_nothing_is_wrong_with_the_certificate_of_a_handshake_that_is_cut(files: CertificateFiles) -> None:
    assert FlawedCertificates(files).as_server(TlsTrouble.CUT_HANDSHAKE) == (files.platform_cert, files.platform_key)


@pytest.mark.parametrize("trouble", sorted(set(FLAWED) - {TlsTrouble.WRONG_HOST}))
def test_a_flawed_certificate_is_good_for_the_platforms_hosts(files: CertificateFiles, trouble: TlsTrouble) -> None:
    shown, _ = FlawedCertificates(files).as_server(trouble)
    assert hosts_of(certificate(shown)) == ("localhost", "127.0.0.1", "::1", "sms.test")


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (Identity.EXPIRED, "expired"),
        (Identity.NOT_YET_VALID, "not-yet-valid"),
        (Identity.UNKNOWN_CA, "unknown-ca"),
        (Identity.WRONG_USAGE, "wrong-usage"),
    ],
)
def test_a_customers_server_finds_what_is_wrong_with_our_client(
    files: CertificateFiles, identity: Identity, reason: HandshakeReason
) -> None:
    shown = FlawedCertificates(files).as_client(identity)
    assert shown is not None
    client = push_context(shown, (files.ca,), system=False)
    failure, _ = handshake(platform_context(files, "required"), client, "localhost")
    assert failure is not None
    assert handshake_reason(failure)[0] == reason


def test_a_valid_client_shows_the_platforms_certificate_and_none_shows_nothing(files: CertificateFiles) -> None:
    certificates = FlawedCertificates(files)
    assert certificates.as_client(Identity.VALID) == (files.platform_cert, files.platform_key)
    assert certificates.as_client(Identity.NONE) is None


def test_nothing_is_made_before_it_is_asked_for(mine: CertificateFiles) -> None:
    certificates = FlawedCertificates(mine)
    assert contents(mine.directory) == {}
    certificates.as_client(Identity.EXPIRED)
    assert set(contents(mine.directory)) == {"trouble-expired.pem", "trouble-expired-key.pem"}


def test_six_certificates_serve_for_everything(mine: CertificateFiles) -> None:
    certificates = FlawedCertificates(mine)
    for trouble in TlsTrouble:
        certificates.as_server(trouble)
    for identity in Identity:
        certificates.as_client(identity)
    names = ("expired", "not-yet-valid", "unknown-ca", "wrong-host", "clients-only", "servers-only")
    assert set(contents(mine.directory)) == {f"trouble-{name}{end}" for name in names for end in (".pem", "-key.pem")}


@posix_only
@pytest.mark.parametrize("trouble", FLAWED)
def test_keys_are_for_their_owner_alone(files: CertificateFiles, trouble: TlsTrouble) -> None:
    shown, key = FlawedCertificates(files).as_server(trouble)
    assert (shown.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o644, 0o600)


def test_what_an_earlier_run_made_is_used_again(mine: CertificateFiles) -> None:
    for trouble in FLAWED:
        FlawedCertificates(mine).as_server(trouble)
    before = contents(mine.directory)
    for trouble in FLAWED:
        FlawedCertificates(mine).as_server(trouble)
    assert contents(mine.directory) == before


@pytest.mark.parametrize("trouble", FLAWED)
def test_all_is_made_again_after_the_authority_changed_but_for_the_unknown_one(
    mine: CertificateFiles, trouble: TlsTrouble
) -> None:
    shown, _ = FlawedCertificates(mine).as_server(trouble)
    before = shown.read_bytes()
    mine.ca.unlink()
    mine.ca_key.unlink()
    open_certificates(mine.directory, ("sms.test",))
    FlawedCertificates(mine).as_server(trouble)
    assert (shown.read_bytes() == before) is (trouble is TlsTrouble.UNKNOWN_CA)


def test_a_certificate_is_made_again_once_its_flaw_is_gone(mine: CertificateFiles) -> None:
    now = datetime.now(UTC)
    pair = read_pair(mine.ca, mine.ca_key)
    assert pair is not None
    assert pair.key is not None
    hosts = hosts_of(certificate(mine.platform_cert))
    leaf = Authority(pair.certificate, pair.key).issue("x", hosts, now - timedelta(days=1), now + timedelta(days=1))
    (mine.directory / "trouble-not-yet-valid.pem").write_bytes(leaf.certificate)
    (mine.directory / "trouble-not-yet-valid-key.pem").write_bytes(leaf.key)
    shown, _ = FlawedCertificates(mine).as_server(TlsTrouble.NOT_YET_VALID)
    assert certificate(shown).not_valid_before_utc > now + timedelta(days=300)


def test_a_certificate_is_made_again_when_the_platform_got_another_host(mine: CertificateFiles) -> None:
    FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
    open_certificates(mine.directory, ("sms.test", "more.test"))
    shown, _ = FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
    assert "more.test" in hosts_of(certificate(shown))


def test_what_somebody_else_put_there_is_used(mine: CertificateFiles) -> None:
    leaf = trustme.CA().issue_cert("sms.corp")
    leaf.cert_chain_pems[0].write_to_path(mine.directory / "trouble-expired.pem")
    leaf.private_key_pem.write_to_path(mine.directory / "trouble-expired-key.pem")
    shown, _ = FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
    assert shown.read_bytes() == leaf.cert_chain_pems[0].bytes()


def test_half_a_pair_is_told_of(mine: CertificateFiles) -> None:
    _, key = FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
    key.unlink()
    with pytest.raises(CertificateError, match=r"trouble-expired\.pem: trouble-expired-key\.pem, its private key, is"):
        FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)


def test_without_the_authoritys_key_only_an_unknown_authority_can_be_had(mine: CertificateFiles) -> None:
    mine.ca_key.unlink()
    FlawedCertificates(mine).as_server(TlsTrouble.UNKNOWN_CA)
    with pytest.raises(CertificateError, match=r"ca-key\.pem: is missing, and without it no flawed certificate can be"):
        FlawedCertificates(mine).as_server(TlsTrouble.WRONG_HOST)


def test_a_folder_that_cannot_be_written_is_told_of(mine: CertificateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cloudsms_simulator.net.tls_faults.locked", refuse)
    with pytest.raises(CertificateError, match=r"trouble-expired\.pem: cannot be written: Permission denied; name a"):
        FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)


def test_what_lies_in_a_folder_that_cannot_be_written_is_used(
    mine: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
    monkeypatch.delattr("cloudsms_simulator.net.tls_faults.locked")
    assert FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED) == made


def test_what_is_broken_in_a_folder_that_cannot_be_written_is_told_of(
    mine: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, _ = FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
    shown.write_bytes(b"nonsense")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(CertificateError, match=r"trouble-expired\.pem: holds no certificate in PEM"):
        FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)


def test_those_who_ask_at_once_end_with_the_same_files(mine: CertificateFiles) -> None:
    seen: list[bytes] = []

    def ask(begin: Callable[[], object]) -> None:
        begin()
        shown, _ = FlawedCertificates(mine).as_server(TlsTrouble.EXPIRED)
        seen.append(shown.read_bytes())

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=ask, args=(barrier.wait,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(seen) == 4
    assert len(set(seen)) == 1
