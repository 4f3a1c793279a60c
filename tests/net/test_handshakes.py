"""Failed handshakes, each made to fail by a real client, on both event loops."""

import asyncio
import errno
import re
import socket
import ssl
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from patience import DEADLINE

from cloudsms_simulator.net.certificates import Authority, CertificateFiles, complete_set, read_pair
from cloudsms_simulator.net.tls import (
    ClientCertificates,
    HandshakeReason,
    handshake_reason,
    peer_certificate,
    platform_context,
)

Client = Callable[[socket.socket], object]
Refusal = Callable[..., tuple[HandshakeReason, str]]

try:
    from uvloop import new_event_loop as uvloop_loop
except ImportError:
    LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio")]
else:
    LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop_loop, id="uvloop")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def authority(files: CertificateFiles) -> Authority:
    """The set's authority, to issue what goes wrong."""
    pair = read_pair(files.ca, files.ca_key)
    assert pair is not None
    assert pair.key is not None
    return Authority(pair.certificate, pair.key)


@pytest.fixture(params=LOOPS)
def refusal(request: pytest.FixtureRequest, files: CertificateFiles) -> Refusal:
    """Lets a client call the platform, and tells why the handshake failed; `patience` is how long it may take."""

    def refuse(
        client: Client, mtls: ClientCertificates = "required", patience: float = DEADLINE
    ) -> tuple[HandshakeReason, str]:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return handshake_reason(runner.run(_handshake(platform_context(files, mtls), client, patience)))

    return refuse


async def _handshake(context: ssl.SSLContext, client: Client, patience: float) -> OSError:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        calling = loop.run_in_executor(None, _call, listener.getsockname(), client)
        accepted, _ = await asyncio.wait_for(loop.sock_accept(listener), DEADLINE)
        try:
            transport, _ = await loop.connect_accepted_socket(
                asyncio.Protocol, accepted, ssl=context, ssl_handshake_timeout=patience, ssl_shutdown_timeout=1
            )
        except OSError as error:
            return error
        else:
            transport.abort()
            raise AssertionError("the handshake succeeded")
        finally:
            accepted.close()
            await calling


def _call(address: tuple[str, int], client: Client) -> None:
    with socket.create_connection(address, timeout=DEADLINE) as connection:
        try:
            client(connection)
        except OSError:
            return


def speaks_tls(context: ssl.SSLContext, host: str = "localhost") -> Client:
    """A client that shakes hands and reads until the end."""

    def call(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_hostname=host) as wrapped:
            wrapped.recv(1)

    return call


def sends(octets: bytes, *, then_reads: bool = True) -> Client:
    """A client that sends these octets and reads what comes, or leaves."""

    def call(connection: socket.socket) -> None:
        connection.sendall(octets)
        if then_reads:
            connection.recv(1000)

    return call


def resets(octets: bytes) -> Client:
    """A client that leaves with a reset."""

    def call(connection: socket.socket) -> None:
        connection.sendall(octets)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return call


def customer(files: CertificateFiles, *pair: Path) -> ssl.SSLContext:
    """A customer that trusts the platform, and shows a certificate if one is given."""
    context = ssl.create_default_context(cafile=files.ca)
    if pair:
        context.load_cert_chain(*pair)
    return context


def client_hello(files: CertificateFiles) -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = customer(files).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def put(folder: Path, certificate: bytes, key: bytes) -> tuple[Path, Path]:
    (folder / "shown.pem").write_bytes(certificate)
    (folder / "shown-key.pem").write_bytes(key)
    return folder / "shown.pem", folder / "shown-key.pem"


def test_a_client_without_a_certificate_is_told_which_to_show(refusal: Refusal, files: CertificateFiles) -> None:
    reason, words = refusal(speaks_tls(customer(files)))
    assert reason == "no-certificate"
    assert "let it show customer.pem with customer-key.pem" in words


