"""The contexts of both sides over real connections, and what is told about a connection."""

import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from patience import DEADLINE

from cloudsms_simulator.engine.records import PeerCertificate, TlsFacts
from cloudsms_simulator.net.certificates import CertificateError, CertificateFiles, complete_set
from cloudsms_simulator.net.tls import (
    ClientCertificates,
    peer_certificate,
    platform_context,
    push_context,
    tls_facts,
    trust_system,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def mine(files: CertificateFiles, tmp_path: Path) -> CertificateFiles:
    """A copy of the set, to be spoilt."""
    shutil.copytree(files.directory, tmp_path / "certs")
    return CertificateFiles.within(tmp_path / "certs")


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Somebody else's authority, and a certificate for localhost with its key."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    paths = tmp_path / "foreign-ca.pem", tmp_path / "foreign.pem", tmp_path / "foreign-key.pem"
    for path, blob in zip(paths, (authority.cert_pem, leaf.cert_chain_pems[0], leaf.private_key_pem), strict=True):
        blob.write_to_path(path)
    return paths


def customer_context(files: CertificateFiles, *, shows: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """A customer as strict as newer Pythons are by default."""
    context = ssl.create_default_context(cafile=files.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if shows is not None:
        context.load_cert_chain(*shows)
    return context


def server_of(certificate: Path, key: Path, *trusted: Path) -> ssl.SSLContext:
    """A customer's server for delivery reports; it requires a client certificate when it trusts somebody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for bundle in trusted:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(bundle)
    return context


def connect(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    look: Callable[[ssl.SSLSocket], object] = tls_facts,
    host: str = "localhost",
) -> object:
    """What `look` makes of the server's end of a connection; raises what the client saw of a handshake that failed."""
    ours, theirs = socket.socketpair()
    seen: list[object] = []

    def serve() -> None:
        try:
            with server.wrap_socket(ours, server_side=True) as connection:
                seen.append(look(connection))
                connection.sendall(b"!")
                connection.recv(1)
        except OSError:
            ours.close()

    for end in (ours, theirs):
        end.settimeout(DEADLINE)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname=host) as connection:
            if connection.recv(1) != b"!":
                raise ConnectionResetError("the server ended the connection")
    finally:
        theirs.close()
        thread.join()
    return seen[0]


def facts(server: ssl.SSLContext, client: ssl.SSLContext) -> TlsFacts:
    found = connect(server, client)
    assert isinstance(found, TlsFacts)
    return found


def test_a_customer_that_shows_its_certificate_is_known_by_it(files: CertificateFiles) -> None:
    client = customer_context(files, shows=(files.customer_cert, files.customer_key))
    found = facts(platform_context(files, "required"), client)
    shown = x509.load_pem_x509_certificate(files.customer_cert.read_bytes())
    assert (found.version, found.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert found.peer == PeerCertificate(
        subject="CN=CloudSMS customer,OU=Issued for tests,O=CloudSMS simulator",
        issuer=shown.issuer.rfc4514_string(),
        serial=f"{shown.serial_number:X}",
        not_before=shown.not_valid_before_utc,
        not_after=shown.not_valid_after_utc,
        fingerprint_sha256=":".join(f"{octet:02X}" for octet in shown.fingerprint(SHA256())),
        san=("localhost", "127.0.0.1", "::1"),
    )
    assert found.peer.not_after.utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize("mtls", ["off", "optional"])
def test_a_customer_without_a_certificate_is_served_where_none_is_required(
    mtls: ClientCertificates, files: CertificateFiles
) -> None:
    assert facts(platform_context(files, mtls), customer_context(files)).peer is None


def test_no_certificate_is_asked_for_where_they_are_off(files: CertificateFiles) -> None:
    client = customer_context(files, shows=(files.customer_cert, files.customer_key))
    assert facts(platform_context(files, "off"), client).peer is None


@pytest.mark.parametrize("mtls", ["optional", "required"])
def test_an_expired_certificate_is_refused_also_where_none_is_required(
    mtls: ClientCertificates, files: CertificateFiles
) -> None:
    client = customer_context(files, shows=(files.expired_cert, files.expired_key))
    with pytest.raises(OSError):  # noqa: PT011
        connect(platform_context(files, mtls), client)


def test_a_customer_without_a_certificate_is_refused_where_it_is_required(files: CertificateFiles) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        connect(platform_context(files, "required"), customer_context(files))


def test_a_certificate_of_one_more_authority_is_accepted_when_that_is_configured(
    files: CertificateFiles, foreign: tuple[Path, Path, Path]
) -> None:
    client = customer_context(files, shows=foreign[1:])
    with pytest.raises(OSError):  # noqa: PT011
        connect(platform_context(files, "required"), client)
    found = facts(platform_context(files, "required", foreign[0]), client)
    assert found.peer is not None
    assert found.peer.san == ("localhost",)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_platform_is_trusted_under_every_local_name(host: str, files: CertificateFiles) -> None:
    connect(platform_context(files, "off"), customer_context(files), host=host)


def test_tls_1_2_is_spoken_and_nothing_older(files: CertificateFiles) -> None:
    client = customer_context(files)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    context = platform_context(files, "off")
    assert facts(context, client).version == "TLSv1.2"
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_no_session_can_be_resumed_with_a_ticket(files: CertificateFiles) -> None:
    client = customer_context(files)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(DEADLINE)
        theirs.settimeout(DEADLINE)
        sessions: list[bool] = []

        def call() -> None:
            with client.wrap_socket(theirs, server_hostname="localhost") as connection:
                connection.recv(1)
                assert connection.session is not None
                sessions.append(connection.session.has_ticket)

        thread = threading.Thread(target=call)
        thread.start()
        with platform_context(files, "off").wrap_socket(ours, server_side=True) as connection:
            connection.sendall(b"!")
            thread.join()
    assert sessions == [False]


def test_a_peer_certificate_that_cannot_be_read_is_none() -> None:
    class Peer:
        def getpeercert(self, binary_form: bool) -> bytes:
            return b"\x30\x03\x02\x01\x01"

    assert peer_certificate(Peer()) is None  # type: ignore[arg-type]


def pushes(files: CertificateFiles, *trusted: Path, verify: bool = True, system: bool = False) -> ssl.SSLContext:
    return push_context((files.platform_cert, files.platform_key), (files.ca, *trusted), verify=verify, system=system)


def test_a_report_is_pushed_with_the_platforms_certificate(files: CertificateFiles) -> None:
    found = facts(server_of(files.customer_cert, files.customer_key, files.ca), pushes(files))
    assert found.peer is not None
    assert found.peer.subject.startswith("CN=CloudSMS platform,")


def test_a_push_goes_to_no_server_that_is_not_trusted(
    files: CertificateFiles, foreign: tuple[Path, Path, Path]
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
        connect(server_of(*foreign[1:]), pushes(files))


def test_a_push_goes_to_no_server_of_another_name(files: CertificateFiles) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        connect(server_of(files.customer_cert, files.customer_key), pushes(files), host="sms.test")


def test_a_push_goes_to_a_server_of_one_more_authority(
    files: CertificateFiles, foreign: tuple[Path, Path, Path]
) -> None:
    connect(server_of(*foreign[1:]), pushes(files, foreign[0]))


def test_a_push_goes_anywhere_when_nothing_is_verified(
    files: CertificateFiles, foreign: tuple[Path, Path, Path]
) -> None:
    connect(server_of(*foreign[1:]), pushes(files, verify=False), host="sms.test")


@pytest.fixture
def trusting_machine(
    foreign: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """A certificate and key whose authority this machine trusts."""
    if os.name != "posix":
        pytest.skip("only OpenSSL's own stores can be set by the environment")
    monkeypatch.setenv("SSL_CERT_FILE", str(foreign[0]))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return foreign[1], foreign[2]


def test_a_push_goes_to_a_server_that_this_machine_trusts(
    files: CertificateFiles, trusting_machine: tuple[Path, Path]
) -> None:
    connect(server_of(*trusting_machine), pushes(files, system=True))


def test_what_this_machine_trusts_can_be_added_later(
    files: CertificateFiles, trusting_machine: tuple[Path, Path]
) -> None:
    context = pushes(files)
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(server_of(*trusting_machine), context)
    trust_system(context)
    connect(server_of(*trusting_machine), context)


def test_a_missing_pair_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"platform\.pem: is missing, and so is its key; put both there"):
        platform_context(CertificateFiles.within(tmp_path), "off")


def test_a_missing_key_is_an_error(mine: CertificateFiles) -> None:
    mine.platform_key.unlink()
    with pytest.raises(CertificateError, match=r"platform-key\.pem, its private key, is missing"):
        platform_context(mine, "off")


def test_a_key_of_another_certificate_is_an_error(mine: CertificateFiles) -> None:
    with pytest.raises(CertificateError, match=r"platform\.pem: does not belong to the key in customer-key\.pem"):
        push_context((mine.platform_cert, mine.customer_key), (mine.ca,))


def test_an_encrypted_key_is_an_error_and_asks_nobody(mine: CertificateFiles) -> None:
    key = load_pem_private_key(mine.platform_key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret"))
    mine.platform_key.write_bytes(locked)
    with pytest.raises(CertificateError, match=r"platform-key\.pem: is encrypted"):
        platform_context(mine, "off")


def test_a_pair_that_only_openssl_refuses_is_an_error_in_its_words(
    mine: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise ssl.SSLError(1, "ee key too small")

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", refuse)
    with pytest.raises(CertificateError, match=r"platform\.pem: is refused by OpenSSL: ee key too small"):
        platform_context(mine, "off")


def test_a_bundle_without_a_certificate_is_an_error(mine: CertificateFiles, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"nothing")
    with pytest.raises(CertificateError, match=r"bundle\.pem: holds no certificate in PEM"):
        platform_context(mine, "required", bundle)


def test_a_missing_bundle_is_an_error(mine: CertificateFiles, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"bundle\.pem: cannot be read: No such file or directory"):
        push_context((mine.platform_cert, mine.platform_key), (tmp_path / "bundle.pem",))
