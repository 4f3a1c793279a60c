"""send against a platform that answers whatever the test wants, over plain HTTP and over TLS."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.send import DEFAULT_TARGET, Target
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY
from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates
from cloudsms_simulator.net.tls import platform_context
from cloudsms_simulator.protocol.answer import Answer, AnswerItem, encode_answer
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG, read_wire_time
from cloudsms_simulator.services.ready_file import Ready, write_ready_file

UID = "5A3B394096E50X01D1FA163E81BFFF"
NOW = datetime(2021, 9, 13, 12, 0, 0, tzinfo=HONG_KONG)


def answered(*codes: ResultCode) -> bytes:
    """An answer with one item a code, which is the packet's too when all are the same."""
    items = tuple(AnswerItem(852, "67000011", UID, code) for code in codes)
    return encode_answer(Answer(1, NOW, ResultCode.OK if ResultCode.OK in codes else codes[0], items), SPEC)


class Stub:
    """A platform that answers every packet with `status` and `body`, and keeps what came."""

    def __init__(self, files: CertificateFiles | None) -> None:
        self.status = 200
        self.body = answered(ResultCode.OK)
        self.packets: list[dict[str, object]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                octets = self.rfile.read(int(self.headers["Content-Length"]))
                stub.packets.append(json.loads(octets))
                self.send_response(stub.status if self.path == "/dave/io" else 404)
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        class Server(HTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A refused handshake is what some tests are about."""

        self.server = Server(("127.0.0.1", 0), Handler)
        if files is not None:
            self.server.socket = platform_context(files, "required").wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if files is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}/dave/io"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "AUTH_KEY", "ROUTE_ID", "CA", "CLIENT_CERT", "CLIENT_KEY", "READY_FILE", "CERTS"):
        monkeypatch.delenv(f"CLOUDSMS_SIM_{name}", raising=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return open_certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def plain() -> Iterator[Stub]:
    stub = Stub(None)
    yield stub
    stub.close()


@pytest.fixture
def secure(files: CertificateFiles) -> Iterator[Stub]:
    """A platform that demands client certificates."""
    stub = Stub(files)
    yield stub
    stub.close()


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["send", *map(str, args)])


def test_a_packet_in_order_is_sent(plain: Stub) -> None:
    result = run("--to", "85267000011", "--url", plain.url, "Your code is 123345")

    assert result.exit_code == 0
    (packet,) = plain.packets
    assert read_wire_time(str(packet.pop("TIME"))) is not None
    assert packet == {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "REQUEST",
        "SERIAL": 1,
        "AUTH_KEY": DEFAULT_AUTH_KEY,
        "ROUTE_ID": "VerifyCode_516",
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
        "SMS_CONTENT": "Your code is 123345",
        "VERSION": "2021-01-01",
    }


def test_every_flag_of_the_packet_is_sent(plain: Stub) -> None:
    run(
        *("--to", "85267000011", "--to", "+6581234567", "--url", plain.url, "--auth-key", "k", "--route-id", "R"),
        *("--sender", "Shop", "--signature", "S", "--signature-type", "1", "--customer-body", '{"id": 1}', "短信"),
    )

    (packet,) = plain.packets
    del packet["TIME"]
    assert packet == {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "REQUEST",
        "SERIAL": 1,
        "AUTH_KEY": "k",
        "ROUTE_ID": "R",
        "MULTI_MSISDN_LIST": [
            {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"},
            {"COUNTRY_CODE": 65, "DEST_MSISDN": "81234567"},
        ],
        "SMS_CONTENT": "短信",
        "ORIGINAL_ADDR": "Shop",
        "SIGNATURE": "S",
        "SIGNATURE_TYPE": 1,
        "VERSION": "2021-01-01",
        "CUSTOMER_BODY": {"id": 1},
    }


def test_with_a_country_the_number_is_sent_as_it_is(plain: Stub) -> None:
    run("--to", "67xxxx11", "--country", "1242", "--url", plain.url, "x")

    assert plain.packets[0]["MULTI_MSISDN_LIST"] == [{"COUNTRY_CODE": 1242, "DEST_MSISDN": "67xxxx11"}]


def test_the_answer_is_printed_for_people(plain: Stub) -> None:
    result = run("--to", "85267000011", "--url", plain.url, "x")

    assert result.output.splitlines() == [
        "answer 0x01 OK, SERIAL 1, 2021-09-13 12:00:00",
        f"  852 67000011     0x01 OK                        {UID}",
    ]


def test_the_answer_is_printed_as_it_came(plain: Stub) -> None:
    result = run("--to", "85267000011", "--url", plain.url, "--json", "x")

    assert (result.exit_code, result.stdout_bytes) == (0, plain.body + b"\n")


@pytest.mark.parametrize(
    "body",
    [
        answered(ResultCode.BUSY),
        answered(ResultCode.OK, ResultCode.INTERCEPT),
        answered(ResultCode.OK).replace(b":1,", b":77,"),
    ],
)
def test_a_refusal_ends_1(plain: Stub, body: bytes) -> None:
    plain.body = body

    assert run("--to", "85267000011", "--url", plain.url, "x").exit_code == 1


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b""), (500, answered(ResultCode.OK))])
def test_what_is_no_answer_ends_1(plain: Stub, status: int, body: bytes) -> None:
    plain.status, plain.body = status, body

    result = run("--to", "85267000011", "--url", plain.url, "x")

    assert result.exit_code == 1
    assert f"answers HTTP {status} and no packet" in result.stderr


def test_nobody_there_ends_3() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/dave/io"

        result = run("--to", "85267000011", "--url", url, "x")

    assert result.exit_code == 3
    assert result.stderr.startswith(f"Error: {url} cannot be reached: ")


def test_silence_ends_4() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/dave/io"

        result = run("--to", "85267000011", "--url", url, "--timeout", "0.05", "x")

    assert (result.exit_code, result.stderr) == (4, f"Error: {url} did not answer within 0.05 s\n")


@pytest.mark.parametrize(
    "args",
    [
        ("--to", "999", "x"),
        ("--to", "67xxxx11", "x"),
        ("--to", "85267000011", "--customer-body", "{", "x"),
        ("--to", "85267000011", "--url", "ftp://x", "x"),
        ("--to", "85267000011", "--url", "http://x:y/", "x"),
        ("--to", "85267000011", "--url", "x", "x"),
        ("--to", "85267000011", "--url", "http://127.0.0.1:1/", "\udcff"),
        ("--to", "85267000011"),
        ("x",),
    ],
)
def test_wrong_usage_ends_2(args: tuple[str, ...]) -> None:
    result = run(*args)

    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_a_client_certificate_is_shown(secure: Stub, files: CertificateFiles) -> None:
    result = run(
        *("--to", "85267000011", "--url", secure.url, "--ca", files.ca),
        *("--cert", files.customer_cert, "--key", files.customer_key, "x"),
    )

    assert result.exit_code == 0


def test_the_folder_of_certificates_is_enough(secure: Stub, files: CertificateFiles) -> None:
    assert run("--to", "85267000011", "--url", secure.url, "--certs", files.directory, "x").exit_code == 0


def test_the_ready_file_is_enough(
    secure: Stub, files: CertificateFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ready_file(tmp_path / "ready", ready(secure, files))

    assert run("--to", "85267000011", "--ready-file", tmp_path / "ready", "x").exit_code == 0
    monkeypatch.setenv("CLOUDSMS_SIM_READY_FILE", str(tmp_path / "ready"))
    assert run("--to", "85267000011", "x").exit_code == 0
    assert [packet["AUTH_KEY"] for packet in secure.packets] == ["key-of-the-ready-file"] * 2


def test_flags_count_before_variables_before_the_ready_file(
    plain: Stub, files: CertificateFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ready_file(tmp_path / "ready", ready(plain, files))
    monkeypatch.setenv("CLOUDSMS_SIM_AUTH_KEY", "key-of-the-variable")
    monkeypatch.setenv("CLOUDSMS_SIM_ROUTE_ID", "route-of-the-variable")

    run("--to", "85267000011", "--ready-file", tmp_path / "ready", "--auth-key", "key-of-the-flag", "x")

    (packet,) = plain.packets
    assert (packet["AUTH_KEY"], packet["ROUTE_ID"]) == ("key-of-the-flag", "route-of-the-variable")


def test_a_platform_that_is_not_trusted_ends_3_and_tells_what_to_do(secure: Stub) -> None:
    result = run("--to", "85267000011", "--url", secure.url, "x")

    assert result.exit_code == 3
    assert "name the authority it comes from with --ca, --certs or --ready-file" in result.stderr


def test_a_missing_client_certificate_ends_3_and_tells_what_to_do(secure: Stub, files: CertificateFiles) -> None:
    result = run("--to", "85267000011", "--url", secure.url, "--ca", files.ca, "x")

    assert result.exit_code == 3
    assert "if it demands a client certificate, give --cert, --certs or --ready-file" in result.stderr


def test_insecure_trusts_anybody(secure: Stub, files: CertificateFiles) -> None:
    result = run(
        *("--to", "85267000011", "--url", secure.url, "--insecure"),
        *("--cert", files.customer_cert, "--key", files.customer_key, "x"),
    )

    assert result.exit_code == 0


@pytest.mark.parametrize("flag", ["--ca", "--cert"])
@pytest.mark.parametrize("content", [b"no PEM", None])
def test_a_file_that_cannot_serve_ends_2(tmp_path: Path, flag: str, content: bytes | None) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)

    result = run("--to", "85267000011", flag, path, "x")

    assert result.exit_code == 2
    assert f"{path}: cannot serve as " in result.stderr


def test_a_folder_without_certificates_ends_2(tmp_path: Path) -> None:
    result = run("--to", "85267000011", "--certs", tmp_path, "x")

    assert result.exit_code == 2
    assert f"{tmp_path}: has no ca.pem; make it with `cloudsms-simulator certs {tmp_path}`" in result.stderr


def test_without_a_ready_file_no_server_is_ready(tmp_path: Path) -> None:
    result = run("--to", "85267000011", "--ready-file", tmp_path / "absent", "x")

    assert result.exit_code == 3
    assert "cannot read the ready file: No such file or directory; is the server running?" in result.stderr


def test_a_broken_ready_file_ends_2(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("{}")

    result = run("--to", "85267000011", "--ready-file", tmp_path / "ready", "x")

    assert result.exit_code == 2
    assert "is no ready file" in result.stderr


def test_a_certificate_never_gets_the_key_of_another() -> None:
    target = Target(client_cert="mine.pem").otherwise(Target(client_cert="theirs.pem", client_key="theirs-key.pem"))

    assert (target.client_cert, target.client_key) == ("mine.pem", None)


def test_what_a_target_lacks_comes_from_the_next() -> None:
    assert Target(url="u").otherwise(DEFAULT_TARGET) == msgspec.structs.replace(DEFAULT_TARGET, url="u")


def ready(stub: Stub, files: CertificateFiles) -> Ready:
    return Ready(
        url=stub.url,
        admin_url="http://127.0.0.1:1",
        ca=str(files.ca),
        client_cert=str(files.customer_cert),
        client_key=str(files.customer_key),
        auth_key="key-of-the-ready-file",
        route_id="VerifyCode_516",
        pid=1,
    )