def test_over_tls_1_2_a_missing_certificate_is_known_too(refusal: Refusal, files: CertificateFiles) -> None:
    context = customer(files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert refusal(speaks_tls(context))[0] == "no-certificate"


@pytest.mark.parametrize("mtls", ["optional", "required"])
def test_a_certificate_of_an_unknown_authority_is_named_so(
    refusal: Refusal, mtls: ClientCertificates, files: CertificateFiles, tmp_path: Path
) -> None:
    leaf = trustme.CA().issue_cert("localhost")
    shown = put(tmp_path, leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes())
    reason, words = refusal(speaks_tls(customer(files, *shown)), mtls)
    assert reason == "unknown-ca"
    assert "(unable to get local issuer certificate)" in words


def test_a_certificate_that_signed_itself_is_of_an_unknown_authority(
    refusal: Refusal, files: CertificateFiles, tmp_path: Path
) -> None:
    itself = Authority.create(datetime.now(UTC))
    shown = put(tmp_path, itself.certificate_pem(), itself.key_pem())
    assert refusal(speaks_tls(customer(files, *shown)))[0] == "unknown-ca"


def test_an_expired_certificate_is_named_so(refusal: Refusal, files: CertificateFiles) -> None:
    reason, words = refusal(speaks_tls(customer(files, files.expired_cert, files.expired_key)))
    assert reason == "expired"
    assert "has expired" in words


def test_a_certificate_of_tomorrow_is_named_so(
    refusal: Refusal, files: CertificateFiles, authority: Authority, tmp_path: Path
) -> None:
    day = timedelta(days=1)
    leaf = authority.issue("Tomorrow's", ("localhost",), datetime.now(UTC) + day, datetime.now(UTC) + 2 * day)
    shown = put(tmp_path, leaf.certificate, leaf.key)
    reason, words = refusal(speaks_tls(customer(files, *shown)))
    assert reason == "not-yet-valid"
    assert "clock" in words


def test_a_certificate_for_servers_only_has_the_wrong_usage(
    refusal: Refusal, files: CertificateFiles, authority: Authority, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    for_servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        x509.CertificateBuilder(
            issuer_name=authority.certificate.subject,
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A server")]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=datetime.now(UTC) - timedelta(days=1),
            not_valid_after=datetime.now(UTC) + timedelta(days=1),
        )
        .add_extension(for_servers, critical=False)
        .sign(authority.key, SHA256())
    )
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = put(tmp_path, certificate.public_bytes(Encoding.PEM), key_pem)
    reason, words = refusal(speaks_tls(customer(files, *shown)))
    assert reason == "wrong-usage"
    assert "clientAuth" in words


def test_a_certificate_that_says_nothing_of_its_use_is_for_any(
    files: CertificateFiles, authority: Authority, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = x509.CertificateBuilder(
        issuer_name=authority.certificate.subject,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "For any purpose")]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=datetime.now(UTC) - timedelta(days=1),
        not_valid_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ).sign(authority.key, SHA256())
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = put(tmp_path, certificate.public_bytes(Encoding.PEM), key_pem)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = platform_context(files, "required").wrap_bio(to_server, to_client, server_side=True)
    client = customer(files, *shown).wrap_bio(to_client, to_server, server_hostname="localhost")
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()

    peer = peer_certificate(server)

    assert peer is not None
    assert (peer.subject, peer.not_after.year) == ("CN=For any purpose", 9999)


def test_a_client_of_an_old_protocol_is_told_which_to_use(refusal: Refusal, files: CertificateFiles) -> None:
    context = customer(files)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    reason, words = refusal(speaks_tls(context))
    assert reason == "protocol-version"
    assert "(unsupported protocol)" in words
    assert "TLS 1.2 or 1.3" in words


