"""What is told of pushes that do not come through, and what mends each: by real sockets, and by what servers say.

Spec: Delivery Report (DR) CallBack. Reading: R12.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
import trustme
from both_loops import Run, unheeded

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.delivery import push_findings
from cloudsms_simulator.engine.faults import Identity, PushFault
from cloudsms_simulator.engine.records import Push
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.failures import PusherFacts, PushTarget, broken_tls

MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


@pytest.fixture
def run(run: Run) -> Run:
    """Likewise; the servers here do to their connections what event loops complain of."""
    return lambda story: run(unheeded(story))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


@pytest.fixture(params=[None, PushFault.SLOW], ids=["pooled", "by itself"])
def find(request: pytest.FixtureRequest, files: CertificateFiles):
    """The finding of one push, through the pool or on a connection of its own."""

    async def push(url: str, **callback: object) -> Finding:
        client = PushClient(files)
        try:
            pushed = Push("shop", "uid", 1, 1, MOMENT, url, b"{}", fault=request.param)
            result = await client.post(pushed, Callback(url=url, **callback))  # type: ignore[arg-type]
        finally:
            await client.close()
        [finding] = push_findings(pushed, result)
        return finding

    return push


@asynccontextmanager
async def serving(context: ssl.SSLContext | None, scheme: str = "https") -> AsyncIterator[str]:
    """The URL of a server that closes every connection once a request came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


def showing(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def by(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_each_certificate_that_is_not_trusted_has_its_remedy(
    run: Run, files: CertificateFiles, find, tmp_path: Path
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "itself.pem")
    ca.private_key_pem.write_to_path(tmp_path / "key.pem")
    folder = files.directory

    async def story() -> None:
        for context, got, want in (
            (
                showing(tmp_path / "itself.pem", tmp_path / "key.pem"),
                "the server's certificate is not trusted: self-signed certificate",
                f"let your server show {folder}/customer.pem, which the platform trusts; or name the PEM file of its "
                "authority as callback.ca",
            ),
            (
                by(ca),
                "the server's certificate is not trusted: unable to get local issuer certificate",
                f"let your server show {folder}/customer.pem, which the platform trusts; or name the PEM file of its "
                "authority as callback.ca",
            ),
            (
                showing(folder / "expired.pem", folder / "expired-key.pem"),
                "the server's certificate is not trusted: certificate has expired",
                f"renew it, or let your server show {folder}/customer.pem",
            ),
        ):
            async with serving(context) as url:
                finding = await find(url)
            assert (finding.rule, finding.got) == ("push-tls", got)
            assert finding.want.startswith(want)

        async with serving(showing(files.customer_cert, files.customer_key)) as url:
            finding = await find(url.replace("localhost", "localhost.localdomain"))
        if finding.rule == "push-tls":  # not every machine knows that name
            assert finding.want.startswith("give your server a certificate for localhost.localdomain: cloudsms-sim")

    run(story())


def test_a_server_that_refuses_our_certificate_is_to_trust_our_authority(
    run: Run, files: CertificateFiles, find
) -> None:
    async def story() -> None:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = showing(files.customer_cert, files.customer_key)
            context.verify_mode = ssl.CERT_REQUIRED
            trustme.CA().configure_trust(context)
            context.maximum_version = version
            async with serving(context) as url:
                finding = await find(url)
                assert finding.rule in ("push-tls", "push-failed")
                assert f"let it trust {files.directory}/ca.pem, the authority of the platform's" in finding.want
                assert "Errno" not in finding.got
                finding = await find(url, identity=Identity.NONE)
                assert finding.rule in ("push-tls", "push-failed")
                assert "callback.identity" in finding.want or "let it trust" in finding.want

    run(story())


def test_tls_behind_a_plain_url_is_hinted_at(run: Run, files: CertificateFiles, find) -> None:
    async def story() -> None:
        async with serving(showing(files.customer_cert, files.customer_key), "http") as url:
            finding = await find(url)
        assert finding.rule == "push-failed"
        assert finding.got.startswith("the server ")
        assert finding.got.endswith(" the connection without an answer")
        assert finding.want.endswith("if it speaks TLS at this port, begin callback.url with https://")

    run(story())


def test_an_alert_of_tls_behind_a_plain_url_is_known_as_such(run: Run, find) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x15\x03\x03\x00\x02\x02\x46")  # protocol_version
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        finding = await find(f"http://localhost:{server.sockets[0].getsockname()[1]}/")
        assert (finding.rule, finding.got) == ("push-failed", "what answers speaks TLS")
        assert finding.want == "begin callback.url with https://"
        server.close()

    run(story())


def test_nothing_that_listens_and_a_name_that_nobody_has(run: Run, find) -> None:
    async def story() -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            for scheme, how in (("https", "--certs DIR"), ("http", "--plain")):
                finding = await find(f"{scheme}://127.0.0.1:{port}/")
                assert (finding.rule, finding.got) == ("push-refused", f"127.0.0.1:{port}: nothing listens there")
                assert f"cloudsms-simulator listen --port {port} {how} is one to try with" in finding.want
        finding = await find("https://nobody.invalid/")
        # Where nobody answers for names either, it takes too long.
        assert finding.rule == "push-timeout" or finding.want.startswith("see whether it is spelled right")

    run(story())


@pytest.mark.parametrize(
    ("reason", "mend"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", "let it trust certs/ca.pem, the authority of the platform's certificate"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "let it trust certs/ca.pem, the authority of the platform's certificate"),
        ("WRONG_VERSION_NUMBER", "switch TLS on in your server, or begin callback.url with http://"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "let it use TLS 1.2 or 1.3"),
        ("SOMETHING_ELSE", "see the log of your server; if it wants to know clients, let it trust certs/ca.pem"),
    ],
)
def test_what_openssl_says_has_its_remedy_in_the_handshake_and_after_it(reason: str, mend: str) -> None:
    error = ssl.SSLError(1, f"[SSL: {reason}] a word")
    error.reason = reason
    way = PushTarget("https://localhost:1/", Callback(), "shop", Path("certs"))

    for result in (way.unconnected(error), way.broken_off(OSError(), error)):
        assert result.failure == "push-tls"
        assert result.remedy is not None
        assert result.remedy.startswith(mend)


def test_what_openssl_says_is_told_in_its_own_words_without_what_else_an_error_holds() -> None:
    error = ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:1006)")
    error.reason = "TLSV1_ALERT_UNKNOWN_CA"
    remedy = broken_tls(error, PusherFacts(None, "the platform's certificate", ""))
    assert remedy.found == "the server does not trust the platform's certificate (tlsv1 alert unknown ca)"
    told = broken_tls("the server broke off: TLSV1_ALERT_UNKNOWN_CA", PusherFacts(None, "mine.pem", ""))
    assert told.found.endswith("(the server broke off: TLSV1_ALERT_UNKNOWN_CA)")