def test_a_client_without_a_cipher_in_common_is_told_so(refusal: Refusal, files: CertificateFiles) -> None:
    context = customer(files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA256")
    reason, words = refusal(speaks_tls(context))
    assert reason == "protocol-version"
    assert "(no shared cipher)" in words


@pytest.mark.parametrize("line", [b"POST /dave/io HTTP/1.1", b"GET / HTTP/1.0", b"CONNECT localhost:1 HTTP/1.1"])
def test_plain_http_is_told_to_begin_with_https(refusal: Refusal, line: bytes) -> None:
    reason, words = refusal(sends(line + b"\r\nHost: localhost\r\n\r\n"))
    assert reason == "plain-http"
    assert "https://" in words


@pytest.mark.parametrize("kept", [0, 40, 10_000])
def test_a_client_that_leaves_midway_is_cut_off(refusal: Refusal, kept: int, files: CertificateFiles) -> None:
    assert refusal(sends(client_hello(files)[:kept], then_reads=False))[0] == "cut-off"


def test_a_client_that_resets_midway_is_cut_off(refusal: Refusal, files: CertificateFiles) -> None:
    assert refusal(resets(client_hello(files)[:40]))[0] == "cut-off"


@pytest.mark.parametrize("kept", [0, 40])
def test_a_client_that_goes_silent_times_out(refusal: Refusal, kept: int, files: CertificateFiles) -> None:
    assert refusal(sends(client_hello(files)[:kept]), patience=0.1)[0] == "timeout"


@pytest.mark.parametrize("mtls", ["off", "optional", "required"])
def test_a_client_that_lacks_our_authority_distrusts_us(refusal: Refusal, mtls: ClientCertificates) -> None:
    reason, words = refusal(speaks_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), mtls)
    assert reason == "client-distrusts-us"
    assert "let it trust ca.pem" in words


def test_a_client_that_expects_another_name_distrusts_us(refusal: Refusal, files: CertificateFiles) -> None:
    reason, words = refusal(speaks_tls(customer(files), host="sms.test"))
    assert reason == "client-distrusts-us"
    assert "a name that the certificate has" in words


@pytest.mark.parametrize(
    "octets",
    [b"DELETE / HTTP/1.1\r\n\r\n", b'{"METHOD":"SMS_SEND_REQUEST"}', b"\x00" * 100, b"\x16\x03\x01\x00\x05hello"],
    ids=["another HTTP method", "bare JSON", "zeros", "a record without a handshake"],
)
def test_what_is_no_tls_is_garbage(refusal: Refusal, octets: bytes) -> None:
    reason, words = refusal(sends(octets))
    assert reason == "garbage"
    assert "speaks HTTPS" in words


def alert(name: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {name}]")
    error.reason = name
    return error


@pytest.mark.parametrize(
    "name",
    ["SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_CERTIFICATE_EXPIRED", "TLSV1_ALERT_UNKNOWN_CA"],
    ids=["as Java says it", "expired", "as OpenSSL says it"],
)
def test_every_alert_about_our_certificate_is_distrust(name: str) -> None:
    assert handshake_reason(alert(name))[0] == "client-distrusts-us"


def test_a_failure_of_another_kind_is_told_in_its_own_words() -> None:
    failed = alert("TLSV1_ALERT_INTERNAL_ERROR")
    assert handshake_reason(failed) == ("other", "The handshake failed: tlsv1 alert internal error.")
    no_files = OSError(errno.EMFILE, "Too many open files")
    assert handshake_reason(no_files) == ("other", "The handshake failed: Too many open files.")


def test_a_certificate_of_another_authority_with_the_name_of_ours_is_from_an_unknown_one() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 7, "certificate signature failure"
    reason, words = handshake_reason(error)
    assert reason == "unknown-ca"
    assert "from an authority unknown here (certificate signature failure)" in words


def test_a_verification_that_failed_otherwise_is_told_in_its_own_words() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 66, "EE certificate key too weak"
    assert handshake_reason(error) == ("other", "The handshake failed: EE certificate key too weak.")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "cut-off"),
        (ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed"), "cut-off"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "cut-off"),
        (ConnectionAbortedError(errno.ECONNABORTED, "Software caused connection abort"), "cut-off"),
        (ConnectionResetError(), "cut-off"),
        (TimeoutError("The handshake operation timed out"), "timeout"),
    ],
)
def test_what_sockets_raise_is_known_too(error: OSError, reason: HandshakeReason) -> None:
    assert handshake_reason(error)[0] == reason


def test_every_reason_is_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", reason) for reason in get_args(HandshakeReason))
